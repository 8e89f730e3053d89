"""``metaopt export``: the trials of a study for other programs."""

from pathlib import Path

import pytest

from metaopt.cli.export import main
from metaopt.storage.study import Study
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


@pytest.mark.parametrize("name", ["function", "asha_paused", "evolution_measured", "folds", "tpe"])
def test_optuna_reads_every_kind_of_study(studies: Path, capsys, name: str) -> None:
    optuna = pytest.importorskip("optuna", reason="needs Optuna: pip install -r requirements.txt")
    outcome = run_command(main, capsys, name, "--to", "optuna")
    assert outcome.code == 0
    is_known = name != "function"  # searched from Python
    assert ("since the space is not known" in outcome.err) != is_known
    backend = optuna.storages.journal.JournalFileBackend(f"{name}_optuna.log")
    study = optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(backend))
    records = Study.load(name).records
    assert [trial.user_attrs["metaopt:trial"] for trial in study.trials] == [record.trial for record in records]
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert bool(complete) == (name != "asha_paused")
    assert {trial.value for trial in complete} <= {
        Study.load(name).objective.value(r.loss) for r in records if r.has_loss
    }
    assert all(trial.params.keys() == trial.distributions.keys() for trial in study.trials)


def test_tensorboard_runs_are_written(studies: Path, capsys) -> None:
    outcome = run_command(main, capsys, "tpe", "--to", "tensorboard", "-o", "runs")
    assert (outcome.code, outcome.out) == (0, "runs\n")
    assert len(list(Path("runs").glob("*/events.out.tfevents.*"))) == len(Study.load("tpe").records)


def test_a_given_space_has_to_be_the_one_that_was_searched(studies: Path, capsys) -> None:
    pytest.importorskip("optuna", reason="needs Optuna: pip install -r requirements.txt")
    outcome = run_command(main, capsys, "tpe", "--to", "optuna", "--space", "photo_cnn")
    assert outcome.code == 3
    assert "The space of photo_cnn is not the one that was searched in tpe." in outcome.errors[0]
    assert not list(studies.glob("*optuna*"))
