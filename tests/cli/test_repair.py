"""``metaopt repair``: what it prints, and that the command in messages repairs the study."""

import shutil
from pathlib import Path

from metaopt.cli.best import main as best
from metaopt.cli.repair import main as repair
from tests.cli.running import run_command


def test_repair_of_a_study_without_its_journal(studies: Path, capsys) -> None:
    (studies / "tpe" / "journal.jsonl").unlink()
    outcome = run_command(best, capsys, "--results", "tpe")
    assert outcome.code == 2
    assert "metaopt repair tpe`" in outcome.errors[0]
    outcome = run_command(repair, capsys, "tpe")
    assert outcome.code == 0
    assert "rebuilt from records" in outcome.out
    assert run_command(best, capsys, "--results", "tpe").code == 0
    assert "is sound. Nothing was changed." in run_command(repair, capsys, "tpe").out


def test_repair_names_the_journal_that_it_keeps(studies: Path, capsys) -> None:
    journal = studies / "tpe" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"\n", b"\0", 4))
    shutil.copy(journal, studies / "copy")
    outcome = run_command(repair, capsys, "tpe")
    assert "kept as tpe/journal.jsonl.damaged." in outcome.out
    assert (studies / "tpe" / "journal.jsonl.damaged").read_bytes() == (studies / "copy").read_bytes()


def test_repair_of_no_study_is_an_error(tmp_path: Path, capsys) -> None:
    assert run_command(repair, capsys, tmp_path / "none").code == 2
