"""Faults of problems, found without Keras."""

import random

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.guard.problem_check import DRAWS, TYPICAL_KINDS, DataKind, check_problem
from metaopt.problems import Problem, Training, load_problem
from metaopt.problems.loading import list_ready_problems
from metaopt.problems.optimizers import OPTIMIZERS
from metaopt.trials.constraints import parse_constraints

IMAGES = DataKind("images", (8, 8, 1), {"label": 3})
SPACE = {"units": hp.uniformint("units", 1, 60), "learning_rate": hp.loguniform("learning_rate", -7, -3)}


def dense(point, input_shape, classes):
    x = inputs = Input(input_shape)
    x = Dense(point["units"])(Flatten()(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def faults_of(**changed) -> list[str]:
    return check_problem(Problem(**{"space": SPACE, "network": dense, **changed}), [IMAGES]).faults


# wide_resnet takes seconds, and transfer needs a backbone, see tests/zoo/test_transfer.py.
@pytest.mark.parametrize("name", [name for name in list_ready_problems() if name not in ("wide_resnet", "transfer")])
def test_ready_problems_have_no_faults_and_read_their_space(name: str) -> None:
    found = check_problem(load_problem(name))
    assert found.faults == []
    assert found.accepted
    assert not [note for note in found.notes if "Nothing reads" in note]


def test_a_mistake_is_told_with_its_line_and_how_often_it_happens() -> None:
    def network(point, input_shape, classes):
        if point["units"] > 30:
            point["unit"]
        return dense(point, input_shape, classes)

    [fault] = faults_of(network=network)
    assert "KeyError: no key 'unit'; did you mean 'units'?" in fault
    assert 'point["unit"]' in fault
    assert f"of {DRAWS} draws)" in fault


def test_wrong_parameters_of_a_function_are_a_fault() -> None:
    [fault] = faults_of(network=lambda point: None)
    assert fault == (
        "network(point) cannot be called as network(point, input_shape, classes). Change its parameters to these."
    )


def test_a_random_network_is_a_fault() -> None:
    def network(point, input_shape, classes):
        return dense({"units": random.randrange(1, 10**6)}, input_shape, classes)

    assert faults_of(network=network)[0].startswith("network returns another network each time")


def test_a_changed_point_is_a_fault() -> None:
    def training(point):
        point["units"] = 0
        return Training()

    assert "changes the point" in faults_of(training=training)[0]


def test_an_unknown_optimizer_is_a_fault() -> None:
    [fault] = faults_of(training=lambda point: Training("Adamm"))
    assert fault == "training: unknown optimizer Adamm. Did you mean Adam?"


def test_values_out_of_range_are_a_fault() -> None:
    assert any("label_smoothing" in fault for fault in faults_of(training=lambda point: Training(label_smoothing=1.5)))


def test_defaults_have_to_fit_the_space() -> None:
    found = faults_of(default={"units": 99, "learning_rate": 0.01}, defaults={"unit": 3})
    assert found[0].startswith("default: The point is not in this space: units is 99")
    assert found[1] == "defaults: unit is no key of the space. Did you mean units?"


def test_an_invalid_space_is_a_fault() -> None:
    [fault] = faults_of(space={"a": hp.uniform("units", 0, 1), "b": hp.uniform("units", 0, 2)})
    assert "units" in fault


def test_a_network_that_fits_nothing_is_explained() -> None:
    def network(point, input_shape, classes):
        inputs = Input(input_shape)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(4, 99)(inputs))))

    [fault] = faults_of(network=network)
    assert fault.startswith("No network of the space passes for images of 8×8×1 (100 rejected: invalid architecture")


def test_a_limit_that_nothing_meets_is_named() -> None:
    found = check_problem(Problem(SPACE, dense), [IMAGES], parse_constraints(["params<=10"]))
    assert "params<=10 cannot be met" in found.faults[0]


def test_a_network_for_images_need_not_fit_signals() -> None:
    def network(point, input_shape, classes):
        height, width, channels = input_shape
        return dense(point, (height, width, channels), classes)

    found = check_problem(Problem(SPACE, network))
    assert found.faults == []
    assert [kind.name for kind in found.accepted] == [kind.name for kind in TYPICAL_KINDS[:3]]


def test_what_nothing_reads_is_noted() -> None:
    found = check_problem(Problem({**SPACE, "lr": hp.uniform("lr", 0, 1)}, dense), [IMAGES])
    assert found.faults == []
    assert found.notes == [
        "Nothing reads 'lr' of the space: network and training ignore the key, so other values have no effect."
        " Did you mean 'learning_rate' instead of 'lr'?"
    ]


def test_networks_of_build_model_are_left_to_keras() -> None:
    found = check_problem(Problem(SPACE, build_model=lambda point, input_shape, classes: None))
    assert (found.faults, found.accepted) == ([], {})


@pytest.mark.slow
def test_the_optimizers_are_those_of_keras() -> None:
    from metaopt.training.compiling import _optimizers

    known = {kind.__name__ for kind in _optimizers().values()}
    assert known - {"MultiOptimizer"} == set(OPTIMIZERS)
