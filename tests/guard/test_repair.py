"""The repair: what comes out stands, is near, the same every time, and broad; bounded work where nothing stands."""

from collections import Counter

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import scope

import neural_net
import space as reference_space
from metaopt.blueprint import Add, Blueprint, Conv2D, Dense, Flatten, Input, InvalidArchitecture, MaxPooling2D
from metaopt.guard.guard import Guard
from metaopt.guard.repair import Repair
from metaopt.guard.repair.repair import DESCENTS, EVALUATIONS
from metaopt.problems.problem import Problem
from metaopt.spaces import Vals, compile_space
from metaopt.trials.constraints import parse_limits
from metaopt.zoo import conv_stack, flower_cnn

REFERENCE = Problem(reference_space.space, neural_net.network, neural_net.training)
FLOWERS = Problem(flower_cnn.space, flower_cnn.network, flower_cnn.training)


def stack(least, most):
    return Problem(conv_stack.make_space(least, most), conv_stack.network, conv_stack.training)


def repair_of(problem, shape, limits=()):
    space = compile_space(problem.space)
    guard = Guard(problem, shape, {"label": 10}, parse_limits(limits))
    return space, guard, Repair(space, guard)


def draws(space, n, seed=0):
    rng = np.random.default_rng(seed)
    return [space.draw(rng) for _ in range(n)]


def assert_in_space(space, vals):
    assert dict(space.restrict(vals)) == dict(vals)
    for label, value in vals.items():
        assert space.by_label[label].distribution.match(value) is not None, label


