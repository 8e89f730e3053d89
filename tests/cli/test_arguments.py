"""Argument types, and errors of the parser."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from metaopt.cli.arguments import Parser, add_results, add_study, duration, fraction, integer, number, one_of, size
from metaopt.errors import UserError
from metaopt.terminal.commands import command


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1d", 86400), ("45", 45)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(("text", "n_bytes"), [("500MB", 5e8), ("5GB", 5e9), ("1.5k", 1500), ("2 tb", 2e12), ("7", 7)])
def test_sizes(text: str, n_bytes: int) -> None:
    assert size(text) == n_bytes


def test_numbers_in_range_are_accepted() -> None:
    assert (integer(0)("0"), integer(2)("2")) == (0, 2)
    assert (fraction("0"), fraction("0.99")) == (0, 0.99)
    assert (number("0"), number("1e3")) == (0, 1000)
    assert one_of(("a", "b"))("b") == "b"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (duration, "soon", "a duration such as 90s, 30m or 1h30m"),
        (duration, "0s", "a duration such as 90s, 30m or 1h30m"),
        (duration, "-5m", "a duration such as 90s, 30m or 1h30m"),
        (size, "many", "a size such as 500MB or 5GB"),
        (size, "0", "a size such as 500MB or 5GB"),
        (fraction, "1", "a number >= 0 and < 1"),
        (fraction, "nan", "a number >= 0 and < 1"),
        (number, "-1", "a number >= 0"),
        (number, "inf", "a number >= 0"),
        (number, "much", "a number >= 0"),
        (integer(2), "1", "an integer >= 2"),
        (integer(1), "1.5", "an integer >= 1"),
        (one_of(("cat", "dog")), "bird", "one of cat, dog"),
    ],
)
def test_invalid_values_name_the_accepted_range(kind, text: str, expected: str) -> None:
    with pytest.raises(ArgumentTypeError) as raised:
        kind(text)
    assert str(raised.value) == f"{text}. Expected {expected}."


@pytest.fixture
def parser() -> Parser:
    made = Parser(prog="metaopt paint")
    made.add_argument("image", type=Path, metavar="IMAGE")
    made.add_argument("--width", "-w", type=integer(1))
    made.add_argument("--colour", type=one_of(("red", "green")))
    add_results(made)
    return made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "--widht", "3"], "Unknown flag: --widht. Did you mean --width?"),
        (["a.png", "--widht=3"], "Unknown flag: --widht. Did you mean --width?"),
        (["a.png", "--zzz"], "Unknown flag: --zzz."),
        (["a.png", "--wid", "3"], "Unknown flag: --wid. Did you mean --width?"),  # no abbreviations
        (["a.png", "b.png"], "Unknown argument: b.png."),
        (["a.png", "--width"], "Missing value for --width."),
        (["a.png", "--width", "0"], "Invalid value for --width: 0. Expected an integer >= 1."),
        (["a.png", "--colour", "gren"], "Invalid value for --colour: gren. Did you mean green?"),
        ([], "The following arguments are required: IMAGE."),
    ],
)
def test_wrong_usage_is_one_sentence(parser: Parser, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as raised:
        parser.parse_args(arguments)
    assert str(raised.value) == f"{message} See `{command('paint', '--help')}`."


def test_the_default_folder_is_results(parser: Parser) -> None:
    assert parser.parse_args(["a.png"]).results == Path.cwd() / "results"
    assert "(default: results)" in parser.format_help()


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        ([], "results"),
        (["a"], "a"),
        (["--results", "a"], "a"),
        (["--seed", "0", "a"], "a"),
        (["a", "--seed", "0"], "a"),
    ],
)
def test_a_study_is_the_first_argument_or_results(arguments: list[str], folder: str) -> None:
    parser = Parser(prog="metaopt paint")
    parser.add_argument("--seed", type=integer(0))
    add_study(parser)
    assert parser.parse_args(arguments).results == Path.cwd() / folder


def test_a_study_given_twice_is_an_error() -> None:
    parser = Parser(prog="metaopt paint")
    add_study(parser)
    with pytest.raises(UserError, match=r"Invalid value for STUDY: not allowed with argument --results\."):
        parser.parse_args(["--results", "b", "a"])
