"""Check of forks: which changes of hyperparameters keep the architecture."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Activation, Blueprint, Conv2D, Dense, Dropout, Flatten, Input
from metaopt.guard import Guard
from metaopt.guard.fork_check import ForkCheck
from metaopt.problems.problem import Problem
from metaopt.spaces import Vals, compile_space
from metaopt.trials.constraints import parse_constraints

SPACE = {
    "filters": hp.quniform("filters", 1, 32, 1),
    "activation": hp.choice("activation", ["relu", "elu"]),
    "drop": hp.uniform("drop", 0, 0.9),
    "penalty": hp.uniform("penalty", 0, 0.1),
    "optimizer": hp.choice("optimizer", ["Adam", "SGD"]),
    "learning_rate": hp.uniform("learning_rate", 0, 1),
    "batch_size": hp.quniform("batch_size", 8, 4096, 8),
}
SOURCE = {
    "filters": 8.0,
    "activation": 0,
    "drop": 0.5,
    "penalty": 0.01,
    "optimizer": 0,
    "learning_rate": 0.1,
    "batch_size": 32.0,
}


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    convolved = Conv2D(round(point["filters"]), 3, kernel_regularizer=point["penalty"])(inputs)
    hidden = Activation(point["activation"])(convolved)
    if point["drop"] > 0.1:
        hidden = Dropout(point["drop"])(hidden)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(hidden)))


def allows(problem, constraints=(), **changed):
    guard = Guard(problem, (8, 8, 1), {"label": 10}, parse_constraints(constraints))
    return ForkCheck(guard, compile_space(SPACE))(Vals(SOURCE), Vals({**SOURCE, **changed}))


@pytest.mark.parametrize(
    ("changed", "is_kept"),
    [
        ({}, True),
        ({"drop": 0.8}, True),
        ({"penalty": 0.05}, True),
        ({"optimizer": 1, "learning_rate": 0.3, "batch_size": 64.0}, True),
        ({"filters": 9.0}, False),
        ({"activation": 1}, False),
        ({"drop": 0.05}, False),  # a network without the layer
    ],
)
def test_blueprints_are_compared_without_regularisation(changed, is_kept):
    assert allows(Problem(SPACE, network), **changed) == is_kept


def test_a_fork_that_exceeds_a_constraint_is_refused():
    assert allows(Problem(SPACE, network), ("memory<=1MB",), batch_size=64.0)
    assert not allows(Problem(SPACE, network), ("memory<=1MB",), batch_size=4096.0)


def test_only_the_training_of_a_model_of_keras_may_change():
    problem = Problem(SPACE, build_model=lambda point, input_shape, classes: None)
    assert allows(problem, optimizer=1, learning_rate=0.3, batch_size=64.0)
    assert not allows(problem, drop=0.8)


def test_anything_may_change_for_a_function():
    assert allows(Problem(SPACE), filters=9.0, activation=1)
