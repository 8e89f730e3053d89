"""Networks that are enlarged: they use their share of the limits, break none, and stay broad."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, MaxPooling2D
from metaopt.engine.phases import check_fill
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.guard.repair import Enlargement, Repair, Stacks
from metaopt.guard.repair.enlargement import CLIMBS
from metaopt.problems.problem import Problem
from metaopt.spaces import Vals, compile_space
from metaopt.trials.constraints import parse_constraints
from tests.engine.test_phases import STACK, grown
from tests.guard.test_repair import FLOWERS, REFERENCE, assert_in_space, draws, stack

SHARE = 0.9


def enlargement_of(problem, shape, limits, share=SHARE, **depths):
    space = compile_space(problem.space)
    guard = Guard(problem, shape, {"label": 10}, parse_constraints(limits))
    stacks = Stacks(space, **depths)
    repair = Repair(space, guard, stacks)
    return space, guard, repair, Enlargement(space, guard, share, repair, stacks)


def use_of(space, guard, vals):
    """The share of the tightest limit that a network uses, which must pass."""
    verdict = guard.judge(space.point(vals), set())
    assert verdict.reason is None
    return max(verdict.network[limit.name] / limit.bound for limit in guard.limits if limit.name != "memory")


CASES = {
    "stack of 1 to 12": (stack(1, 12), (32, 32, 3), ["params<=2e5"]),
    "stack of 20": (stack(20, 20), (64, 64, 3), ["params<=2e6", "macs<=5e7"]),
    "reference": (REFERENCE, (32, 32, 3), ["params<=3e6", "macs<=1e8"]),
    "flowers": (FLOWERS, (64, 64, 3), ["params<=2e6", "macs<=1e7"]),
}


@pytest.mark.parametrize("name", CASES)
def test_networks_use_their_share_and_break_no_limit(name):
    space, guard, repair, enlarge = enlargement_of(*CASES[name])
    rng = np.random.default_rng(0)
    enlarged = 0
    for drawn in draws(space, 25):
        vals = repair(drawn, rng).vals
        larger = enlarge(vals, rng)
        assert_in_space(space, larger)
        assert SHARE <= use_of(space, guard, larger) <= 1
        enlarged += larger != vals
        if use_of(space, guard, vals) >= SHARE:
            assert larger == vals
    assert enlarged > 5


def test_widths_grow_and_nothing_else_where_they_can():
    space, _, repair, enlarge = enlargement_of(FLOWERS, (64, 64, 3), ["macs<=1e7"])
    rng = np.random.default_rng(0)
    for drawn in draws(space, 20):
        vals = repair(drawn, rng).vals
        larger = enlarge(vals, rng)
        changed = {label for label in larger if larger[label] != vals.get(label)}
        assert all(label.startswith("n_channels") and larger[label] > vals[label] for label in changed)


def test_what_the_sampler_said_of_its_proposal_stays():
    _, _, _, enlarge = enlargement_of(FLOWERS, (64, 64, 3), ["macs<=1e9"])
    small = Vals({**draws(compile_space(FLOWERS.space), 1)[0]}, model_based=True, parent=7)
    larger = enlarge(small, np.random.default_rng(0))
    assert larger != small
    assert (larger.model_based, larger.parent) == (True, 7)


def test_it_is_a_function_of_values_and_generator_and_no_two_generators_agree():
    space, _, repair, enlarge = enlargement_of(stack(1, 12), (32, 32, 3), ["params<=1e6"])
    vals = next(one for one in (repair(d, np.random.default_rng(0)).vals for d in draws(space, 9)) if len(one) > 30)
    first = [dict(enlarge(vals, np.random.default_rng(seed))) for seed in range(6)]
    again = enlargement_of(stack(1, 12), (32, 32, 3), ["params<=1e6"])[3]
    assert [dict(again(vals, np.random.default_rng(seed))) for seed in (5, 4, 3, 2, 1, 0)] == first[::-1]
    assert len({tuple(sorted(one.items())) for one in first}) == 6


def test_widths_stay_broad():
    """Neither all at their largest nor all raised alike: every octave of the range is met."""
    space, _, repair, enlarge = enlargement_of(stack(6, 6), (32, 32, 3), ["params<=5e5"])
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


def test_stacks_without_widths_become_deeper_and_their_kernels_larger():
    space, guard, _, enlarge = enlargement_of(fixed_stack(9), (16, 16, 1), ["macs<=4e6"])
    smallest = space.complete({"n_blocks": 0, "block_0_kernel": 1, "rate": 0.25}, np.random.default_rng(0))
    for seed in range(8):
        larger = enlarge(smallest, np.random.default_rng(seed))
        assert SHARE <= use_of(space, guard, larger) <= 1
        assert larger["n_blocks"] > 0
        assert larger["rate"] == 0.25


def test_what_cannot_be_filled_becomes_as_large_as_it_can_within_its_depth():
    space, _, _, enlarge = enlargement_of(fixed_stack(9), (16, 16, 1), ["macs<=4e9"], least=2, most=3)
    for seed in range(3):
        vals = Stacks(space, 2, 3).draw(np.random.default_rng(seed))
        larger = enlarge(vals, np.random.default_rng(seed))
        blocks = space.point(larger)["blocks"]
        assert [block["kernel"] for block in blocks] == [5, 5, 5]


def test_a_network_that_cannot_become_larger_takes_bounded_work():
    calls = 0

    def network(point, input_shape, classes):
        nonlocal calls
        calls += 1
        x = inputs = Input(input_shape)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    space, _, _, enlarge = enlargement_of(Problem({"x": hp.uniform("x", 0, 1)}, network), (8, 8, 1), ["params<=1e6"])
    vals = draws(space, 1)[0]
    assert enlarge(vals, np.random.default_rng(0)) == vals
    assert calls < CLIMBS


def test_memory_is_kept_but_not_filled():
    space, guard, repair, enlarge = enlargement_of(stack(1, 4), (32, 32, 3), ["memory<=3e7", "params<=1e6"])
    rng = np.random.default_rng(0)
    for drawn in draws(space, 10):
        vals = repair(drawn, rng).vals
        larger = enlarge(vals, rng)
        assert use_of(space, guard, vals) <= use_of(space, guard, larger) <= 1


@pytest.mark.parametrize("sampler", ["random", "tpe", "anneal", "evolution"])
def test_it_works_behind_every_sampler(tmp_path, sampler):
    study = grown(tmp_path / "results", sampler=sampler, fill=0.8, constraints=("params<=3e5", "macs<=2e6"), trials=8)
    uses = [max(record["params"] / 3e5, record["macs"] / 2e6) for record in study.records]
    assert len(uses) == 8
    assert all(0.8 <= use <= 1 for use in uses)


def test_each_phase_of_a_search_that_grows_is_filled(tmp_path):
    study = grown(tmp_path / "results", STACK, 6, fill=0.8, grow="macs=5e5,1e6,2e6", sampler="evolution")
    assert study.settings["fill"] == 0.8
    uses = [
        record["macs"] / bound for record, bound in zip(study.records, [5e5] * 2 + [1e6] * 2 + [2e6] * 2, strict=True)
    ]
    assert all(0.8 <= use <= 1 for use in uses)


def test_a_problem_without_network_is_refused():
    with pytest.raises(UserError, match=r"--fill 0.9 needs a problem with network\(\)"):
        check_fill(0.9, Guard(Problem({"x": hp.uniform("x", 0, 1)})))
