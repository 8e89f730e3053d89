"""The end of the help of a search."""

import shlex

import pytest

from metaopt.cli.search_flags import make_parser
from metaopt.cli.search_help import EXAMPLES, SPACES, STRATEGIES, make_epilog
from metaopt.engine.strategy import STRATEGIES as KNOWN
from metaopt.problems import list_ready_problems


def test_help_describes_every_strategy_and_ready_space():
    assert list(STRATEGIES) == list(KNOWN)
    assert set(SPACES) == set(list_ready_problems())


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in EXAMPLES])
def test_examples_of_the_help_are_valid(arguments):
    make_parser("search").parse_args(shlex.split(arguments))


def test_help_keeps_its_lines(capsys):
    with pytest.raises(SystemExit):
        make_parser("search").parse_args(["--help"])
    shown = capsys.readouterr().out
    assert make_epilog().replace("%(prog)s", "search") in shown
    assert "Stop it at any time" in shown


def test_version_is_shown(capsys):
    with pytest.raises(SystemExit) as ended:
        make_parser("search").parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("metaopt 0.")
