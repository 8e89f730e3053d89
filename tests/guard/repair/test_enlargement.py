"""Enlargement: networks use their share of the limits, break none, and stay diverse."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, MaxPooling2D
from metaopt.guard import Stacks
from metaopt.guard.repair import Enlargement, Repair
from metaopt.guard.repair.cost_model import CostModel
from metaopt.guard.repair.enlargement import MAX_TRIALS, used_share, widen
from metaopt.problems.problem import Problem
from metaopt.spaces import Vals, compile_space
from tests.guard.cases import FLOWERS, REFERENCE, assert_in_space, draws, make_guard, stack
from tests.guard.repair.traces import traced

SHARE = 0.9


def make_enlargement(problem, shape, limits, share=SHARE, **depths):
    space = compile_space(problem.space)
    guard = make_guard(problem, shape, limits)
    stacks = Stacks(space, **depths)
    repair = Repair(space, guard, stacks)
    return space, guard, repair, Enlargement(space, guard, share, repair, stacks)


def guarded_share(space, guard, vals):
    """Return the share of the tightest limit that a network uses; it must pass the guard."""
    verdict = guard.judge(space.point(vals), set())
    assert verdict.reason is None
    return max(verdict.network[limit.name] / limit.bound for limit in guard.constraints if limit.name != "memory")


CASES = {
    "stack of 1 to 12": (stack(1, 12), (32, 32, 3), ["params<=2e5"]),
    "stack of 20": (stack(20, 20), (64, 64, 3), ["params<=2e6", "macs<=5e7"]),
    "reference": (REFERENCE, (32, 32, 3), ["params<=3e6", "macs<=1e8"]),
    "flowers": (FLOWERS, (64, 64, 3), ["params<=2e6", "macs<=1e7"]),
}


@pytest.mark.parametrize("name", CASES)
def test_networks_use_their_share_of_the_limits(name):
    space, guard, repair, enlarge = make_enlargement(*CASES[name])
    rng = np.random.default_rng(0)
    enlarged = 0
    for drawn in draws(space, 25):
        vals = repair(drawn, rng).vals
        larger = enlarge(vals, rng)
        assert_in_space(space, larger)
        assert SHARE <= guarded_share(space, guard, larger) <= 1
        enlarged += larger != vals
        if guarded_share(space, guard, vals) >= SHARE:
            assert larger == vals
    assert enlarged > 5


def test_only_widths_are_raised_where_they_suffice():
    space, _, repair, enlarge = make_enlargement(FLOWERS, (64, 64, 3), ["macs<=1e7"])
    rng = np.random.default_rng(0)
    for drawn in draws(space, 20):
        vals = repair(drawn, rng).vals
        larger = enlarge(vals, rng)
        changed = {label for label in larger if larger[label] != vals.get(label)}
        assert all(label.startswith("n_channels") and larger[label] > vals[label] for label in changed)


def test_notes_of_the_sampler_are_kept():
    _, _, _, enlarge = make_enlargement(FLOWERS, (64, 64, 3), ["macs<=1e9"])
    small = Vals({**draws(compile_space(FLOWERS.space), 1)[0]}, model_based=True, parent=7)
    larger = enlarge(small, np.random.default_rng(0))
    assert larger != small
    assert (larger.model_based, larger.parent) == (True, 7)


@pytest.mark.slow
def test_result_depends_on_values_and_generator_only():
    space, _, repair, enlarge = make_enlargement(stack(1, 12), (32, 32, 3), ["params<=1e6"])
    vals = next(one for one in (repair(d, np.random.default_rng(0)).vals for d in draws(space, 9)) if len(one) > 30)
    first = [dict(enlarge(vals, np.random.default_rng(seed))) for seed in range(6)]
    again = make_enlargement(stack(1, 12), (32, 32, 3), ["params<=1e6"])[3]
    assert [dict(again(vals, np.random.default_rng(seed))) for seed in (5, 4, 3, 2, 1, 0)] == first[::-1]
    assert len({tuple(sorted(one.items())) for one in first}) == 6


def test_widths_stay_diverse():
    """Widths are neither all at their maximum nor all raised alike: every octave of the range occurs."""
    space, _, repair, enlarge = make_enlargement(stack(6, 6), (32, 32, 3), ["params<=5e5"])
    rng = np.random.default_rng(0)
    filled = [enlarge(repair(drawn, rng).vals, rng) for drawn in draws(space, 60)]
    widths = np.array([[vals[f"block_{i}_channels"] for i in range(6)] for vals in filled])
    counts, _ = np.histogram(widths, bins=[3, 6, 12, 24, 48, 96, 161])
    assert counts.min() / counts.sum() > 0.05
    assert (widths == 160).mean() < 0.1
    assert np.median(widths.max(axis=1) / widths.min(axis=1)) > 4


def fixed_widths(point, input_shape, classes):
    x = inputs = Input(input_shape)
    for block in point["blocks"]:
        x = Conv2D(16, block["kernel"], padding="same")(x)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(MaxPooling2D(4)(x))))


def fixed_stack(most):
    blocks = [{"kernel": hp.uniformint(f"block_{i}_kernel", 1, 5)} for i in range(most)]
    depth = hp.choice("n_blocks", [blocks[: n + 1] for n in range(most)])
    return Problem({"blocks": depth, "rate": hp.uniform("rate", 0, 1)}, fixed_widths)


def test_stacks_without_widths_become_deeper():
    space, guard, _, enlarge = make_enlargement(fixed_stack(9), (16, 16, 1), ["macs<=4e6"])
    smallest = space.complete({"n_blocks": 0, "block_0_kernel": 1, "rate": 0.25}, np.random.default_rng(0))
    for seed in range(8):
        larger = enlarge(smallest, np.random.default_rng(seed))
        assert SHARE <= guarded_share(space, guard, larger) <= 1
        assert larger["n_blocks"] > 0
        assert larger["rate"] == 0.25


def test_unreachable_limit_gives_the_largest_network():
    space, _, _, enlarge = make_enlargement(fixed_stack(9), (16, 16, 1), ["macs<=4e9"], least=2, most=3)
    for seed in range(3):
        vals = Stacks(space, 2, 3).draw(np.random.default_rng(seed))
        larger = enlarge(vals, np.random.default_rng(seed))
        blocks = space.point(larger)["blocks"]
        assert [block["kernel"] for block in blocks] == [5, 5, 5]


def test_work_is_bounded_where_nothing_grows():
    calls = 0

    def network(point, input_shape, classes):
        nonlocal calls
        calls += 1
        x = inputs = Input(input_shape)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    space, _, _, enlarge = make_enlargement(Problem({"x": hp.uniform("x", 0, 1)}, network), (8, 8, 1), ["params<=1e6"])
    vals = draws(space, 1)[0]
    assert enlarge(vals, np.random.default_rng(0)) == vals
    assert calls < MAX_TRIALS


@pytest.mark.slow
def test_memory_limit_is_kept_but_not_filled():
    space, guard, repair, enlarge = make_enlargement(stack(1, 4), (32, 32, 3), ["memory<=3e7", "params<=1e6"])
    rng = np.random.default_rng(0)
    for drawn in draws(space, 10):
        vals = repair(drawn, rng).vals
        larger = enlarge(vals, rng)
        assert guarded_share(space, guard, vals) <= guarded_share(space, guard, larger) <= 1


def test_used_share_is_that_of_the_tightest_bound():
    assert used_share({"params": 50, "macs": 60}, {"params": 100, "macs": 200}) == 0.5
    assert used_share({"params": 50, "macs": 60}, {"macs": 200}) == 0.3


def two_widths(point):
    x = inputs = Input((8, 8, 1))
    x = Conv2D(point["filters"], 3, padding="same")(x)
    return Blueprint(inputs, Dense(2)(Dense(point["units"])(Flatten()(x))))


WIDTHS = {"filters": hp.choice("filters", [8, 1, 4, 2]), "units": hp.qloguniform("units", 0, 5, 1)}


def widened(bounds, share, seed, vals):
    case = traced(WIDTHS, two_widths)
    state = case.state(vals)
    costs = CostModel(state, case.evaluator)
    widen(costs, state.vals, bounds, share, case.space, case.grid, np.random.default_rng(seed))
    return costs, state.vals, two_widths(case.space.point(state.vals))


@pytest.mark.parametrize("seed", range(6))
def test_widening_reaches_the_share_within_the_bounds(seed):
    costs, vals, blueprint = widened({"params": 20_000, "macs": 40_000}, 0.9, seed, {"filters": 1, "units": 2.0})
    assert 0.9 <= max(blueprint.params / 20_000, blueprint.macs / 40_000) <= 1
    assert costs.totals == pytest.approx({"params": blueprint.params, "macs": blueprint.macs})
    assert vals["units"] >= 2


def test_widening_ends_at_the_largest_widths():
    _, vals, blueprint = widened({"params": 1e9}, 0.9, 0, {"filters": 1, "units": 2.0})
    assert vals == {"filters": 0, "units": 148}  # exp(5) = 148.4
    assert blueprint.params == (9 * 8 + 8) + (512 * 148 + 148) + (148 * 2 + 2)


@pytest.mark.parametrize(("bound", "option"), [(600, 0), (310, 2), (160, 3)])
def test_options_of_a_choice_are_raised_by_their_cost(bound, option):
    """With f filters there are 10·f + 64·f + 5 parameters; options may have any order."""

    def network(point):
        x = inputs = Input((8, 8, 1))
        x = Conv2D(point["filters"], 3, padding="same")(x)
        return Blueprint(inputs, Dense(2)(Dense(1)(Flatten()(x))))

    case = traced({"filters": WIDTHS["filters"]}, network)
    for seed in range(4):
        state = case.state({"filters": 1})
        costs = CostModel(state, case.evaluator)
        widen(costs, state.vals, {"params": bound}, 0.9, case.space, case.grid, np.random.default_rng(seed))
        assert state.vals == {"filters": option}
