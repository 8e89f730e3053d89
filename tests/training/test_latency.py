"""Measured latencies."""

import keras
import numpy as np
import pytest

from metaopt.engine.jobs import TrainingOptions
from metaopt.training.latency import describe_disturbance, measure_latency, needs_latency
from metaopt.trials.constraints import parse_constraints

pytestmark = pytest.mark.slow


def make_model(filters: int) -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(filters, 3, activation="relu")(inputs)
    x = keras.layers.Dropout(0.5)(keras.layers.Conv2D(filters, 3)(x))
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))


def test_latency_has_its_spread_and_threads() -> None:
    latency = measure_latency(make_model(4), (32, 32, 3))
    assert 0 < latency["low_ms"] <= latency["median_ms"] <= latency["high_ms"]
    assert latency["runs"] >= 20
    assert latency["threads"] >= 1


def test_larger_networks_take_longer() -> None:
    """A hundred times the multiply-accumulates."""
    small, large = (measure_latency(make_model(filters), (32, 32, 3)) for filters in (8, 96))
    assert large["low_ms"] > small["low_ms"]


def test_measuring_leaves_the_model_as_it_was() -> None:
    model = make_model(4)
    images = np.ones((2, 32, 32, 3), "float32")
    before, weights = model.predict(images, verbose=0), model.get_weights()
    measure_latency(model, (32, 32, 3))
    assert (model.predict(images, verbose=0) == before).all()
    assert all((one == other).all() for one, other in zip(weights, model.get_weights(), strict=True))


def test_runs_that_vary_are_told() -> None:
    assert describe_disturbance({"low_ms": 1.0, "high_ms": 2.0}) is None
    assert "factor of two" in describe_disturbance({"low_ms": 1.0, "high_ms": 2.1})


def test_only_searches_that_ask_measure() -> None:
    assert needs_latency(TrainingOptions(constraints=parse_constraints(["latency_ms<=5"])))
    assert needs_latency(TrainingOptions(further_objectives=("params", "latency_ms")))
    assert not needs_latency(TrainingOptions(constraints=parse_constraints(["params<=5"])))