CASES = {
    "stack of 30": (stack(30, 30), (64, 64, 3), ["params<=2e6", "macs<=5e7"]),
    "stack of 1 to 30": (stack(1, 30), (32, 32, 3), ["params<=5e5", "macs<=1e7"]),
    "stack of 20, hardly any parameters": (stack(20, 20), (64, 64, 3), ["params<=1e5"]),
    "stack on 4×4": (stack(1, 12), (4, 4, 3), ["params<=2e5"]),
    "stack on a pixel": (stack(1, 12), (1, 1, 1), []),
    "stack by memory": (stack(1, 4), (32, 32, 3), ["memory<=3e7"]),
    "reference": (REFERENCE, (32, 32, 3), ["params<=1e6", "macs<=3e7"]),
    "reference on 8×8": (REFERENCE, (8, 8, 1), ["params<=1.5e5"]),
    "reference on 4×4": (REFERENCE, (4, 4, 3), []),
    "flowers": (FLOWERS, (64, 64, 3), ["params<=2e6", "macs<=1e7"]),
    "flowers on 4×4": (FLOWERS, (4, 4, 3), ["params<=2e4"]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_comes_out_is_a_draw_of_the_space_whose_network_passes_the_guard(name):
    problem, shape, limits = CASES[name]
    space, guard, repair = repair_of(problem, shape, limits)
    rng = np.random.default_rng(1)
    rejected = 0
    for vals in draws(space, 30):
        rejected += guard.judge(space.point(vals), set()).reason is not None
        repaired = repair(vals, rng)
        assert repaired.vals is not None
        assert_in_space(space, repaired.vals)
        assert guard.judge(space.point(repaired.vals), set()).reason is None
    assert rejected > 2


def test_values_whose_network_stands_come_back_as_they_are():
    space, guard, repair = repair_of(stack(1, 3), (64, 64, 3), ["params<=2e6"])
    standing = [vals for vals in draws(space, 60) if guard.judge(space.point(vals), set()).reason is None]
    assert standing
    for vals in standing:
        assert repair(vals, np.random.default_rng(0)).vals == vals


def test_what_the_sampler_said_of_its_proposal_stays():
    space, _, repair = repair_of(stack(10, 10), (32, 32, 3))
    vals = Vals(draws(space, 1)[0], model_based=True, parent=7)
    repaired = repair(vals, np.random.default_rng(0)).vals
    assert repaired != vals
    assert (repaired.model_based, repaired.parent) == (True, 7)


def test_it_is_a_function_of_values_and_generator_whatever_was_repaired_before():
    space, guard, repair = repair_of(stack(1, 12), (32, 32, 3), ["params<=5e5", "macs<=1e7"])
    vals = draws(space, 5)
    first = [repair(one, np.random.default_rng(i)).vals for i, one in enumerate(vals)]
    again = [Repair(space, guard)(one, np.random.default_rng(i)).vals for i, one in reversed(list(enumerate(vals)))]
    assert first == again[::-1]


def test_two_generators_repair_differently():
    space, _, repair = repair_of(stack(20, 20), (32, 32, 3))
    vals = draws(space, 1)[0]
    assert len({tuple(repair(vals, np.random.default_rng(seed)).vals.items()) for seed in range(8)}) == 8


def test_only_the_widths_of_a_network_that_is_too_big_change():
    space, guard, repair = repair_of(FLOWERS, (64, 64, 3), ["macs<=4e7"])
    rng = np.random.default_rng(0)
    for vals in draws(space, 40):
        if guard.judge(space.point(vals), set()).reason is not None:
            changed = [label for label, value in repair(vals, rng).vals.items() if vals.get(label) != value]
            assert changed
            assert all(label.startswith("n_channels") for label in changed), changed


def test_only_the_layer_that_cannot_be_changes():
    space, guard, repair = repair_of(stack(3, 3), (32, 32, 3))
    vals = dict(draws(space, 1)[0])
    for i in range(3):
        vals |= {f"block_{i}_kernel": 3, f"block_{i}_stride": 1, f"block_{i}_padding": 0, f"block_{i}_pool": 0}
    vals = space.complete(vals, np.random.default_rng(0))
    assert guard.judge(space.point(vals), set()).reason is None
    broken = space.complete(
        {**vals, "block_0_stride": 5, "block_1_stride": 5, "block_2_kernel": 9}, np.random.default_rng(0)
    )
    broken = space.complete({**broken, "block_2_padding": 1, "block_2_padding_share": 0.1}, np.random.default_rng(0))
    assert guard.judge(space.point(broken), set()).reason == "invalid architecture"
    repaired = repair(broken, np.random.default_rng(0)).vals
    changed = {label for label, value in repaired.items() if broken.get(label) != value}
    assert len(changed) <= 2
    assert all(label.startswith("block_") for label in changed)


@pytest.mark.parametrize("limits", [["params<=100"], ["macs<=10"], ["memory<=1"]])
def test_where_nothing_can_stand_it_ends_and_says_what_it_reached(limits):
    space, _, repair = repair_of(REFERENCE, (32, 32, 3), limits)
    repaired = repair(draws(space, 1)[0], np.random.default_rng(0))
    assert repaired.vals is None
    assert repaired.evaluations < EVALUATIONS + 100
    name = limits[0].split("<")[0]
    others = [getattr(network_of(REFERENCE, space, vals), name, np.inf) for vals in draws(space, 100)]
    assert 0 < repaired.smallest[name] < min(others)
    assert DESCENTS > 1


def network_of(problem, space, vals, shape=(32, 32, 3)):
    return problem.network(space.point(vals), shape, {"label": 10})


def test_a_depth_that_only_range_sees_is_found_by_trial():
    def network(point, input_shape, classes):
        x = inputs = Input(input_shape)
        for _ in range(point["depth"]):
            x = Conv2D(8, 3, padding="valid")(x)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    _, _, repair = repair_of(
        Problem({"depth": hp.uniformint("depth", 1, 12), "other": hp.uniform("other", 0, 1)}, network), (8, 8, 1)
    )
    found = Counter()
    for seed in range(10):
        repaired = repair(Vals({"depth": 12, "other": 0.5}), np.random.default_rng(seed)).vals
        assert repaired["other"] == 0.5
        found[repaired["depth"]] += 1
    assert set(found) <= {1, 2, 3}


def test_a_function_that_refuses_points_itself_is_obeyed():
    def network(point, input_shape, classes):
        if point["kernel"] + point["units"] > 12:
            raise InvalidArchitecture("network", None, "too much of it all")
        x = inputs = Input(input_shape)
        x = Conv2D(4, point["kernel"])(x)
        return Blueprint(inputs, Dense(classes["label"])(Dense(point["units"])(Flatten()(x))))

    space, guard, repair = repair_of(
        Problem({"kernel": hp.uniformint("kernel", 1, 20), "units": hp.uniformint("units", 1, 20)}, network), (8, 8, 1)
    )
    for i, vals in enumerate(draws(space, 20)):
        repaired = repair(vals, np.random.default_rng(i)).vals
        assert guard.judge(space.point(repaired), set()).reason is None


def test_a_function_that_fails_on_traced_numbers_is_repaired_by_trial():
    def network(point, input_shape, classes):
        assert type(point["width"]) is int
        x = inputs = Input(input_shape)
        return Blueprint(inputs, Dense(classes["label"])(Dense(point["width"])(Flatten()(x))))

    space, guard, repair = repair_of(
        Problem({"width": hp.uniformint("width", 1, 1000)}, network), (8, 8, 1), ["params<=5e3"]
    )
    for i, vals in enumerate(draws(space, 20)):
        repaired = repair(vals, np.random.default_rng(i)).vals
        assert guard.judge(space.point(repaired), set()).reason is None


def test_values_are_followed_through_int_and_arithmetic_and_the_space_s_own_operations():
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
    space, guard, repair = repair_of(Problem(expression, network), (24, 24, 1), ["params<=3e4"])
    for i, vals in enumerate(draws(space, 40)):
        repaired = repair(vals, np.random.default_rng(i))
        assert guard.judge(space.point(repaired.vals), set()).reason is None


def test_branches_of_equal_width_are_narrowed_together():
    def network(point, input_shape, classes):
        x = inputs = Input(input_shape)
        for width in point["widths"]:
            x = Add()([Conv2D(width, 3, padding="same")(x), Conv2D(width, 1)(x)])
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

    expression = {"widths": [hp.qloguniform(f"width_{i}", 2, 7, 1) for i in range(4)]}
    space, guard, repair = repair_of(Problem(expression, network), (8, 8, 1), ["params<=5e4", "macs<=2e6"])
    for i, vals in enumerate(draws(space, 20)):
        repaired = repair(vals, np.random.default_rng(i))
        assert guard.judge(space.point(repaired.vals), set()).reason is None
        assert repaired.evaluations <= 5


def spread(all_vals, field):
    """Shares of the values of a field over all blocks; widths in bins of equal share."""
    found = Counter()
    for vals in all_vals:
        for label, value in vals.items():
            if label.endswith(field) and label.startswith("block"):
                found[int(3 * np.log2(value)) // 3 if field == "channels" else value] += 1
    return {value: count / found.total() for value, count in found.items()}


def total_variation(one, other):
    return sum(abs(one.get(value, 0) - other.get(value, 0)) for value in {*one, *other}) / 2


def test_kernels_and_widths_stay_as_broad_as_those_of_rejection_sampling():
    space, guard, repair = repair_of(stack(4, 4), (64, 64, 3), ["params<=2e6", "macs<=5e7"])
    everything = draws(space, 4000)
    rejection = [vals for vals in everything if passes(guard, space, vals)]
    assert len(rejection) > 100
    rng = np.random.default_rng(0)
    repaired = [repair(vals, rng).vals for vals in everything[:600]]
    for field, most in {"kernel": 0.12, "channels": 0.12, "stride": 0.15}.items():
        assert total_variation(spread(repaired, field), spread(rejection, field)) < most, field


def test_stacks_are_repaired_without_being_traced():
    space, _, repair = repair_of(stack(12, 12), (64, 64, 3), ["params<=2e6", "macs<=5e7"])
    rng = np.random.default_rng(0)
    evaluations = [repair(vals, rng).evaluations for vals in draws(space, 60)]
    assert np.mean(np.array(evaluations) <= 2) > 0.9  # the one that is refused, and the one that stands


def test_depths_stay_as_they_were_proposed():
    space, _, repair = repair_of(stack(1, 30), (64, 64, 3), ["params<=2e6", "macs<=5e7"])
    rng = np.random.default_rng(0)
    for vals in draws(space, 60):
        assert repair(vals, rng).vals["n_blocks"] == vals["n_blocks"]


def passes(guard, space, vals):
    try:
        blueprint = guard.problem.network(space.point(vals), guard.input_shape, guard.classes)
    except InvalidArchitecture:
        return False
    return all(limit.distance(getattr(blueprint, limit.name)) <= 0 for limit in guard.limits)
