"""Shape repair: nearest arguments for layers without output, lower strides, and removal by a choice."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Add, AveragePooling2D, Blueprint, Conv2D, Input, MaxPooling2D
from metaopt.guard.repair.repair_state import RepairState
from metaopt.guard.repair.shape_repair import smallest_strides
from tests.guard.repair.traces import traced


def kernel(label):
    return hp.uniformint(label, 1, 9)


def repaired(case, vals, seed=0):
    state = RepairState(case.steps(vals), vals)
    case.shape_repair.repair(state, np.random.default_rng(seed))
    return state


def square(point):
    x = inputs = Input((4, 4, 1))
    return Blueprint(inputs, Conv2D(2, point["kernel"])(x))


def test_nearest_valid_kernel_is_taken():
    case = traced({"kernel": kernel("kernel")}, square)
    state = repaired(case, {"kernel": 9})
    assert (state.vals, state.moved, state.is_valid) == ({"kernel": 4}, {"kernel"}, True)
    assert state.sizes == [(4, 4), (1, 1)]
    assert state.arguments == [(), (4,)]


def test_valid_networks_are_not_moved():
    case = traced({"kernel": kernel("kernel")}, square)
    state = repaired(case, {"kernel": 2})
    assert (state.vals, state.moved, state.sizes[-1]) == ({"kernel": 2}, set(), (3, 3))


def test_propagation_alone_moves_nothing():
    case = traced({"kernel": kernel("kernel")}, square)
    state = case.state({"kernel": 9})
    assert not state.is_valid
    assert (state.vals, state.moved) == ({"kernel": 9}, set())


def test_two_labels_are_moved_where_one_does_not_suffice():
    def network(point):
        x = inputs = Input((4, 4, 1))
        return Blueprint(inputs, Conv2D(2, (point["height"], point["width"]))(x))

    case = traced({"height": kernel("height"), "width": kernel("width")}, network)
    assert repaired(case, {"height": 9, "width": 7}).vals == {"height": 4, "width": 4}
    assert repaired(case, {"height": 9, "width": 3}).vals == {"height": 4, "width": 3}


def test_layer_is_removed_by_its_choice():
    def network(point):
        x = inputs = Input((2, 2, 1))
        x = Conv2D(2, 1)(x)
        return Blueprint(inputs, x if point["pool"] is None else MaxPooling2D(point["pool"]["size"])(x))

    pool = hp.choice("pool", [None, {"size": hp.uniformint("size", 3, 5)}])
    case = traced({"pool": pool}, network)
    state = repaired(case, {"pool": 1, "size": 4})
    assert state.vals["pool"] == 0
    assert state.removed == {2}
    assert state.is_valid


def test_layer_without_labels_cannot_be_repaired():
    def network(point):
        x = inputs = Input((2, 2, 1))
        return Blueprint(inputs, MaxPooling2D(3)(Conv2D(point["kernel"], 1)(x)))

    state = repaired(traced({"kernel": kernel("kernel")}, network), {"kernel": 3})
    assert state.sizes[-1] == (2, 2)
    assert state.moved == set()


def strided(point):
    x = inputs = Input((16, 16, 1))
    for stride in point["strides"]:
        x = Conv2D(2, 1, strides=stride)(x)
    return Blueprint(inputs, MaxPooling2D(2)(x))


STRIDES = {"strides": [hp.uniformint(f"stride_{i}", 1, 4) for i in range(6)]}


@pytest.mark.parametrize("seed", range(5))
def test_strides_are_lowered_until_the_image_lasts(seed):
    vals = {f"stride_{i}": 4 for i in range(6)}
    state = repaired(traced(STRIDES, strided), vals, seed)
    kept = [state.vals[label] for label in vals]
    assert 0 < np.log2(kept).sum() < 12
    assert all(1 <= stride <= 4 for stride in kept)
    assert state.moved == {label for label in vals if state.vals[label] != 4}


def test_strides_that_fit_the_image_stay():
    vals = {f"stride_{i}": 2 if i < 3 else 1 for i in range(6)}
    assert repaired(traced(STRIDES, strided), vals).moved == set()


def test_smallest_strides_follow_the_computation():
    def network(point):
        x = inputs = Input((16, 16, 1))
        x = Conv2D(2, 1, strides=point["strides"][0])(x)
        return Blueprint(inputs, Conv2D(2, 1, strides=5 - point["strides"][1])(x))

    case = traced({"strides": STRIDES["strides"][:2]}, network)
    vals = {"stride_0": 3, "stride_1": 2}
    assert smallest_strides(case.steps(vals), vals, case.grid) == {"stride_0": 1, "stride_1": 4}


def test_is_broken_tells_whether_a_chain_has_an_empty_output():
    case = traced({"kernel": kernel("kernel")}, square)
    steps = case.steps({"kernel": 2})
    assert not case.shape_repair.is_broken(steps, {"kernel": 4})
    assert case.shape_repair.is_broken(steps, {"kernel": 5})


def test_merged_size_is_that_of_the_main_branch():
    def network(point):
        x = inputs = Input((8, 8, 1))
        y = Conv2D(2, point["kernel"])(x)
        window = x.shape[0] - y.shape[0] + 1
        skip = Conv2D(2, 1)(AveragePooling2D(window, 1)(x))
        return Blueprint(inputs, Add()([skip, y]))

    case = traced({"kernel": kernel("kernel")}, network)
    steps = case.steps({"kernel": 3})
    state = RepairState(steps, {"kernel": 5})
    case.shape_repair.propagate(state)
    assert state.sizes[-1] == (4, 4)


def test_two_generators_choose_different_fixes():
    def network(point):
        x = inputs = Input((4, 4, 1))
        return Blueprint(inputs, Conv2D(2, point["kernel"], padding=point["padding"])(x))

    case = traced({"kernel": kernel("kernel"), "padding": hp.uniformint("padding", 0, 4)}, network)
    found = {tuple(repaired(case, {"kernel": 9, "padding": 0}, seed).vals.items()) for seed in range(20)}
    assert found == {(("kernel", 4), ("padding", 0)), (("kernel", 9), ("padding", 3))}
