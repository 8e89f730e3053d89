from types import SimpleNamespace
from typing import Any

import pytest

from metaopt.blueprint import Blueprint, Conv2D, Flatten, Input, InvalidArchitecture, MaxPooling2D
from metaopt.errors import UserError
from metaopt.problems.problem import Problem, fitting
from metaopt.problems.training_config import Training

SHAPE, CLASSES = (8, 8, 1), {"label": 2}


def network(point: Any, input_shape: tuple[int, ...], classes: Any) -> Blueprint:
    inputs = Input(input_shape)
    return Blueprint(inputs, Flatten()(MaxPooling2D(point["pool"])(Conv2D(2, 3)(inputs))))


def build_model(point: Any, input_shape: tuple[int, ...], classes: Any) -> None:
    """Stands for a function that builds a Keras model."""


def test_problem_of_a_module_has_its_functions() -> None:
    module = SimpleNamespace(space={"pool": 2}, network=network, other=1)
    problem = Problem.of(module)
    assert (problem.space, problem.network, problem.build_model) == ({"pool": 2}, network, None)
    assert problem.training == Training.from_point
    assert Problem.of(problem) is problem


def test_blueprint_exists_only_with_network() -> None:
    counted, compiled = Problem({}, network=network), Problem({}, build_model=build_model)
    assert counted.has_blueprint
    blueprint = counted.blueprint({"pool": 2}, SHAPE, CLASSES)
    assert blueprint is not None
    assert blueprint.output_shapes["label"] == (18,)
    assert not compiled.has_blueprint
    assert compiled.blueprint({"pool": 2}, SHAPE, CLASSES) is None
    with pytest.raises(InvalidArchitecture):
        counted.blueprint({"pool": 7}, SHAPE, CLASSES)


@pytest.mark.parametrize("value", [None, (1,), {"fine": 3}, Blueprint], ids=repr)
def test_functions_that_return_something_else_are_named(value: Any) -> None:
    problem = Problem({}, network=lambda *_: value, training=lambda _: value)
    with pytest.raises(UserError, match=r"^network returned (None|a \w+)\. It has to return a metaopt\.blueprint"):
        problem.blueprint({}, SHAPE, CLASSES)
    with pytest.raises(UserError, match=r"^training returned (None|a \w+)\. It has to return a metaopt\.Training"):
        problem.training_of({})


def test_features_can_require_a_blueprint() -> None:
    Problem({}, network=network).require_blueprint("fill", "0.9")
    with pytest.raises(UserError, match=r"fill 0\.9 needs a problem with network\(\)") as caught:
        Problem({}, build_model=build_model, name="mine").require_blueprint("fill", "0.9")
    assert caught.value.parameters == ("fill",)
    assert "mine" in str(caught.value)


@pytest.mark.parametrize(
    ("point", "reason"),
    [({}, "KeyError: 'pool'"), ({"pool": 7}, "MaxPooling2D with input shape"), (3, "TypeError")],
)
def test_points_of_another_space_are_rejected(point: Any, reason: str) -> None:
    problem = Problem({}, network=network, name="mine")
    with pytest.raises(UserError, match=f"does not fit mine: {reason}"):
        fitting(problem, lambda: network(point, SHAPE, CLASSES))
    assert fitting(problem, lambda: 5) == 5
