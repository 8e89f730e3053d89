"""Repair: results are valid, near, reproducible and diverse; the work is bounded where nothing is valid."""

from collections import Counter

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import scope

from metaopt.blueprint import Add, Blueprint, Conv2D, Dense, Flatten, Input, InvalidArchitecture, MaxPooling2D
from metaopt.guard.repair import Repair
from metaopt.guard.repair.repair import MAX_DESCENTS, MAX_EVALUATIONS
from metaopt.problems.problem import Problem
from metaopt.spaces import Vals
from tests.guard.cases import (
    CLASSES,
    FLOWERS,
    REFERENCE,
    assert_in_space,
    draws,
    keeps_limits,
    make_repair,
    reason,
    stack,
)

CASES = {
    "stack of 30": (stack(30, 30), (64, 64, 3), ["params<=2e6", "macs<=5e7"]),
    "stack of 1 to 30": (stack(1, 30), (32, 32, 3), ["params<=5e5", "macs<=1e7"]),
    "stack of 20, few parameters": (stack(20, 20), (64, 64, 3), ["params<=1e5"]),
    "stack on 4×4": (stack(1, 12), (4, 4, 3), ["params<=2e5"]),
    "stack on a pixel": (stack(1, 12), (1, 1, 1), []),
    "stack with memory limit": (stack(1, 4), (32, 32, 3), ["memory<=3e7"]),
    "reference": (REFERENCE, (32, 32, 3), ["params<=1e6", "macs<=3e7"]),
    "reference on 8×8": (REFERENCE, (8, 8, 1), ["params<=1.5e5"]),
    "reference on 4×4": (REFERENCE, (4, 4, 3), []),
    "flowers": (FLOWERS, (64, 64, 3), ["params<=2e6", "macs<=1e7"]),
    "flowers on 4×4": (FLOWERS, (4, 4, 3), ["params<=2e4"]),
}


@pytest.mark.parametrize("name", CASES)
def test_repaired_draws_are_in_space_and_pass_the_guard(name):
    space, guard, repair = make_repair(*CASES[name])
    rng = np.random.default_rng(1)
    rejected = 0
    for vals in draws(space, 30):
        rejected += reason(guard, space, vals) is not None
        repaired = repair(vals, rng)
        assert repaired.vals is not None
        assert_in_space(space, repaired.vals)
        assert reason(guard, space, repaired.vals) is None
    assert rejected > 2


def test_valid_values_are_returned_unchanged():
    space, guard, repair = make_repair(stack(1, 3), (64, 64, 3), ["params<=2e6"])
    valid = [vals for vals in draws(space, 60) if reason(guard, space, vals) is None]
    assert valid
    for vals in valid:
        assert repair(vals, np.random.default_rng(0)).vals == vals


def test_notes_of_the_sampler_are_kept():
    space, _, repair = make_repair(stack(10, 10), (32, 32, 3))
    vals = Vals(draws(space, 1)[0], model_based=True, parent=7)
    repaired = repair(vals, np.random.default_rng(0)).vals
    assert repaired != vals
    assert (repaired.model_based, repaired.parent) == (True, 7)


@pytest.mark.slow
def test_result_does_not_depend_on_earlier_repairs():
    space, guard, repair = make_repair(stack(1, 12), (32, 32, 3), ["params<=5e5", "macs<=1e7"])
    vals = draws(space, 5)
    first = [repair(one, np.random.default_rng(i)).vals for i, one in enumerate(vals)]
    again = [Repair(space, guard)(one, np.random.default_rng(i)).vals for i, one in reversed(list(enumerate(vals)))]
    assert first == again[::-1]


@pytest.mark.slow
def test_different_generators_repair_differently():
    space, _, repair = make_repair(stack(20, 20), (32, 32, 3))
    vals = draws(space, 1)[0]
    assert len({tuple(repair(vals, np.random.default_rng(seed)).vals.items()) for seed in range(8)}) == 8


