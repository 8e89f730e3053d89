"""Data of a study: what it takes from the study, and what it derives from its records."""

from pathlib import Path

import pytest

from metaopt.report.analysis.study_data import StudyData, metric_at_best_epoch
from metaopt.storage.study import Study
from metaopt.trials.objective import OBJECTIVES
from tests.engine.synthetic import search
from tests.report.conftest import ASSETS
from tests.report.making import make_failure, make_record, study_of


def test_settings_of_the_study(tmp_path: Path) -> None:
    given = {"objective": "val_loss", "scheduler": "asha", "budget_unit": "seconds", "constraints": ("val_loss<=3",)}
    study = search(tmp_path / "results", trials=4, **given)
    data = StudyData.of(study)
    assert data.objective is OBJECTIVES["val_loss"]
    assert list(map(str, data.constraints)) == ["val_loss<=3"]
    assert data.budget_unit == "seconds"
    assert list(data.records) == study.records
    assert data.judge == study.state.judge
    assert data.best == study.best


@pytest.mark.parametrize(("kind", "images"), [("tpe", 287), ("folds", 1438), ("function", None)])
def test_validation_images(kind: str, images: int | None) -> None:
    assert StudyData.of(Study.load(ASSETS / kind)).n_validation == images


def test_constraint_of_the_last_phase() -> None:
    data = StudyData.of(Study.load(ASSETS / "grow"))
    assert [str(each) for each in data.constraints if each.name != "memory"] == ["params<=800"]


def test_subsets_of_records() -> None:
    own, imported, failed = make_record(0), make_record(1, imported=True), make_failure(2)
    data = study_of([own, imported, failed], n_validation=9)
    assert data.with_loss == [own, imported]
    assert data.without_imported().records == (own, failed)
    assert data.of_records([failed]).n_validation == 9
    assert data.best is own
    assert data.of_records([imported, failed]).best is None


def test_metric_at_best_epoch() -> None:
    record = make_record(0, history={"val_accuracy": [0.3, 0.6, 0.5], "val_precision": [0.1, 0.2, 0.3]})
    assert metric_at_best_epoch(record, "val_precision") == 0.2
    assert metric_at_best_epoch(record, "val_top3") is None
    assert metric_at_best_epoch(make_record(0, history={}, returned={"loss": 1.0}), "val_accuracy") is None
