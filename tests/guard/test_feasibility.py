"""Feasibility of a space under constraints, before a study is opened."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Dense, Flatten, Input, InvalidArchitecture
from metaopt.guard import Guard
from metaopt.guard.feasibility import DRAWS, find_rejections
from metaopt.problems import Problem, load_problem
from metaopt.problems.loading import load_earlier_references
from metaopt.spaces import compile_space
from metaopt.trials.constraints import parse_constraints


def rejections_of(problem: Problem, *constraints: str, side: int = 64):
    guard = Guard(problem, (side, side, 3), {"label": 17}, parse_constraints(constraints))
    return find_rejections(compile_space(problem.space), guard), guard


def dense(point, input_shape, classes):
    if point["width"] % 2:
        raise InvalidArchitecture("network", None, "odd")
    x = inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Dense(point["width"])(Flatten()(x))))


DENSE = Problem({"width": hp.uniformint("width", 1, 60)}, dense)


@pytest.mark.parametrize("side", [8, 32, 64, 128])
def test_the_reference_space_fits_small_limits(side: int) -> None:
    assert rejections_of(load_problem("cnn"), "params<=2e6", "macs<=1e8", side=side)[0] is None


@pytest.mark.slow
def test_the_missed_limit_is_named_with_its_smallest_value() -> None:
    found, guard = rejections_of(next(load_earlier_references()), "params<=2e6", "macs<=1e8")
    assert found is not None
    [(constraint, smallest)] = found.missed(guard.constraints)
    assert str(constraint) == "params<=2e+06"
    assert 2.9e6 < smallest < 3.0e6
    text = str(found.explain(guard))
    excess, share = smallest - 2e6, (smallest - 2e6) / 2e4
    assert f"the smallest params reached is {smallest:,.0f}, {excess:,.0f} ({share:.0f} %) above it." in text
    assert "macs<=" not in text


def test_a_limit_is_met_exactly_or_missed_by_one() -> None:
    # 2 units have 2 · 192 + 2 + 2 · 17 + 17 parameters; the count of MACs lacks the biases.
    found, guard = rejections_of(DENSE, "params<=436", side=8)
    assert found is not None
    assert "the smallest params reached is 437, 1 (0 %) above it" in str(found.explain(guard))
    assert rejections_of(DENSE, "params<=437", side=8)[0] is None


def test_a_space_of_invalid_networks_names_the_fault() -> None:
    problem = Problem({"width": hp.choice("width", [1, 3, 5])}, dense)
    found, guard = rejections_of(problem)
    assert found is not None
    assert found.reasons == {"invalid architecture": DRAWS}
    assert "odd" in str(found.explain(guard))


def test_networks_counted_in_the_worker_are_not_judged() -> None:
    problem = Problem({"width": hp.uniformint("width", 1, 60)}, build_model=dense)
    assert rejections_of(problem, "params<=1")[0] is None
