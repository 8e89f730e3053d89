"""Building of networks without training them."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, ShakeDrop
from metaopt.training.building import build_network, convert_for_inference, find_heads

DATA: Any = SimpleNamespace(input_shape=(4, 4, 1), classes={"fine": 3, "coarse": 2})


def make_network(point: Any, input_shape: tuple[int, ...], classes: dict[str, int], shaken: bool = False) -> Blueprint:
    inputs = Input(input_shape)
    x = Conv2D(point["filters"], 3)(inputs)
    x = Flatten()(ShakeDrop(0.5)(x) if shaken else x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def make_shaken(point: Any, input_shape: tuple[int, ...], classes: dict[str, int]) -> Blueprint:
    return make_network(point, input_shape, classes, shaken=True)


def build_unbuilt(point: Any, input_shape: tuple[int, ...], classes: dict[str, int]) -> keras.Model:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes["fine"])])


BLUEPRINT: Any = SimpleNamespace(network=make_network)
SHAKEN: Any = SimpleNamespace(network=make_shaken)
CUSTOM: Any = SimpleNamespace(build_model=build_unbuilt)


def test_a_blueprint_becomes_an_uncompiled_model() -> None:
    model = build_network(BLUEPRINT, {"filters": 2}, DATA)
    assert model.count_params() == 2 * 9 + 2 + 8 * (3 + 2) + 3 + 2
    assert not model.compiled


def test_a_model_of_build_model_is_built() -> None:
    model = build_network(CUSTOM, {}, DATA)
    assert model.built
    assert model.count_params() == 16 * 3 + 3


def test_a_network_of_built_in_layers_is_returned_as_it_is() -> None:
    network = build_network(BLUEPRINT, {"filters": 2}, DATA)
    assert convert_for_inference(BLUEPRINT, {"filters": 2}, DATA, network) is network


def test_a_model_of_build_model_is_not_converted() -> None:
    network = build_network(CUSTOM, {}, DATA)
    assert convert_for_inference(CUSTOM, {}, DATA, network) is network


def test_custom_layers_are_converted_with_the_same_outputs() -> None:
    network = build_network(SHAKEN, {"filters": 2}, DATA)
    converted = convert_for_inference(SHAKEN, {"filters": 2}, DATA, network)
    assert converted is not network
    modules = {type(layer).__module__.partition(".")[0] for layer in converted.layers}
    assert modules == {"keras"}
    images = np.random.default_rng(0).normal(size=(5, 4, 4, 1)).astype("float32")
    expected, found = (model(images, training=False) for model in (network, converted))
    for head in DATA.classes:
        np.testing.assert_allclose(np.asarray(found[head]), np.asarray(expected[head]), atol=1e-6)


@pytest.mark.parametrize(("problem", "heads"), [(BLUEPRINT, ["fine", "coarse"]), (CUSTOM, ["fine"])])
def test_the_heads_of_a_network_are_found(problem: Any, heads: list[str]) -> None:
    assert find_heads(build_network(problem, {"filters": 2}, DATA), DATA) == heads
