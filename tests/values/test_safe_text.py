"""Text of objects whose own methods fail."""

import pytest

from metaopt.values.safe_text import class_name, describe_cause, first_line, safe_repr, safe_str, safe_traceback


class Raises:
    def __repr__(self) -> str:
        raise SystemExit(1)


class Endless:
    def __repr__(self) -> str:
        while True: pass  # fmt: skip  # noqa: E701


class NoText:
    def __repr__(self) -> str:
        return 3  # type: ignore[return-value]


class Recursive:
    def __repr__(self) -> str:
        return repr([self]) + "x"


@pytest.mark.parametrize("kind", [Raises, Endless, NoText, Recursive])
def test_an_object_without_a_text_is_named_by_its_class(kind: type) -> None:
    assert safe_repr(kind()) == safe_str(kind()) == f"<{kind.__name__}>"
    assert safe_repr({kind()}) == "<set>"


def test_ordinary_texts_are_those_of_python() -> None:
    for value in (1.5, "text", b"bytes", range(3), {"a": [1, (2,)]}, {3}, frozenset(), None, ValueError("x"), len, 1j):
        assert safe_repr(value) == repr(value)
        assert safe_str(value) == str(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n  bad shape (3,)\nmore", "bad shape (3,)"),
        (
            "Exception encountered when calling Sequential.call().\n\n\x1b[1mno such axis: 9\x1b[0m\n\nArgs: x",
            "no such axis: 9",
        ),
        ("Exception encountered when calling Dense.call().", "Exception encountered when calling Dense.call()."),
        ("", ""),
    ],
)
def test_the_first_line_of_an_error_is_its_cause(text: str, expected: str) -> None:
    assert first_line(ValueError(text)) == expected


def test_a_set_has_one_text_in_every_process() -> None:
    assert safe_repr({"b", "a", "c"}) == "{'a', 'b', 'c'}"


def test_long_texts_are_cut_and_say_so() -> None:
    assert safe_str("a" * 20, limit=5) == "aaaaa… (15 more characters)"


def test_a_metaclass_cannot_hide_the_name_of_a_class() -> None:
    class Meta(type):
        __name__ = property(lambda cls: 1 / 0)  # type: ignore[assignment]

    assert class_name(Meta("Hidden", (), {})()) == "Hidden"


def test_ctrl_c_passes_through() -> None:
    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        safe_repr(Interrupted())


@pytest.mark.parametrize("kind", [Raises, Endless, NoText])
def test_a_traceback_survives_the_text_of_its_error(kind: type) -> None:
    class Failure(Exception):
        __str__ = kind.__repr__

    try:
        raise Failure
    except Failure as error:
        text = safe_traceback(error)
    assert "raise Failure" in text
    assert "Failure" in text.splitlines()[-1]


def test_a_cause_goes_into_a_sentence() -> None:
    assert describe_cause(ValueError("too long.\nmore")) == "too long"
    assert describe_cause(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert len(describe_cause(ValueError("x" * 1000))) == 300
