"""Cost of a search: every second of the workers is in one part, and every epoch in one rung."""

from pathlib import Path

import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.costs import costs_by_activity, costs_by_origin, costs_by_rung
from metaopt.storage.study import Study

ASSETS = Path(__file__).parents[2] / "assets" / "studies"


@pytest.fixture(params=["asha_paused", "evolution_measured", "tpe", "imported"])
def study(request: pytest.FixtureRequest) -> Study:
    return Study.load(ASSETS / request.param)


def test_every_second_of_the_workers_is_in_one_part(study: Study) -> None:
    own = StudyData.of(study).without_imported().records
    parts = costs_by_activity(study, own)
    total = study.state.clock * study.settings["workers"]
    assert sum(part.seconds for part in parts) == pytest.approx(total, rel=0.05)
    assert sum(part.epochs for part in parts) == sum(record.epochs for record in own)
    assert sum(part.trials for part in parts) == len(own)


def test_every_epoch_is_in_one_rung(study: Study) -> None:
    own = StudyData.of(study).without_imported().records
    parts = costs_by_rung(study, own)
    assert sum(part.epochs for part in parts) == sum(record.epochs for record in own)
    assert parts[0].trials == len(own)


def test_every_job_has_one_origin(study: Study) -> None:
    own = StudyData.of(study).without_imported().records
    parts = costs_by_origin(study, own)
    assert sum(part.seconds for part in parts) == pytest.approx(sum(record.seconds for record in own), abs=0.1)
    assert sum(part.trials for part in parts) == len(own)


def test_functions_without_epochs_cost_the_seconds_of_their_jobs() -> None:
    study = Study.load(ASSETS / "function")
    own = StudyData.of(study).records
    assert costs_by_rung(study, own) == []
    assert {part.label for part in costs_by_origin(study, own)} <= {"start, without a model", "proposed by a model"}
