"""Trace cache: cached steps of stacks equal traced ones, and the network is not called for them."""

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.guard.repair.cost_model import CostModel
from metaopt.guard.repair.repair_state import RepairState
from metaopt.zoo import conv_stack
from tests.guard.cases import REFERENCE, draws
from tests.guard.repair.traces import traced


def counted(make_network):
    calls = []

    def network(point):
        calls.append(point)
        return make_network(point)

    return network, calls


def plain_stack(point):
    x = inputs = Input((64, 64, 3))
    for block in point["blocks"]:
        x = Conv2D(block["width"], block["kernel"], padding="same", activation=block["activation"])(x)
    return Blueprint(inputs, Dense(10)(Flatten()(x)))


def plain_space(most, options=2):
    blocks = [
        {
            "width": hp.uniformint(f"block_{i}_width", 1, 64),
            "kernel": hp.uniformint(f"block_{i}_kernel", 1, 5),
            "activation": hp.choice(f"block_{i}_activation", ["relu", "elu", "selu", "gelu"][:options]),
            "unused": hp.choice(f"block_{i}_unused", list(range(10 if options > 2 else 1))),
            "unused_too": hp.choice(f"block_{i}_unused_too", list(range(3 if options > 2 else 1))),
        }
        for i in range(most)
    ]
    return {"blocks": hp.choice("n_blocks", [blocks[: n + 1] for n in range(most)])}


def test_cached_steps_have_the_counts_of_the_network():
    network, calls = counted(plain_stack)
    case = traced(plain_space(5), network)
    case.tracer.cached(draws(case.space, 1)[0])  # fills the cache
    filled = len(calls)
    for vals in draws(case.space, 20):
        steps = case.tracer.cached(vals)
        state = RepairState(steps, vals)
        case.shape_repair.propagate(state)
        totals = CostModel(state, case.evaluator).totals
        assert len(calls) == filled
        blueprint = plain_stack(case.space.point(vals))
        assert totals == pytest.approx({"params": blueprint.params, "macs": blueprint.macs})


def test_cached_chain_has_the_shapes_of_conv_stack():
    case = traced(conv_stack.make_space(1, 8), lambda point: conv_stack.network(point, (64, 64, 3), {"label": 10}))
    compared = 0
    for vals in draws(case.space, 40):
        steps = case.tracer.cached(vals)
        assert steps is not None
        if case.shape_repair.is_broken(steps, vals):
            continue
        state = RepairState(steps, vals)
        case.shape_repair.propagate(state)
        blueprint = case.network(case.space.point(vals))
        before_flatten = next(node.inputs[0] for node in blueprint.nodes if node.layer.kind == "Flatten")
        number = next(number for number, step in enumerate(steps) if step.layer.kind == "Flatten")
        assert state.sizes[number - 1] == before_flatten.shape[:2]
        compared += 1
    assert compared > 3


def test_space_without_blocks_is_not_cached():
    case = traced(REFERENCE.space, lambda point: REFERENCE.network(point, (32, 32, 3), {"label": 10}))
    assert case.tracer.cached(draws(case.space, 1)[0]) is None


def test_blocks_with_too_many_combinations_are_not_cached():
    network, calls = counted(plain_stack)
    case = traced(plain_space(2, options=4), network)  # 4·10·3 combinations of each block's choices
    assert case.tracer.cached(draws(case.space, 1)[0]) is None
    assert calls == []


def test_trace_is_none_where_the_network_fails():
    def network(point):
        raise ValueError("no network")

    case = traced(plain_space(2), network)
    vals = draws(case.space, 1)[0]
    assert case.tracer.trace(vals) is None
    assert case.tracer.cached(vals) is None


def test_trace_is_made_at_the_smallest_strides():
    strides = []

    def network(point):
        strides.append(int(point["stride"]))
        x = inputs = Input((8, 8, 1))
        return Blueprint(inputs, Conv2D(2, 1, strides=point["stride"])(x))

    case = traced({"stride": hp.uniformint("stride", 1, 5)}, network)
    assert case.tracer.trace({"stride": 4}) is not None
    assert strides[-1] == 1