def test_only_widths_of_oversized_networks_change():
    space, guard, repair = make_repair(FLOWERS, (64, 64, 3), ["macs<=4e7"])
    rng = np.random.default_rng(0)
    for vals in draws(space, 40):
        if reason(guard, space, vals) is not None:
            changed = [label for label, value in repair(vals, rng).vals.items() if vals.get(label) != value]
            assert changed
            assert all(label.startswith("n_channels") for label in changed), changed


def test_only_invalid_layers_change():
    space, guard, repair = make_repair(stack(3, 3), (32, 32, 3))
    vals = dict(draws(space, 1)[0])
    for i in range(3):
        vals |= {f"block_{i}_kernel": 3, f"block_{i}_stride": 1, f"block_{i}_padding": 0, f"block_{i}_pool": 0}
    vals = space.complete(vals, np.random.default_rng(0))
    assert reason(guard, space, vals) is None
    broken = space.complete(
        {**vals, "block_0_stride": 5, "block_1_stride": 5, "block_2_kernel": 9}, np.random.default_rng(0)
    )
    broken = space.complete({**broken, "block_2_padding": 1, "block_2_padding_share": 0.1}, np.random.default_rng(0))
    assert reason(guard, space, broken) == "invalid architecture"
    repaired = repair(broken, np.random.default_rng(0)).vals
    changed = {label for label, value in repaired.items() if broken.get(label) != value}
    assert len(changed) <= 2
    assert all(label.startswith("block_") for label in changed)


@pytest.mark.parametrize("limits", [["params<=100"], ["macs<=10"], ["memory<=1"]])
def test_impossible_limits_end_with_the_smallest_value(limits):
    space, _, repair = make_repair(REFERENCE, (32, 32, 3), limits)
    repaired = repair(draws(space, 1)[0], np.random.default_rng(0))
    assert repaired.vals is None
    assert repaired.evaluations < MAX_EVALUATIONS + 100
    name = limits[0].split("<")[0]
    networks = [REFERENCE.network(space.point(vals), (32, 32, 3), CLASSES) for vals in draws(space, 100)]
    others = [getattr(network, name, np.inf) for network in networks]
    assert 0 < repaired.smallest[name] < min(others)
    assert MAX_DESCENTS > 1


def test_depth_seen_only_by_range_is_repaired():
    def network(point, input_shape, classes):
        x = inputs = Input(input_shape)
        for _ in range(point["depth"]):
            x = Conv2D(8, 3, padding="valid")(x)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    _, _, repair = make_repair(
        Problem({"depth": hp.uniformint("depth", 1, 12), "other": hp.uniform("other", 0, 1)}, network), (8, 8, 1)
    )
    found = Counter()
    for seed in range(10):
        repaired = repair(Vals({"depth": 12, "other": 0.5}), np.random.default_rng(seed)).vals
        assert repaired["other"] == 0.5
        found[repaired["depth"]] += 1
    assert set(found) <= {1, 2, 3}


def test_points_rejected_by_the_function_are_repaired():
    def network(point, input_shape, classes):
        if point["kernel"] + point["units"] > 12:
            raise InvalidArchitecture("network", None, "kernel and units are too large together")
        x = inputs = Input(input_shape)
        x = Conv2D(4, point["kernel"])(x)
        return Blueprint(inputs, Dense(classes["label"])(Dense(point["units"])(Flatten()(x))))

    space, guard, repair = make_repair(
        Problem({"kernel": hp.uniformint("kernel", 1, 20), "units": hp.uniformint("units", 1, 20)}, network), (8, 8, 1)
    )
    for i, vals in enumerate(draws(space, 20)):
        assert reason(guard, space, repair(vals, np.random.default_rng(i)).vals) is None


def test_function_without_support_for_tracing_is_repaired():
    def network(point, input_shape, classes):
        assert type(point["width"]) is int
        x = inputs = Input(input_shape)
        return Blueprint(inputs, Dense(classes["label"])(Dense(point["width"])(Flatten()(x))))

    space, guard, repair = make_repair(
        Problem({"width": hp.uniformint("width", 1, 1000)}, network), (8, 8, 1), ["params<=5e3"]
    )
    for i, vals in enumerate(draws(space, 20)):
        assert reason(guard, space, repair(vals, np.random.default_rng(i)).vals) is None


