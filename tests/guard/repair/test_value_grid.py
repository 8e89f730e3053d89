"""Value grid: values of each distribution, their neighbours, and values between them."""

import pytest
from hyperopt import hp

from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.spaces import compile_space

SPACE = compile_space(
    {
        "kernel": hp.uniformint("kernel", 1, 5),
        "step": hp.quniform("step", 0, 10, 2.5),
        "rate": hp.uniform("rate", 0, 12),
        "seed": hp.randint("seed", 1000),
        "scale": hp.lognormal("scale", 0, 1),
        "choice": hp.choice("choice", ["a", "b", "c"]),
        "other": hp.uniformint("other", 1, 5),
    }
)
GRID = ValueGrid(SPACE)


def test_small_discrete_parameters_have_all_values():
    assert GRID.values("kernel") == (1, 2, 3, 4, 5)
    assert GRID.values("step") == (0, 2.5, 5, 7.5, 10)
    assert GRID.values("choice") == (0, 1, 2)


def test_other_parameters_have_twelve_quantiles_and_their_bounds():
    assert GRID.values("rate") == pytest.approx((0, *[number + 0.5 for number in range(12)], 12))
    seeds = GRID.values("seed")
    assert (seeds[0], seeds[-1], len(seeds)) == (0, 999, 14)
    assert all(type(seed) is int for seed in seeds)


def test_bounds_that_are_never_drawn_are_left_out():
    scales = GRID.values("scale")
    assert len(scales) == 12
    assert scales[0] > 0


def test_allowed_options_replace_all_options():
    grid = ValueGrid(SPACE, {"choice": (1, 2)})
    assert grid.values("choice") == (1, 2)
    assert grid.nearest("choice", 1) == [2]


def test_neighbours_are_sorted_by_rank():
    assert GRID.nearest("kernel", 3) == [2, 4, 1, 5]
    assert GRID.nearest("kernel", 1) == [2, 3, 4, 5]
    assert GRID.nearest("step", 10) == [7.5, 5, 2.5, 0]


def test_values_below_exclude_the_value():
    assert GRID.values_below("kernel", 3) == (1, 2)
    assert GRID.values_below("step", 6) == (0, 2.5, 5)
    assert GRID.values_below("kernel", 1) == ()


def test_largest_below_rounds_down_to_the_step():
    assert GRID.largest_below("step", 6.0, 10.0) == 5.0
    assert GRID.largest_below("kernel", 2.7, 5) == 2
    assert type(GRID.largest_below("kernel", 2.7, 5)) is int
    assert GRID.largest_below("rate", 3.3, 7.0) == 3.3


def test_largest_below_is_at_least_the_smallest_value():
    assert GRID.largest_below("kernel", 0.2, 2) == 1
    assert GRID.largest_below("kernel", 0.2, 1) is None


def test_largest_below_of_a_choice_is_the_option_before():
    assert GRID.largest_below("choice", 0.5, 2) == 1
    assert GRID.largest_below("choice", 0, 0) is None


def test_snap_keeps_discrete_values_and_rounds_others_down():
    assert GRID.snap("kernel", 4) == 4
    assert GRID.snap("rate", 3.3) == pytest.approx(2.5)
    assert GRID.snap("rate", -1) == 0
    assert GRID.is_snapped("kernel", 4)
    assert not GRID.is_snapped("rate", 3.3)
    assert GRID.is_snapped("rate", GRID.snap("rate", 3.3))


def test_equal_distributions_have_equal_ids():
    ids = GRID.distribution_ids
    assert ids["kernel"] == ids["other"]
    assert len(set(ids.values())) == len(ids) - 1
