"""Plan of ``metaopt retrain``: point, number of epochs, seed, recipe and output file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from metaopt.cli.retrain_plan import BEST, CHOSEN, Plan, make_plan, with_schedule
from metaopt.errors import UserError
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.report.analysis.test_log import TEST_LOG
from metaopt.storage.study import Study
from tests.engine.synthetic import search


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return search(tmp_path / "results", trials=3, seed=7, epochs=5)


def plan(study: Study, **given) -> Plan:
    return make_plan(study, **{"point_file": None, "epochs": None, "seed": None, "output": None, **given})


def problem(schedule: str = "constant") -> Problem:
    return Problem({}, network=lambda *_: None, training=lambda point: Training(schedule=schedule))


def test_the_default_is_the_best_trial_at_its_best_epoch(study: Study) -> None:
    made = plan(study)
    best = study.require_best()
    assert made.point == best.point
    assert (made.trial, made.epochs, made.seed) == (best.trial, best.best_epoch, 7)
    assert (made.name, made.reason) == (f"trial {best.trial}", "its best epoch in the search")
    assert made.output == study.folder / BEST


def test_every_option_overrides_its_default(study: Study) -> None:
    made = plan(study, epochs=2, seed=0, output=Path("mine.keras"), recipe={"mixup": 0.2}, members=3)
    assert (made.epochs, made.reason, made.seed, made.output) == (2, "as given", 0, Path("mine.keras"))
    assert (made.recipe, made.members) == ({"mixup": 0.2}, 3)


def test_a_record_file_is_its_trial(study: Study, tmp_path: Path) -> None:
    record, file = study.records[1], tmp_path / "point.json"
    file.write_text(json.dumps(record.to_json()))
    made = plan(study, point_file=file)
    assert (made.trial, made.name, made.epochs) == (1, "trial 1", record.best_epoch)
    assert made.output.name == CHOSEN


def test_another_point_is_trained_to_r(study: Study, tmp_path: Path) -> None:
    (tmp_path / "point.json").write_text(json.dumps({"x": 0.5, "branch": None}))
    made = plan(study, point_file=tmp_path / "point.json")
    assert (made.record, made.trial, made.epochs, made.reason) == (None, 0, 5, "R of the search")
    assert made.name == "a point that the search did not train"


def test_an_unreadable_point_is_an_error(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as a point"):
        plan(study, point_file=tmp_path / "absent.json")


def test_an_incomplete_trial_is_trained_to_r(study: Study, monkeypatch) -> None:
    best = study.require_best()
    paused = replace(best, complete=False, result=replace(best.result, best_epoch=1))
    monkeypatch.setattr(Study, "require_best", lambda self: paused)
    assert plan(study).epochs == 5


def test_a_budget_in_seconds_gives_the_most_epochs(study: Study, monkeypatch) -> None:
    study.settings.update(epochs=600, budget_unit="seconds")
    monkeypatch.setattr(Study, "require_best", lambda self: replace(self.best, complete=False))
    assert plan(study).epochs == 5
    assert with_schedule(plan(study), problem("cosine"), study, are_epochs_given=False).epochs == 5


@pytest.mark.parametrize(
    ("own", "of_the_study", "given", "schedule", "epochs"),
    [
        ("cosine", None, None, "cosine", 5),
        ("constant", None, None, "cooldown", 2),
        ("constant", None, "constant", "constant", 2),
        ("constant", "cosine", None, "cosine", 5),
        ("cosine", "constant", None, "cooldown", 2),
        ("constant", "constant", "cosine", "cosine", 5),
        ("cosine", "cosine", "constant", "constant", 2),
        ("cooldown", None, None, "cooldown", 5),
        ("cosine", "cooldown", "constant", "constant", 2),
        ("constant", "cosine-rung", None, "cosine-rung", 5),
    ],
)
def test_a_constant_rate_has_a_cooldown_and_an_annealed_one_r_epochs(
    study: Study, own: str, of_the_study: str | None, given: str | None, schedule: str, epochs: int
) -> None:
    study.settings["schedule"] = of_the_study
    made = replace(plan(study, recipe={"mixup": 0.2} | ({"schedule": given} if given else {})), epochs=2)
    found = with_schedule(made, problem(own), study, are_epochs_given=False)
    assert (found.recipe, found.epochs) == ({"mixup": 0.2, "schedule": schedule}, epochs)
    assert with_schedule(made, problem(own), study, are_epochs_given=True) == replace(
        found, epochs=2, reason=made.reason
    )


def test_models_compiled_elsewhere_keep_their_epochs(study: Study) -> None:
    made = plan(study)
    assert with_schedule(made, replace(problem("cosine"), network=None), study, are_epochs_given=False) is made
    broken = replace(problem(), training=lambda point: Training(schedule=point["absent"]))
    assert with_schedule(made, broken, study, are_epochs_given=False) is made  # the training reports it


def test_seeds_of_members_are_distinct_and_start_with_the_seed(study: Study) -> None:
    seeds = plan(study, members=4).seeds
    assert len(set(seeds)) == 4
    assert plan(study, members=2).seeds == seeds[:2]
    assert plan(study).seeds == seeds[:1] == [7]


def test_its_files_sort_before_the_records() -> None:
    assert max(BEST, CHOSEN, TEST_LOG, "logs") < "model_0.0000000000_000000.json"
