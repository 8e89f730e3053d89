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
        (["--trails", "3"], r"Unknown flag: --trails. Did you mean --trials\?"),
        (["--strategy", "tpo"], r"value for --strategy: tpo. Did you mean tpe\?"),
        (["--objective", "val_acuracy"], r"--objective: val_acuracy. Did you mean val_accuracy\?"),
        (["--executor", "procesess"], r"Did you mean processes\?"),
        (["--augment", "flipp"], r"Did you mean flip\?"),
        (["--trials", "0"], "--trials: 0. Expected an integer >= 1"),
        (["--trials", "many"], "--trials: many. Expected an integer"),
        (["--time", "soon"], "--time: soon. Expected a duration such as 90s, 30m or 2h"),
        (["--epochs"], "Missing value for --epochs. See search --help."),
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
    assert "Did you mean report?" in capsys.readouterr().err


def test_help_shows_every_command(capsys):
    assert metaopt(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("search", "best", "report", "retrain", "predict", "import"))
