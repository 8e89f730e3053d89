"""Order under several objectives, held against its definition, and against moocore."""

from itertools import product

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metaopt.trials.pareto import (
    by_crowding,
    by_distance,
    by_hypervolume,
    compute_crowding,
    compute_fronts,
    compute_units,
    dominates,
    find_front,
    find_knee,
    order_results,
    scalarise,
)

SPREADS = [by_crowding, by_distance, by_hypervolume]
values = st.tuples(st.integers(1, 30), st.integers(2, 4)).flatmap(
    lambda shape: arrays(float, shape, elements=st.integers(0, 6).map(float))
)


def keys_of(losses, violations=None):
    violations = np.zeros(len(losses)) if violations is None else np.array(violations, float)
    return np.column_stack([violations > 0, violations, np.array(losses, float)])


@settings(deadline=None, max_examples=30)
@given(values)
def test_fronts_equal_those_of_moocore(values):
    assert compute_fronts(values).tolist() == moocore.pareto_rank(values).tolist()


@settings(deadline=None, max_examples=30)
@given(values)
def test_the_front_is_what_no_other_result_dominates(values):
    front = find_front(values)
    assert not any(dominates(values[one], values[other]) for one, other in product(range(len(values)), front))
    outside = set(range(len(values))) - set(front.tolist())
    assert all(any((values[other] <= values[one]).all() for other in front) for one in outside)
    rows = [tuple(row) for row in values[front].tolist()]
    assert rows == sorted(set(rows))


@settings(deadline=None, max_examples=30)
@given(values, st.sampled_from(SPREADS), st.integers(1, 30))
def test_no_result_is_ordered_before_one_that_dominates_it(values, spread, n):
    order = order_results(keys_of(values), spread)
    assert sorted(order.tolist()) == list(range(len(values)))
    place = np.argsort(order)
    for one, other in product(range(len(values)), repeat=2):
        assert not dominates(values[one], values[other]) or place[one] < place[other]
    assert order_results(keys_of(values), spread, n).tolist() == order[:n].tolist()


@pytest.mark.parametrize("spread", SPREADS)
def test_infeasible_results_come_last_by_their_violation(spread):
    losses = [[0, 0], [5, 5], [1, 2], [2, 1], [0, 1]]
    assert order_results(keys_of(losses, [2, 0, 0, 0, 1]), spread).tolist()[-3:] == [1, 4, 0]
    assert order_results(keys_of(losses, [2, 1, 3, 4, 5]), spread).tolist() == [1, 0, 2, 3, 4]


@settings(deadline=None, max_examples=30)
@given(values, st.sampled_from(SPREADS))
def test_only_the_order_within_an_objective_counts(values, spread):
    stretched = np.column_stack([values[:, 0] ** 3, np.exp(values[:, 1:])])
    assert order_results(keys_of(values), spread).tolist() == order_results(keys_of(stretched), spread).tolist()


def test_crowding_distances_equal_their_definition():
    """Deb et al. 2002, figure 7: the sides of the cuboid between the two neighbours, relative to the front."""
    front = np.array([[0.0, 1.0], [0.1, 0.6], [0.5, 0.5], [1.0, 0.0]])
    assert compute_crowding(front).tolist() == pytest.approx([np.inf, 0.5 + 0.5, 0.9 + 0.6, np.inf])


def test_by_distance_takes_the_farthest_from_all_before():
    front = np.array([[0.0, 1.0], [0.05, 0.9], [0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    assert by_distance(front, 3).tolist() == [0, 4, 2]


def test_by_hypervolume_takes_what_adds_the_most():
    """The middle of the front dominates the most alone; then the ends, before a twin of the middle."""
    front = np.array([[0.0, 1.0], [0.4, 0.4], [0.41, 0.39], [1.0, 0.0]])
    order = by_hypervolume(front, 4).tolist()
    assert (order[0], order[-1]) == (1, 2)
    chosen = [moocore.hypervolume(front[order[:n]], ref=1.1) for n in (1, 2)]
    assert chosen == [
        max(moocore.hypervolume(front[[one]], ref=1.1) for one in range(4)),
        max(moocore.hypervolume(front[[1, one]], ref=1.1) for one in (0, 2, 3)),
    ]


def test_units_are_quantiles_from_0_to_1():
    assert compute_units(np.array([[5.0, 1.0], [1e30, 1.0], [7.0, 1.0]])).tolist() == [[0, 0], [1, 0], [0.5, 0]]


def test_results_in_a_concave_front_are_the_best_by_some_weights():
    """A weighted sum finds the ends alone; the sum in the augmented function covers two results beside one end."""
    first = np.linspace(0, 1, 11)
    front = np.column_stack([first, np.sqrt(1 - first**2)])
    weights = [np.array([w, 1 - w]) for w in np.linspace(0.001, 0.999, 999)]
    assert {int(np.argmin(scalarise(front, each))) for each in weights} >= {0, *range(3, 11)}
    assert {int(np.argmin(front @ each)) for each in weights} == {0, 10}


def test_the_knee_is_the_farthest_below_the_line_through_the_ends():
    assert find_knee(np.array([[0.0, 100.0], [1.0, 90.0], [2.0, 20.0], [10.0, 0.0]])) == 2
    assert find_knee(np.array([[3.0, 4.0]])) == 0
