"""Guard: verdicts on valid, invalid, oversized and duplicate networks."""

import numpy as np
import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.guard import DUPLICATE, INVALID, Guard
from metaopt.outputs import ImageOutput
from metaopt.problems import list_ready_problems, load_problem
from metaopt.problems.problem import Problem
from metaopt.spaces import compile_space
from metaopt.trials.constraints import parse_constraint, parse_constraints

SPACE = {"width": hp.uniformint("width", 1, 64), "kernel": hp.uniformint("kernel", 1, 9)}


def network(point, input_shape, classes):
    x = inputs = Input(input_shape)
    x = Conv2D(point["width"], point["kernel"])(x)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))


def guard_of(*limits):
    return Guard(Problem(SPACE, network), (8, 8, 1), {"label": 10}, parse_constraints(limits))


POINT = {"width": 4, "kernel": 3, "optimizer": "SGD", "batch_size": 2}
# The convolution has 3·3·1·4 + 4 = 40 parameters and 6·6·9·4 = 1,296 MACs, the dense layer 144·10 + 10 and 1,440. The
# outputs have 64 + 144 + 144 + 10 = 362 elements; SGD has no slots.
PARAMS, MACS, MEMORY = 1490, 2736, 4 * (2 * 1490 + 2 * 362 * 2)


def test_valid_network_passes_with_its_properties():
    verdict = guard_of().judge(POINT, set())
    assert verdict.reason is None
    counts = {name: verdict.network[name] for name in ("params", "macs", "memory")}
    assert counts == {"params": PARAMS, "macs": MACS, "memory": MEMORY}
    assert verdict.network["blueprint"]["hash"] == network(POINT, (8, 8, 1), {"label": 10}).hash


def test_invalid_network_is_rejected_with_the_layer():
    verdict = guard_of().judge({**POINT, "kernel": 9}, set())
    assert verdict.reason == INVALID
    assert "Conv2D" in verdict.detail
    assert verdict.network == {}


@pytest.mark.parametrize(("name", "value"), [("params", PARAMS), ("macs", MACS), ("memory", MEMORY)])
def test_limit_rejects_larger_values_only(name, value):
    assert guard_of(f"{name}<={value}").judge(POINT, set()).reason is None
    verdict = guard_of(f"{name}<={value - 1}").judge(POINT, set())
    assert verdict.reason == name
    assert verdict.detail.startswith(f"{name} is {value:,}, limit {name}<=")
    assert verdict.network[name] == value


def test_measured_limits_are_not_judged():
    assert guard_of("val_precision>=0.9").judge(POINT, set()).reason is None


def test_duplicate_needs_equal_network_and_training():
    guard = guard_of()
    trained = {guard.judge(POINT, set()).network["signature"]}
    assert guard.judge({**POINT, "unused": 1}, trained).reason == DUPLICATE
    assert guard.judge({**POINT, "batch_size": 3}, trained).reason is None
    assert guard.judge({**POINT, "width": 5}, trained).reason is None


def test_without_network_only_duplicates_are_rejected():
    guard = Guard(Problem(SPACE), constraints=parse_constraints(["params<=1"]))
    verdict = guard.judge({"width": 4, "kernel": 3}, set())
    assert verdict.reason is None
    assert set(verdict.network) == {"signature"}
    assert guard.judge({"kernel": 3, "width": 4}, {verdict.network["signature"]}).reason == DUPLICATE


def test_within_replaces_the_limit_of_the_same_name():
    guard = guard_of("params<=1e6", "macs<=1e7").within(parse_constraint("params<=1e3"))
    assert {(limit.name, limit.bound) for limit in guard.constraints} == {("macs", 1e7), ("params", 1e3)}
    assert guard.judge(POINT, set()).reason == "params"
    assert guard_of("params<=1e6").judge(POINT, set()).reason is None


SIGNALS = ("conv_stack_1d", "signal_cnn")


# transfer needs a backbone, see tests/zoo/test_transfer.py
@pytest.mark.parametrize("name", [name for name in list_ready_problems() if name not in (*SIGNALS, "transfer")])
@pytest.mark.parametrize("shape", [(64, 128, 3), (48, 16, 5)])
def test_ready_spaces_have_networks_for_rectangles_and_any_channels(name, shape):
    problem = load_problem(name)
    space, rng = compile_space(problem.space), np.random.default_rng(0)
    guard = Guard(problem, shape, {"label": ImageOutput((*shape[:2], 1)) if name == "autoencoder" else 10})
    verdicts = [guard.judge(space.point(space.draw(rng)), set()) for _ in range(300)]
    assert {verdict.reason for verdict in verdicts} <= {None, INVALID, "duplicate"}
    assert any(verdict.reason is None for verdict in verdicts)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("shape", [(400, 1), (61, 9)])
def test_spaces_of_signals_have_networks_for_every_length(name, shape):
    problem = load_problem(name)
    space, rng = compile_space(problem.space), np.random.default_rng(0)
    guard = Guard(problem, shape, {"label": 10})
    verdicts = [guard.judge(space.point(space.draw(rng)), set()) for _ in range(300)]
    assert {verdict.reason for verdict in verdicts} <= {None, INVALID, "duplicate"}
    assert any(verdict.reason is None for verdict in verdicts)
    assert Guard(problem, (8, 8, 1), {"label": 10}).judge(space.point(space.draw(rng)), set()).reason == INVALID
