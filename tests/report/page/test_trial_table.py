"""Rows of the table: active hyperparameters, records, and the command that retrains a trial."""

import shlex
from pathlib import Path

import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.page.trial_table import retrain_command, table_columns, table_rows
from metaopt.storage.study import Study
from tests.engine.synthetic import SyntheticExecutor, search
from tests.report.searched import search_study


def test_cells_are_those_of_the_record(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", trials=3)
    data = StudyData.of(study)
    rows = table_rows(study, data)["rows"]
    for record, row in zip(data.records, rows, strict=True):
        assert row["val_accuracy"] == pytest.approx(-record.loss, rel=1e-5)
        assert (row["epochs"], row["params"], row["status"]) == (record.epochs, record.params, "completed")
        assert (study.folder / row["file"]).is_file()
    names = [column["name"] for column in table_columns(data)]
    assert names == ["trial", "status", "val_accuracy", "epochs", "params", "macs", "seconds"]


def test_objectives_that_are_counts_have_one_column(tmp_path: Path) -> None:
    study = search_study(tmp_path / "results", trials=2, further_objectives=("params",))
    names = [column["name"] for column in table_columns(StudyData.of(study))]
    assert names.count("params") == 1


def test_running_trials_have_a_row(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", trials=3, executor=SyntheticExecutor(interrupted_after=5))
    study = Study.load(tmp_path / "results")
    rows = table_rows(study, StudyData.of(study))["rows"]
    assert [(row["trial"], row["status"], row["epochs"]) for row in rows] == [(0, "completed", 3), (1, "running", 2)]


def test_rows_of_some_trials(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=4)
    found = table_rows(study, StudyData.of(study), {1, 3})
    assert [row["trial"] for row in found["rows"]] == [1, 3]


def test_the_command_can_be_pasted(tmp_path: Path) -> None:
    study = search_study(tmp_path / "a study", trials=1)
    command = retrain_command(study, StudyData.of(study))
    text = command["text"].replace(command["placeholder"], "model_0.5_000000.json")
    assert str(study.folder / "model_0.5_000000.json") in shlex.split(text)


def test_a_function_cannot_be_retrained(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=1)
    assert retrain_command(study, StudyData.of(study)) is None
