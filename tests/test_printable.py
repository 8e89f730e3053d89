"""Text that is safe to show."""

import json
import os
import unicodedata

import pytest

from metaopt.printable import printable, printable_json, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("one\ntwo\r\tthree\x00\x08\x7f", "one\\ntwo\\r\\tthree\\x00\\x08\\x7f"),
        ("\x9b31m", "\\x9b31m"),  # CSI in one byte
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("\u2066x\u2069 \u200f\u2028", "\\u2066x\\u2069 \\u200f\\u2028"),
        ("zero\u200bwidth\ufeff\xad", "zero\\u200bwidth\\ufeff\\xad"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("high \ud83d alone", "high \\ud83d alone"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_unsafe_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["naïve 猫 כלב می‌خواهم 👩‍🔬 ★ × – … C:\\new ~`$%", "e\u0301"])
def test_letters_of_every_language_stay(text: str) -> None:
    assert printable(text) == printable_lines(text) == text


def test_lines_keep_breaks_and_tabs_only() -> None:
    assert printable_lines("one\n\ttwo\x1b\r\n") == "one\n\ttwo\\x1b\\r\n"


def test_every_control_character_is_escaped() -> None:
    controls = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Cc", "Cs", "Zl", "Zp")]
    assert all(printable(each).isascii() and printable(each).isprintable() for each in controls)


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1", "cp932", "ascii", "no such encoding"])
def test_json_keeps_its_content_in_every_encoding(encoding: str | None) -> None:
    content = {"猫 👩‍🔬": ["\x1b[2J\x9b\u202e\x7f", os.fsdecode(b"\xe9"), "\U000e0041 é"]}
    shown = printable_json(json.dumps(content, ensure_ascii=False, indent=1), encoding)
    assert json.loads(shown) == content
    assert printable_lines(shown) == shown
    if encoding not in (None, "no such encoding"):
        shown.encode(encoding)
