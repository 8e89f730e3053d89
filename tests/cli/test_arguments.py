import pytest

from metaopt.__main__ import main as metaopt
from metaopt.cli.arguments import duration
from metaopt.cli.search_flags import make_parser
from metaopt.errors import UserError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("45", 45)])
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trails", "3"], r"--trails is unknown; did you mean --trials\?"),
        (["--strategy", "tpo"], r"argument --strategy: tpo is unknown; did you mean tpe\?"),
        (["--objective", "val_acuracy"], r"val_acuracy is unknown; did you mean val_accuracy\?"),
        (["--executor", "procesess"], r"did you mean processes\?"),
        (["--augment", "flipp"], r"did you mean flip\?"),
        (["--trials", "0"], "0 is no whole number from 1 on"),
        (["--trials", "many"], "many is no whole number"),
        (["--time", "soon"], "soon is no duration; write e.g. 90s, 30m or 2h"),
        (["--epochs"], "expected one argument"),
    ],
)
def test_wrong_usage_is_one_sentence_with_the_nearest_right_word(arguments, message):
    with pytest.raises(UserError, match=message):
        make_parser("search").parse_args(arguments)


def test_flags_left_out_say_nothing():
    arguments = vars(make_parser("search").parse_args([]))
    assert {value for name, value in arguments.items() if name != "results"} == {None}


def test_an_unknown_command_names_the_nearest(capsys):
    assert metaopt(["repor"]) == 2
    assert "did you mean report?" in capsys.readouterr().err


def test_help_shows_every_command(capsys):
    assert metaopt(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("search", "best", "report", "retrain", "predict", "import"))
