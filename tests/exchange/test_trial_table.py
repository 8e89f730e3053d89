"""A study as a table."""

import csv
from pathlib import Path

import pytest

from metaopt.exchange.trial_table import make_table, write_csv, write_parquet
from metaopt.storage.study import Study
from tests.engine.synthetic import search


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return search(tmp_path_factory.mktemp("study") / "results", trials=6)


def test_each_trial_is_a_row_with_its_hyperparameters(study: Study, tmp_path: Path) -> None:
    write_csv(make_table(study), tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, record in zip(rows, study.records, strict=True):
        assert int(row["trial"]) == record.trial
        assert float(row["val_accuracy"]) == -record.loss
        assert float(row["best.val_accuracy"]) == record.metrics(record.best_epoch)["val_accuracy"]
        assert float(row["space.x"]) == record.point["x"]
        branch = record.point["branch"]
        assert row["space.branch"] == ("" if isinstance(branch, dict) else "null" if branch is None else branch)
        assert row["space.branch.y"] == (repr(branch["y"]) if isinstance(branch, dict) else "")


@pytest.mark.parametrize("name", ["function", "evolution_measured", "folds", "asha_paused", "imported"])
def test_studies_of_every_kind_have_a_table(studies: Path, name: str) -> None:
    study = Study.load(name)
    table = make_table(study)
    assert [row["trial"] for row in table.rows] == [record.trial for record in study.records]
    assert table.columns[:2] == ("trial", "status")
    write_csv(table, studies / "table.csv")


def test_parquet_also_has_the_learning_curves(study: Study, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install -r requirements-url.txt")
    write_parquet(make_table(study), tmp_path / "trials.parquet")
    columns = parquet.read_table(tmp_path / "trials.parquet").to_pydict()
    assert columns["val_accuracy"] == [-record.loss for record in study.records]
    assert columns["history.val_accuracy"] == [list(record.history["val_accuracy"]) for record in study.records]
