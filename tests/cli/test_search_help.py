"""The end of the help of a search."""

import shlex

import pytest

from metaopt.cli.import_trials import main as import_trials
from metaopt.cli.search_flags import make_parser
from metaopt.cli.search_help import EXAMPLES, IMPORT_EXAMPLES, SPACES, STRATEGIES, make_epilog
from metaopt.engine.strategy import STRATEGIES as KNOWN
from metaopt.problems import list_ready_problems
from metaopt.terminal.commands import command, help_of


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
    assert make_epilog("search") in shown
    assert "Stop it at any time" in shown


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in IMPORT_EXAMPLES])
def test_examples_of_import_name_its_files(arguments, capsys):
    with pytest.raises(SystemExit):
        import_trials(["--help"])
    assert f"{command('import')} {arguments}\n" in capsys.readouterr().out
    parser = make_parser("import")
    parser.add_argument("files", nargs="+")
    assert parser.parse_args(shlex.split(arguments)).files


def test_help_names_other_commands_as_they_are_started(capsys):
    with pytest.raises(SystemExit):
        make_parser("search").parse_args(["--help"])
    assert f"`{help_of('metaopt')}` lists the other commands." in capsys.readouterr().out
    assert help_of("metaopt").split() != ["metaopt", "--help"], "the installed script is not what runs the tests"


def test_version_is_shown(capsys):
    with pytest.raises(SystemExit) as ended:
        make_parser("search").parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("metaopt 0.")
