"""Local search: descent on a violation, and restoration of what need not have moved."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.guard.repair.local_search import EvaluationsExhausted, coordinate_descent, restore_values
from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.spaces import Vals, compile_space

SPACE = compile_space(
    {
        "a": hp.uniformint("a", 0, 20),
        "b": hp.uniformint("b", 0, 20),
        "c": hp.choice("c", ["x", {"d": hp.uniformint("d", 0, 9)}]),
    }
)
GRID = ValueGrid(SPACE)
START = Vals({"a": 18, "b": 3, "c": 1, "d": 7})


def above(limit):
    """Return a violation: how far a + b is above a limit."""
    return lambda vals: max(0, vals["a"] + vals["b"] - limit)


def descend(violation, seed=0, start=START):
    return coordinate_descent(start, violation, SPACE, GRID, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_descent_ends_without_violation(seed):
    found = descend(above(5), seed)
    assert found["a"] + found["b"] <= 5
    assert dict(SPACE.restrict(found)) == dict(found)


def test_descent_moves_choices():
    found = descend(lambda vals: float(vals["c"]))
    assert found["c"] == 0
    assert "d" not in found


def test_descent_returns_valid_start_unchanged():
    assert descend(above(40)) == START


def test_descent_ends_in_a_local_minimum():
    assert descend(lambda vals: 1.0) is None


def test_descent_is_reproducible():
    assert descend(above(5), seed=3) == descend(above(5), seed=3)


def test_descent_ends_with_the_evaluations():
    calls = iter(range(3))

    def violation(vals):
        if next(calls, None) is None:
            raise EvaluationsExhausted
        return 1.0

    with pytest.raises(EvaluationsExhausted):
        descend(violation)


def restore(found, violation, seed=0):
    return restore_values(START, found, violation, SPACE, np.random.default_rng(seed))


def test_labels_without_influence_are_restored():
    found = restore(Vals({"a": 2, "b": 20, "c": 0}), lambda vals: max(0, vals["a"] - 5))
    assert (found["b"], found["c"]) == (3, 1)


def test_numbers_are_restored_part_of_the_way():
    # From 2 the wanted 18 breaks the limit; half of the way is 10.
    assert restore(Vals({**START, "a": 2}), lambda vals: max(0, vals["a"] - 12))["a"] == 10
    # A quarter of the way is 6.
    assert restore(Vals({**START, "a": 2}), lambda vals: max(0, vals["a"] - 7))["a"] == 6
    assert restore(Vals({**START, "a": 2}), lambda vals: max(0, vals["a"] - 3))["a"] == 2


def test_restoration_keeps_what_was_found_when_evaluations_end():
    def violation(_):
        raise EvaluationsExhausted

    found = Vals({**START, "a": 2})
    assert restore(found, violation) == found