def test_computed_layer_arguments_are_repaired():
    def network(point, input_shape, classes):
        x = inputs = Input(input_shape)
        for stage in range(3):
            width = int(16 * point["mult"]) * 2**stage
            x = Conv2D(width, (round(point["kernel"]), round(point["kernel"])), strides=point["stride"])(x)
            x = MaxPooling2D(point["pool"])(x)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    expression = {
        "mult": hp.loguniform("mult", -1, 2),
        "kernel": hp.quniform("kernel", 1, 7, 1),
        "stride": scope.int(1 + hp.quniform("stride", 0, 3, 1)),
        "pool": hp.choice("pool", [1, 2, 3]),
    }
    space, guard, repair = make_repair(Problem(expression, network), (24, 24, 1), ["params<=3e4"])
    for i, vals in enumerate(draws(space, 40)):
        assert reason(guard, space, repair(vals, np.random.default_rng(i)).vals) is None


def test_added_branches_are_narrowed_together():
    def network(point, input_shape, classes):
        x = inputs = Input(input_shape)
        for width in point["widths"]:
            x = Add()([Conv2D(width, 3, padding="same")(x), Conv2D(width, 1)(x)])
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    expression = {"widths": [hp.qloguniform(f"width_{i}", 2, 7, 1) for i in range(4)]}
    space, guard, repair = make_repair(Problem(expression, network), (8, 8, 1), ["params<=5e4", "macs<=2e6"])
    for i, vals in enumerate(draws(space, 20)):
        repaired = repair(vals, np.random.default_rng(i))
        assert reason(guard, space, repaired.vals) is None
        assert repaired.evaluations <= 5


def test_problem_without_network_is_not_repaired():
    space, _, repair = make_repair(Problem({"x": hp.uniform("x", 0, 1)}), ())
    repaired = repair(draws(space, 1)[0], np.random.default_rng(0))
    assert (repaired.vals, repaired.smallest, repaired.evaluations) == (None, {}, 0)


def shares(all_vals, role):
    """Return the shares of the values of a role over all blocks; channels in octaves."""
    found = Counter()
    for vals in all_vals:
        for label, value in vals.items():
            if label.endswith(role) and label.startswith("block"):
                found[int(np.log2(value)) if role == "channels" else value] += 1
    return {value: count / found.total() for value, count in found.items()}


def total_variation(one, other):
    return sum(abs(one.get(value, 0) - other.get(value, 0)) for value in {*one, *other}) / 2


@pytest.mark.slow
def test_repaired_draws_are_as_diverse_as_rejection_sampling():
    space, guard, repair = make_repair(stack(4, 4), (64, 64, 3), ["params<=2e6", "macs<=5e7"])
    everything = draws(space, 4000)
    accepted = [vals for vals in everything if keeps_limits(guard, space.point(vals))]
    assert len(accepted) > 100
    rng = np.random.default_rng(0)
    repaired = [repair(vals, rng).vals for vals in everything[:600]]
    for role, most in {"kernel": 0.12, "channels": 0.12, "stride": 0.15}.items():
        assert total_variation(shares(repaired, role), shares(accepted, role)) < most, role


def test_stacks_are_repaired_from_the_trace_cache():
    space, _, repair = make_repair(stack(12, 12), (64, 64, 3), ["params<=2e6", "macs<=5e7"])
    rng = np.random.default_rng(0)
    evaluations = [repair(vals, rng).evaluations for vals in draws(space, 60)]
    assert np.mean(np.array(evaluations) <= 2) > 0.9  # the rejected network and the repaired one; no trace


@pytest.mark.slow
def test_depths_are_kept():
    space, _, repair = make_repair(stack(1, 30), (64, 64, 3), ["params<=2e6", "macs<=5e7"])
    rng = np.random.default_rng(0)
    for vals in draws(space, 60):
        assert repair(vals, rng).vals["n_blocks"] == vals["n_blocks"]
