"""Traced numbers are the numbers that they stand for, and can be computed anew; tracing leaves nothing behind."""

import math
import operator
from threading import Thread

import pytest
from hyperopt import hp
from hyperopt.pyll import scope
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, InvalidArchitecture, MaxPooling2D
from metaopt.blueprint.layer import LayerClass, lenient
from metaopt.guard.repair.plan import compiled
from metaopt.guard.repair.trace import trace
from metaopt.guard.repair.traced import Traced, labels_of, traced_points
from metaopt.spaces import compile_space

SPACE = compile_space({"a": hp.uniformint("a", -50, 50), "b": hp.uniform("b", -50, 50)})
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod]


def computed(value, moved):
    """A traced value computed anew, for other values of all labels that it was made from."""
    return compiled(value)(moved)


def traced(a, b):
    return traced_points(SPACE)({"a": a, "b": b}, {})


numbers = st.tuples(st.integers(-50, 50), st.floats(-50, 50, allow_nan=False))


@settings(deadline=None)
@given(numbers, numbers, st.sampled_from(OPERATIONS), st.integers(1, 9))
def test_arithmetic_gives_what_plain_numbers_give_and_can_be_done_again(first, second, operation, constant):
    point = traced(*first)
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
            again = operation(computed(one, moved), computed(other, moved))
        except ZeroDivisionError:
            continue
        assert computed(result, moved) == again


@pytest.mark.parametrize("function", [round, math.floor, math.ceil, math.trunc, abs, operator.neg])
def test_rounding_is_traced(function):
    result = function(traced(3, 2.7)["b"])
    assert result == function(2.7)
    assert type(result).__mro__[-2] in (int, float, Traced)
    assert computed(result, {"b": 9.2}) == function(9.2)


def test_min_max_and_range_work():
    point = traced(3, 2.5)
    assert list(labels_of(max(0, point["a"]))) == ["a"]
    assert max(7, point["a"]) == 7
    assert list(range(point["a"])) == [0, 1, 2]
    assert [10, 20, 30, 40][point["a"]] == 40
    assert f"{point['a']} {point['b']:.1f}" == "3 2.5"


def test_operations_of_the_space_and_constant_options_are_traced():
    space = compile_space(
        {
            "n": scope.int(2 * hp.quniform("n", 1, 9, 1)),
            "k": hp.choice("k", [3, 5, 7]),
            "f": hp.choice("f", [None, True]),
        }
    )
    point = traced_points(space)({"n": 4.0, "k": 1, "f": 1}, {})
    assert point == space.point({"n": 4.0, "k": 1, "f": 1})
    assert computed(point["n"], {"n": 6.0}) == 12
    assert computed(point["k"], {"k": 2}) == 7
    assert point["f"] is True


def network(point):
    x = inputs = Input((8, 8, 1))
    x = Conv2D(int(4 * point["b"]), (point["a"], point["a"]), strides=point["a"] + 1)(x)
    x = MaxPooling2D(4)(x)
    return Blueprint(inputs, Dense(2)(Flatten()(x)))


def test_the_arguments_of_layers_are_known_by_their_labels_even_after_int_and_where_the_image_ends():
    conversions = {}
    found = trace(network, traced_points(SPACE)({"a": 5, "b": 2.0}, conversions), conversions)
    conv = found.blueprint.nodes[1].layer
    assert {name: set(labels_of(source)) for name, source in found.sources[conv].items()} == {
        "filters": {"b"},
        "kernel_size": {"a"},
        "strides": {"a"},
    }
    assert computed(found.sources[conv]["filters"], {"b": 3.0}) == 12
    assert computed(found.sources[conv]["kernel_size"], {"a": 3}) == (3, 3)
    assert type(conv.filters) is int
    assert found.blueprint.nodes[2].shape == (1, 1, 8)
    assert MaxPooling2D not in [type(layer) for layer in found.sources]


def test_afterwards_layers_are_made_as_before():
    def refuses(_):
        raise InvalidArchitecture("network", None, "no")

    def breaks(_):
        raise RuntimeError("these are no plain numbers")

    assert trace(refuses, {}, {}) is None
    assert trace(breaks, {}, {}) is None
    assert "__call__" not in vars(LayerClass)
    assert lenient.get() == 0
    with pytest.raises(InvalidArchitecture):
        network({"a": 5, "b": 2.0})


def test_other_threads_make_layers_as_ever_meanwhile():
    heard = []

    def other():
        try:
            network({"a": 5, "b": 2.0})
        except InvalidArchitecture as error:
            heard.append(error)

    def within(point):
        thread = Thread(target=other)
        thread.start()
        thread.join()
        return network(point)

    conversions = {}
    found = trace(within, traced_points(SPACE)({"a": 5, "b": 2.0}, conversions), conversions)
    assert len(heard) == 1
    assert len(found.sources) == 1


def test_a_function_that_adds_layers_until_one_is_refused_comes_to_an_end():
    def greedy(point):
        x = inputs = Input((64, 64, 1))
        while True:
            try:
                x = MaxPooling2D(point["a"])(x)
            except InvalidArchitecture:
                return Blueprint(inputs, Dense(2)(Flatten()(x)))

    conversions = {}
    found = trace(greedy, traced_points(SPACE)({"a": 2, "b": 0.0}, conversions), conversions)
    assert len(found.blueprint.nodes) > 6
