"""``python -m metaopt``: the first word selects the command."""

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from metaopt.__main__ import COMMANDS, main
from tests.marks import with_slow

ROOT = Path(__file__).parents[1]


def test_help_lists_every_command(capsys) -> None:
    assert main(["--help"]) == main(["-h"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: metaopt COMMAND [options]\n")
    assert all(f"  {name:<9} {text}\n" in shown for name, text in COMMANDS.items())


def test_no_command_shows_the_help_and_fails(capsys) -> None:
    assert main([]) == 2
    assert "metaopt COMMAND --help` shows its options." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("repor", "Did you mean report?"),
        (
            "--results",
            "Expected one of init, search, check, evolve, status, list, best, report, serve, retrain, audit, narrow,"
            " compare, filters, predict, import, export, repair, delete.",
        ),
    ],
)
def test_unknown_commands_get_a_hint(capsys, word: str, hint: str) -> None:
    assert main([word]) == 2
    assert capsys.readouterr() == ("", f"error: Unknown command: {word}. {hint}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_its_own_help(capsys, command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: metaopt {command} ")


def test_arguments_and_exit_code_are_passed_on(monkeypatch) -> None:
    best = import_module("metaopt.cli.best")
    monkeypatch.setattr(best, "main", lambda argv, *, prog: 5 if (argv, prog) == (["--svg"], "metaopt best") else 1)
    assert main(["best", "--svg"]) == 5


@pytest.mark.slow
def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "metaopt", "best", "--sgv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"error: Unknown flag: --sgv. Did you mean --svg? See `{sys.executable} -m metaopt best --help`.\n"
    )


@pytest.mark.parametrize("script", with_slow(["metaopt/__main__.py", "hyperopt_optimize.py"], ["hyperopt_optimize.py"]))
def test_ctrl_c_is_handled_before_other_imports(script: str) -> None:
    """Each import before is a moment in which a Ctrl-C ends in a traceback."""
    code = f"""
import runpy, signal, sys
runpy.run_path({os.devnull!r})  # imports what it needs itself
before, handle = set(sys.modules), signal.signal
def told(*arguments):
    print(sorted(set(sys.modules) - before))
    signal.signal = handle
    return handle(*arguments)
signal.signal, sys.argv = told, ["metaopt", "--version"]
runpy.run_path({script!r}, run_name="__main__")
"""
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    loaded = set(ast.literal_eval(shown.splitlines()[0]))
    assert loaded <= {
        "__future__",
        "metaopt",
        "metaopt.terminal",
        "metaopt.terminal.interruption",
        "contextlib",
        "threading",
        "_weakrefset",
    }
