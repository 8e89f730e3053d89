"""Problems, limits and helpers that the tests of the guard share."""

from typing import Any

import numpy as np

import neural_net
import space as reference_space
from metaopt.blueprint import InvalidArchitecture
from metaopt.guard import Guard
from metaopt.guard.repair import Repair
from metaopt.problems.problem import Problem
from metaopt.spaces import Space, Vals, compile_space
from metaopt.trials.constraints import parse_constraints
from metaopt.zoo import conv_stack, flower_cnn

CLASSES = {"label": 10}
REFERENCE = Problem(reference_space.space, neural_net.network, neural_net.training)
FLOWERS = Problem(flower_cnn.space, flower_cnn.network, flower_cnn.training)


def stack(least: int, most: int) -> Problem:
    return Problem(conv_stack.make_space(least, most), conv_stack.network, conv_stack.training)


def make_guard(problem: Problem, shape: tuple[int, ...], limits: list[str] | None = None) -> Guard:
    return Guard(problem, shape, CLASSES, parse_constraints(limits or []))


def make_repair(
    problem: Problem, shape: tuple[int, ...], limits: list[str] | None = None
) -> tuple[Space, Guard, Repair]:
    space = compile_space(problem.space)
    guard = make_guard(problem, shape, limits)
    return space, guard, Repair(space, guard)


def draws(space: Space, n: int, seed: int = 0) -> list[Vals]:
    rng = np.random.default_rng(seed)
    return [space.draw(rng) for _ in range(n)]


def reason(guard: Guard, space: Space, vals: Vals) -> str | None:
    """Return why the guard rejects values, or None."""
    return guard.judge(space.point(vals), set()).reason


def keeps_limits(guard: Guard, point: Any) -> bool:
    """Return whether a network is valid and keeps the limits on its counts, without the guard's verdict."""
    try:
        blueprint = guard.problem.network(point, guard.input_shape, guard.classes)
    except InvalidArchitecture:
        return False
    return all(limit.distance(getattr(blueprint, limit.name)) <= 0 for limit in guard.constraints)


def assert_in_space(space: Space, vals: Vals) -> None:
    assert dict(space.restrict(vals)) == dict(vals)
    for label, value in vals.items():
        assert space.by_label[label].distribution.match(value) is not None, label
