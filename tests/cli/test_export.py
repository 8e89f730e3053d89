"""``metaopt export``: the trials of a study for other programs."""

from pathlib import Path

from metaopt.cli.export import main
from metaopt.terminal.commands import shown
from tests.cli.running import run_command
from tests.engine.synthetic import search


def test_a_table_is_named_after_the_study(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    search(tmp_path / "mine", trials=3)
    outcome = run_command(main, capsys, "mine", "--to", "csv")
    assert (outcome.code, outcome.out) == (0, "mine.csv\n")
    assert "Exported: 3 trials." in outcome.err
    assert len(Path("mine.csv").read_text().splitlines()) == 4


def test_an_output_that_exists_is_kept(tmp_path: Path, capsys) -> None:
    search(tmp_path / "mine", trials=1)
    output = tmp_path / "table.csv"
    output.write_text("precious")
    outcome = run_command(main, capsys, tmp_path / "mine", "--to", "csv", "-o", output)
    assert outcome.code == 2
    assert outcome.errors == [f"{shown(output)} exists already. Remove it, or choose another name with --output."]
    assert output.read_text() == "precious"


def test_an_unknown_target_gets_a_hint(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, tmp_path, "--to", "cvs")
    assert outcome.code == 2
    assert "Invalid value for --to: cvs. Did you mean csv?" in outcome.errors[0]


def test_a_folder_without_a_study_is_an_error(tmp_path: Path, capsys) -> None:
    outcome = run_command(main, capsys, tmp_path, "--to", "csv")
    assert outcome.code == 2
    assert "There is no study in" in outcome.errors[0]


def test_a_study_without_trials_has_nothing_to_export(tmp_path: Path, capsys) -> None:
    search(tmp_path / "mine", trials=1, seconds=0)
    outcome = run_command(main, capsys, tmp_path / "mine", "--to", "csv")
    assert outcome.code == 2
    assert "nothing to export" in outcome.errors[0]
