"""Compiled models that are kept: their keys, and their bounds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metaopt.blueprint import Add, Blueprint, Conv2D, Dense, Dropout, Flatten, Input, Layer, register_layer
from metaopt.problems.training_config import Training
from metaopt.training.compiled_models import CompiledModels, estimate_bytes, make_key

TRAINING = Training("SGD", 0.1, 32, {"fine": 0.5}, options={"momentum": 0.9})
FACTS: dict[str, Any] = {
    "training": TRAINING,
    "schedule": (10, (3, 9)),
    "folds": [SimpleNamespace(train=range(90), validation=range(10))],
    "classes": {"fine": 4},
    "settings": {"policy": "float32"},
}


def network(filters: int = 4, rate: float = 0.5, name: str | None = None, shared: bool = False) -> Blueprint:
    x = inputs = Input((6, 6, 1))
    first = Conv2D(filters, 3, padding="same", name=name)
    second = first if shared else Conv2D(filters, 3, padding="same")
    x = Add()([first(x), second(x)])
    return Blueprint(inputs, {"fine": Dense(4, activation="softmax")(Dropout(rate)(Flatten()(x)))})


def key_of(blueprint: Blueprint, **changed: Any) -> str | None:
    return make_key(blueprint, **{**FACTS, **changed})


def test_key_is_equal_for_what_differs_in_variables_only() -> None:
    key = key_of(network())
    assert key is not None
    assert key == key_of(network())
    assert key == key_of(network(), training=replace(TRAINING, learning_rate=0.2))
    assert key == key_of(network(), schedule=(20, (9,)))  # of no meaning where the learning rate is constant
    assert key == key_of(network(), training=replace(TRAINING, extra={"note": 1}))


@pytest.mark.parametrize(
    "changed",
    [
        {"training": replace(TRAINING, optimizer="Adam")},
        {"training": replace(TRAINING, options={"momentum": 0.8})},
        {"training": replace(TRAINING, batch_size=16)},
        {"training": replace(TRAINING, loss_weights={"fine": 1.0})},
        {"training": replace(TRAINING, weight_decay=0.1)},
        {"training": replace(TRAINING, label_smoothing=0.1)},
        {"training": replace(TRAINING, schedule="cosine")},
        {"folds": [SimpleNamespace(train=range(91), validation=range(9))]},
        {"folds": FACTS["folds"] * 2},
        {"classes": {"fine": 5}},
        {"settings": {"policy": "mixed_float16"}},
    ],
    ids=str,
)
def test_key_tells_what_is_compiled_apart(changed: dict[str, Any]) -> None:
    assert key_of(network(), **changed) != key_of(network())


def test_key_tells_networks_apart() -> None:
    networks = [network(), network(filters=5), network(rate=0.4), network(name="first"), network(shared=True)]
    assert len({key_of(each) for each in networks}) == len(networks)


@pytest.mark.parametrize("changed", [{"learning_rate": 0.2}, {"learning_rate": 0.1, "schedule": (10, (3, 8))}])
def test_key_of_a_schedule_counts_its_rate_and_cycles(changed: dict[str, Any]) -> None:
    cosine = replace(TRAINING, schedule="cosine")
    other = replace(cosine, learning_rate=changed["learning_rate"])
    assert key_of(network(), training=cosine) == key_of(network(), training=replace(cosine))
    schedule = changed.get("schedule", FACTS["schedule"])
    assert key_of(network(), training=other, schedule=schedule) != key_of(network(), training=cosine)


@register_layer
@dataclass(slots=True, eq=False)
class Own(Layer):
    """A user's layer, which may depend on more than its fields."""


def test_no_key_where_a_text_may_not_tell_all() -> None:
    inputs = Input((6,))
    assert key_of(Blueprint(inputs, {"fine": Dense(4)(Own()(inputs))})) is None
    assert key_of(network(), training=replace(TRAINING, options={"clipvalue": object()})) is None
    assert key_of(network(), training=replace(TRAINING, options={"clipvalue": np.float32(1)})) is not None


@pytest.fixture
def make_model() -> Callable[[int], Any]:
    import keras

    def make(units: int) -> Any:
        model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(units)])
        model.compile("sgd", "mse")
        return model

    return make


@pytest.mark.slow
def test_the_models_used_last_are_kept(make_model: Callable[[int], Any]) -> None:
    models, small = CompiledModels(most_models=2), make_model(1)
    for key in "ab":
        models.keep(key, make_model(1))
    assert models.take("a") is not None
    assert models.take("a") is None
    models.keep("a", small)
    models.keep("c", make_model(1))
    assert len(models) == 2
    assert models.take("b") is None
    assert models.take("a") is small
    models.clear()
    assert len(models) == models.bytes == 0


@pytest.mark.slow
def test_models_are_dropped_beyond_their_memory(make_model: Callable[[int], Any]) -> None:
    small, large = make_model(1), make_model(100_000)
    assert estimate_bytes(large) - estimate_bytes(small) == pytest.approx(4 * 11 * 99_999, abs=100)
    models = CompiledModels(most_bytes=estimate_bytes(small) + estimate_bytes(large))
    for key, model in (("a", small), ("b", small), ("c", large)):
        models.keep(key, model)
    assert [models.take(key) for key in "abc"] == [None, small, large]
    models = CompiledModels(most_bytes=estimate_bytes(small))
    models.keep("d", large)  # larger than all that may be kept
    assert models.take("d") is None
    default = CompiledModels()
    default.keep("a", small)
    assert default.take("a") is small
