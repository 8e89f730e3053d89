"""Sentences at the width of a terminal."""

import io
import shutil

import pytest

from metaopt.terminal.wrapping import print_wrapped, wrap

COMMAND = "`python3 -m metaopt retrain --results my_results`"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("one two three", "one two\nthree"),
        ("one two\nthree fours", "one two\nthree\nfours"),
        ("  indented text", "  indented\ntext"),
        ("a longer_than_a_line b", "a\nlonger_than_a_line b"),  # which leaves two cells in its second line
        ("ends with a tick ` no", "ends with\na tick `\nno"),
        ("12 日本語 x", "12 日本語\nx"),
        ("", ""),
    ],
)
def test_lines_end_between_words(text: str, wrapped: str) -> None:
    assert wrap(text, 10) == wrapped


def test_a_command_is_never_broken() -> None:
    text = f"This is the best of 12 scores and therefore optimistic; run {COMMAND}, please."
    for width in range(10, 90):
        wrapped = wrap(text, width)
        assert f"{COMMAND}," in wrapped
        assert wrapped.replace("\n", " ") == text


def test_text_after_a_long_word_continues_in_its_last_line() -> None:
    assert wrap("x" * 25 + " four more", 10) == "x" * 25 + " four\nmore"


def test_only_a_terminal_is_wrapped(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert shutil.get_terminal_size().columns == 20
    for stream, shown in ((Terminal(), "twenty cells are not\nenough \\x1b\n"), (io.StringIO(), None)):
        print_wrapped("twenty cells are not enough \x1b", file=stream)
        assert stream.getvalue() == (shown or "twenty cells are not enough \\x1b\n")
