"""``metaopt delete``: it asks, or is told not to."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from metaopt.cli.delete import main
from tests.cli.running import run_command


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_without_a_terminal_nothing_is_deleted(studies: Path, capsys, monkeypatch) -> None:
    for stdin in (io.StringIO("y\n"), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        outcome = run_command(main, capsys, "tpe")
        assert outcome.code == 2
        advice = outcome.errors[0].partition("with 8 trials and tpe.pkl: ")[2]
        assert Path("tpe/journal.jsonl").exists()
    done = subprocess.run(advice, shell=True, check=False, capture_output=True, text=True)
    assert done.stdout == "Deleted the study tpe with 8 trials and tpe.pkl.\n", done.stderr
    assert not Path("tpe").exists()
    assert not Path("tpe.pkl").exists()


@pytest.mark.parametrize(
    ("answer", "goes"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_at_a_terminal_the_answer_decides(studies: Path, capsys, monkeypatch, answer: str, goes: bool) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    outcome = run_command(main, capsys, "tpe")
    assert outcome.code == 0
    assert ("Nothing was deleted." in outcome.out) != goes
    assert Path("tpe").exists() != goes


def test_files_of_the_user_are_named(studies: Path, capsys) -> None:
    Path("tpe/notes.txt").touch()
    outcome = run_command(main, capsys, "--yes", "tpe/")
    assert "Kept, because the study did not make them: tpe/notes.txt." in outcome.out


def test_a_folder_is_required(capsys) -> None:
    assert run_command(main, capsys, "--yes").code == 2
