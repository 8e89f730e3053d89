"""Traced numbers behave like plain numbers and can be recomputed; functions that cannot be traced have no trace."""

import math
import operator

import pytest
from hyperopt import hp
from hyperopt.pyll import scope
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, InvalidArchitecture, MaxPooling2D
from metaopt.guard.repair.layer_evaluator import compile_value
from metaopt.guard.repair.tracing import Traced, labels_of, trace_network, traced_points, untraced
from metaopt.spaces import compile_space

SPACE = compile_space({"a": hp.uniformint("a", -50, 50), "b": hp.uniform("b", -50, 50)})
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod]


def recomputed(value, vals):
    """Return a traced value for other values of its labels."""
    return compile_value(value)(vals)


def traced_point(a, b):
    return traced_points(SPACE)({"a": a, "b": b}, {})


numbers = st.tuples(st.integers(-50, 50), st.floats(-50, 50, allow_nan=False))


@settings(deadline=None)
@given(numbers, numbers, st.sampled_from(OPERATIONS), st.integers(1, 9))
def test_arithmetic_equals_that_of_plain_numbers(first, second, operation, constant):
    point = traced_point(*first)
    for one, other in (
        (point["a"], constant),
        (constant, point["a"]),
        (point["b"], constant),
        (point["a"], point["b"]),
    ):
        try:
            expected = operation(getattr(one, "real", one), getattr(other, "real", other))
        except ZeroDivisionError:
            continue
        result = operation(one, other)
        assert result == expected
        assert isinstance(result, Traced)
        moved = {"a": second[0], "b": second[1]}
        try:
            again = operation(recomputed(one, moved), recomputed(other, moved))
        except ZeroDivisionError:
            continue
        assert recomputed(result, moved) == again


@pytest.mark.parametrize("function", [round, math.floor, math.ceil, math.trunc, abs, operator.neg])
def test_rounding_is_traced(function):
    result = function(traced_point(3, 2.7)["b"])
    assert result == function(2.7)
    assert type(result).__mro__[-2] in (int, float, Traced)
    assert recomputed(result, {"b": 9.2}) == function(9.2)


def test_min_max_range_index_and_format_work():
    point = traced_point(3, 2.5)
    assert list(labels_of(max(0, point["a"]))) == ["a"]
    assert max(7, point["a"]) == 7
    assert list(range(point["a"])) == [0, 1, 2]
    assert [10, 20, 30, 40][point["a"]] == 40
    assert f"{point['a']} {point['b']:.1f}" == "3 2.5"


def test_operations_and_constant_options_are_traced():
    space = compile_space(
        {
            "n": scope.int(2 * hp.quniform("n", 1, 9, 1)),
            "k": hp.choice("k", [3, 5, 7]),
            "f": hp.choice("f", [None, True]),
        }
    )
    point = traced_points(space)({"n": 4.0, "k": 1, "f": 1}, {})
    assert point == space.point({"n": 4.0, "k": 1, "f": 1})
    assert recomputed(point["n"], {"n": 6.0}) == 12
    assert recomputed(point["k"], {"k": 2}) == 7
    assert point["f"] is True


def network(point):
    x = inputs = Input((8, 8, 1))
    x = Conv2D(int(4 * point["b"]), (point["a"], point["a"]), strides=point["a"] + 1)(x)
    x = MaxPooling2D(4)(x)
    return Blueprint(inputs, Dense(2)(Flatten()(x)))


def test_labels_of_layer_arguments_are_found():
    conversions = {}
    found = trace_network(network, traced_points(SPACE)({"a": 5, "b": 2.0}, conversions), conversions)
    conv = found.blueprint.nodes[1].layer
    assert {name: set(labels_of(source)) for name, source in found.sources[conv].items()} == {
        "filters": {"b"},
        "kernel_size": {"a"},
        "strides": {"a"},
    }
    assert recomputed(found.sources[conv]["filters"], {"b": 3.0}) == 12
    assert recomputed(found.sources[conv]["kernel_size"], {"a": 3}) == (3, 3)
    assert type(conv.filters) is int
    assert found.blueprint.nodes[2].shape == (1, 1, 8)
    assert MaxPooling2D not in [type(layer) for layer in found.sources]


def test_failing_functions_have_no_trace():
    def rejects(_):
        raise InvalidArchitecture("network", None, "no")

    def breaks(_):
        raise RuntimeError("plain numbers are needed")

    assert trace_network(rejects, {}, {}) is None
    assert trace_network(breaks, {}, {}) is None
    with pytest.raises(InvalidArchitecture):  # empty outputs are only allowed while tracing
        network({"a": 5, "b": 2.0})


def test_out_of_memory_is_not_swallowed():
    def exhausts(_):
        raise MemoryError

    with pytest.raises(MemoryError):
        trace_network(exhausts, {}, {})


def test_converted_number_belongs_to_one_argument():
    """A constant that equals a converted number is not taken for it under another argument's name."""

    def convolved(point):
        x = inputs = Input((8, 8, 1))
        x = Conv2D(int(point["b"]), 1)(x)
        x = Conv2D(4, 3)(x)
        return Blueprint(inputs, MaxPooling2D(4)(x))

    conversions = {}
    found = trace_network(convolved, traced_points(SPACE)({"a": 5, "b": 4.0}, conversions), conversions)
    sources = [set(found.sources.get(node.layer, {})) for node in found.blueprint.nodes]
    assert sources == [set(), {"filters"}, {"filters"}, set()]


def test_untraced_replaces_nested_numbers():
    point = traced_point(3, 2.5)
    assert untraced([point["a"], (point["b"], "same")]) == (3, (2.5, "same"))
    assert type(untraced(point["a"])) is int


def test_tracing_of_a_greedy_function_ends():
    def greedy(point):
        x = inputs = Input((64, 64, 1))
        while True:
            try:
                x = MaxPooling2D(point["a"])(x)
            except InvalidArchitecture:
                return Blueprint(inputs, Dense(2)(Flatten()(x)))

    conversions = {}
    found = trace_network(greedy, traced_points(SPACE)({"a": 2, "b": 0.0}, conversions), conversions)
    assert len(found.blueprint.nodes) > 6
