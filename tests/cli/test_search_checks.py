"""Checks of the search command: settings against the data set, the problem and the machine."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Dense, Flatten, Input
from metaopt.cli.search_checks import (
    check_constraints,
    check_inheritance,
    check_own_training,
    check_schedule,
    check_settings,
    note_few_images,
    note_imbalance,
    warn_of_environment,
    warn_of_memory,
    with_checkpoint_quota,
)
from metaopt.data import DataSet, DataSpec, load
from metaopt.engine.settings import Settings
from metaopt.engine.setup import ImageKind
from metaopt.errors import QuotaTooSmall, UserError
from metaopt.outputs import ClassOutput
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.trials.constraints import parse_constraints
from tests.storage.events import epoch, proposed, run, state_of

OWN_TRAINING = "needs a build_and_train that takes the keyword run and passes it on. That of own.py does not."
SECONDS = {"scheduler": "hyperband", "budget_unit": "seconds"}


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load(DataSpec("digits"))


def network(point, input_shape, classes):
    raise AssertionError("Networks are not built by these checks.")


def problem(schedule: Any = "constant", **changes) -> Problem:
    """A problem whose networks have a learning-rate schedule."""
    given = {"network": network, "training": lambda point: Training(schedule=point["schedule"]), **changes}
    return Problem({"schedule": schedule}, name="own.py", **given)


class Notes(list[str]):
    """Notes of a callback."""

    note = list.append


@pytest.mark.parametrize(
    "settings",
    [{}, {"folds": 3}, {"objective": "val_top3"}, {"constraints": ("params<=2e6", "val_precision>=0.4", "seconds<=9")}],
)
def test_measurable_settings_pass(digits: DataSet, settings: dict[str, Any]) -> None:
    check_settings(Settings(**settings), digits)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 1000}, "Invalid value for folds: 1000. Expected at most 139"),
        (
            {"constraints": ("val_acc>=0.5",)},
            r"--constraint val_acc>=0.5: val_acc\. Did you mean val_accuracy\?",
        ),
    ],
)
def test_unmeasurable_settings_are_errors(digits: DataSet, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_settings(Settings(**settings), digits)


def test_top3_needs_four_classes(digits: DataSet) -> None:
    few: Any = SimpleNamespace(folds=digits.folds, outputs={"label": ClassOutput.of(3)})
    with pytest.raises(UserError, match="--objective val_top3 needs four classes or more, but label has 3"):
        check_settings(Settings(objective="val_top3"), few)


def test_memory_warning_if_workers_have_less() -> None:
    notes = Notes()
    warn_of_memory(Settings(workers=4, constraints=("params<=2e6", "memory<=1e3")), notes)
    assert notes == []
    warn_of_memory(Settings(workers=4, constraints=("memory<=1e15",)), notes)
    (note,) = notes
    assert "Each of 4 workers has" in note
    assert (
        "less than the study's memory<=1,000,000.0 GB. To reject larger networks, give --constraint 'memory<=" in note
    )


def test_schedules_need_networks_compiled_by_metaopt() -> None:
    keras = Problem({}, build_model=lambda *_: None, name="own.py")
    for scheduler in ("full", "asha"):
        check_schedule(Settings(scheduler=scheduler), keras, Notes())
    with pytest.raises(UserError, match=r"schedule cosine needs a problem with network\(\)"):
        check_schedule(Settings(schedule="cosine"), keras, Notes())


@pytest.mark.parametrize(
    ("own", "given", "which"),
    [
        ("constant", "cosine-rung", "--schedule cosine-rung"),
        ("cosine-rung", None, "The cosine-rung schedule of own.py"),
        ("constant", "cooldown", "--schedule cooldown"),
        (hp.choice("schedule", ["constant"] * 3 + ["cosine-rung"]), None, "The cosine-rung schedule of own.py"),
    ],
)
def test_cycles_up_to_a_rung_need_rungs_in_epochs(own: Any, given: str | None, which: str) -> None:
    settings = Settings(schedule=given, **SECONDS)
    with pytest.raises(UserError, match=f"{which} needs rungs in epochs: leave --budget-unit seconds out"):
        check_schedule(settings, problem(own), Notes())


@pytest.mark.parametrize(
    ("own", "given"), [("constant", None), ("cosine-rung", "constant"), ("cosine", None), ("constant", "cosine")]
)
def test_constant_and_cosine_rates_allow_rungs_in_seconds(own: str, given: str | None) -> None:
    check_schedule(Settings(schedule=given, **SECONDS), problem(own), Notes())


@pytest.mark.parametrize(
    ("cycles", "flag"), [({"first_cycle_s": 400.0}, "--first-cycle"), ({"cycle_factor": 1}, "--cycle-factor")]
)
def test_cycles_of_a_constant_rate_are_refused(cycles: dict[str, Any], flag: str) -> None:
    with pytest.raises(UserError, match=f"{flag} has no effect on a constant learning rate"):
        check_schedule(Settings(**cycles, **SECONDS), problem("constant"), Notes())
    check_schedule(Settings(**cycles, **SECONDS), problem("cosine"), Notes())


@pytest.mark.parametrize(
    ("scheduler", "own", "noted"),
    [("hyperband", "cosine-rung", True), ("hyperband", "cosine", False), ("full", "cosine-rung", False)],
)
def test_note_if_a_pause_changes_the_training(scheduler: str, own: str, noted: bool) -> None:
    notes = Notes()
    check_schedule(Settings(scheduler=scheduler), problem(own), notes)
    assert [note.startswith("With the schedule cosine-rung") for note in notes] == [True] * noted


def test_errors_of_the_training_function_are_left_to_the_search() -> None:
    broken = problem(training=lambda point: Training(schedule=point["absent"]))
    check_schedule(Settings(**SECONDS), broken, Notes())


def without_run(point, data, *, epochs, checkpoint=None):
    return {"loss": 1.0}


def with_run(point, data, *, epochs, checkpoint=None, run=None):
    return {"loss": 1.0}


IGNORED = [
    ({"scheduler": "hyperband", "budget_unit": "seconds"}, "--budget-unit seconds"),
    ({"folds": 2}, "--folds 2"),
    ({"sampler": "evolution", "inherit": True}, "--inherit"),
    ({"schedule": "cosine"}, "--schedule cosine"),
]


@pytest.mark.parametrize(("settings", "flag"), IGNORED)
def test_options_ignored_by_own_training_are_errors(settings: dict[str, Any], flag: str) -> None:
    check_own_training(Settings(**settings), problem())
    check_own_training(Settings(**settings), problem(build_and_train=with_run))
    with pytest.raises(UserError, match=f"{flag} {OWN_TRAINING}"):
        check_own_training(Settings(**settings), problem(build_and_train=without_run))


def test_own_training_without_blueprint_is_not_counted() -> None:
    settings = Settings(constraints=("memory<=1e9", "params<=1e6"))
    check_own_training(settings, problem(build_and_train=without_run))
    keras = Problem({}, build_model=lambda *_: None, build_and_train=without_run, name="own.py")
    with pytest.raises(UserError, match=r"--constraint params<=1e\+06 needs a build_and_train"):
        check_own_training(settings, keras)


def test_another_environment_is_noted() -> None:
    before = {"backend": "tensorflow", "keras": "3.0", "threads": 2}
    state = state_of({**run(), "environment": before}, proposed(0, 3), epoch(0, 1))
    notes = Notes()
    warn_of_environment(state, before, notes)
    assert notes == []
    warn_of_environment(state, {"backend": "jax", "keras": "3.0", "threads": 1}, notes)
    assert "trains with backend jax (was tensorflow), threads 1 (was 2)" in notes[0]
    assert "of the 1 trial that continue" in notes[0]


def dense(point, input_shape, classes):
    inputs = Input(input_shape)
    x = Dense(point["units"])(Flatten()(inputs))
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(x))


@pytest.mark.parametrize(
    ("optimizer", "folds", "limit", "megabytes"),
    [("Adam", 1, None, 33), ("SGD", 1, None, 17), ("Adam", 3, None, 98), ("Adam", 1, "params<=300e3", 10)],
)
def test_quota_holds_the_largest_network_that_may_be_trained(tmp_path, optimizer, folds, limit, megabytes) -> None:
    """Of 1,000 units on 1,000 values: 1,011,010 parameters, four bytes each; Adam keeps two more, the best one."""
    problem = Problem(
        {"units": hp.choice("units", [100, 290, 1000])},
        dense,
        training=lambda point: Training(optimizer),
        name="own.py",
    )
    images = ImageKind((10, 10, 10), {"label": 10})
    settings = Settings(folds=folds, constraints=() if limit is None else (limit,))
    notes = Notes()

    def quota(megabytes: float, is_given: bool) -> int:
        given = replace(settings, checkpoint_quota=round(megabytes * 10**6))
        return with_checkpoint_quota(given, problem, images, tmp_path, notes, is_given=is_given).checkpoint_quota

    assert quota(megabytes, is_given=True) == megabytes * 10**6
    with pytest.raises(QuotaTooSmall, match=f"Of 100 networks, the largest .* expected at least {megabytes}MB"):
        quota(megabytes - 1, is_given=True)
    assert quota(megabytes, is_given=False) == megabytes * 10**6
    assert notes == []
    assert quota(megabytes - 1, is_given=False) == pytest.approx(2e6 * megabytes, abs=2e6)
    assert len(notes) == 1


def save(tmp_path, **arrays) -> DataSet:
    np.savez(tmp_path / "a.npz", x_train=np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8), **arrays)
    return load(DataSpec(str(tmp_path / "a.npz")))


def test_metrics_of_another_kind_are_no_objective(tmp_path) -> None:
    ages = save(tmp_path, y_train=np.arange(60) / 7)
    check_settings(Settings(objective="val_r2", constraints=("val_mae<=3",)), ages)
    expected = "--objective val_accuracy is not measured: label of a.npz has the kind number. Expected one of val_loss"
    with pytest.raises(UserError, match=expected):
        check_settings(Settings(), ages)
    with pytest.raises(UserError, match="--class-weights balanced needs classes"):
        check_settings(Settings(objective="val_mae", class_weights="balanced"), ages)


def test_metrics_of_every_head_can_be_optimised(tmp_path) -> None:
    data = save(tmp_path, y_train=np.arange(60) % 2, y_train_age=np.arange(60) / 7)
    check_settings(Settings(objective="val_age_r2", constraints=("val_label_accuracy>=0.5",)), data)


@pytest.mark.parametrize(("largest", "is_noted"), [(45, False), (54, True)])
def test_imbalance_is_noted_for_plain_accuracy(tmp_path, largest: int, is_noted: bool) -> None:
    data = save(tmp_path, y_train=np.repeat([0, 1], [largest, 60 - largest]))
    notes = Notes()
    note_imbalance(Settings(), data, notes)
    assert any("--class-weights balanced" in note for note in notes) == is_noted
    others = Notes()
    note_imbalance(Settings(objective="val_f1"), data, others)
    assert others == []


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("precision[eihgt]>=0.5", r"Unknown class in the constraint precision\[eihgt\]>=0.5: eihgt\."),
        ("recall[8]>=0.95@95%", "28 validation images of class 8, even without an error: it needs at least 59"),
        ("latency_ms<=0", "latency_ms is above 0 for every network: give a bound above 0"),
        ("model_bytes<=-1kB", "model_bytes is above 0 for every network"),
    ],
)
def test_limits_that_cannot_be_met_are_errors(digits: DataSet, constraint: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_settings(Settings(constraints=(constraint,)), digits)
    with pytest.raises(UserError, match="Unknown class"):
        check_constraints(parse_constraints(["recall[ten]>=0.5"]), digits)


def test_folds_count_the_images_of_all_of_them(digits: DataSet) -> None:
    limits = ("recall[8]>=0.95@95%",)
    check_settings(Settings(constraints=limits, folds=2), digits)
    notes = Notes()
    note_few_images(Settings(constraints=limits, folds=2), digits, notes)
    assert [note.split(" cannot")[1].split(",")[0] for note in notes] == [
        " be met by the 28 calibration images of class 8",
        " be met by the 35 test images of class 8",
    ]
    note_few_images(Settings(constraints=("val_precision>=0.9", "recall[8]>=0.9")), digits, none := Notes())
    assert none == []


def test_a_backbone_leaves_nothing_to_inherit() -> None:
    check_inheritance(Settings(inherit=True))
    check_inheritance(Settings(space="transfer"))
    with pytest.raises(UserError, match="--inherit has no effect with --space transfer"):
        check_inheritance(Settings(space="transfer", inherit=True))
