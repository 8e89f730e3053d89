"""Networks of the tasks in Keras, and their losses and scores; on any backend."""

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import neural_net
from benchmarks.evolve.choices import RATES, Choice, Config, list_choices
from benchmarks.evolve.data import Part
from benchmarks.gpu_training.problem import POINT
from metaopt.outputs import ImageOutput
from metaopt.zoo import autoencoder

_PREDICTED_AT_ONCE = 256
_SMALLEST_PROBABILITY = 1e-7  # as in keras.losses
_HIDDEN = ("relu",)  # activation of all hidden layers of the networks as they are given


@dataclass(frozen=True)
class Task:
    """One network with its configuration.

    Attributes:
        network: builds it, not compiled.
        initial: the configuration as it is given, which the method "unchanged" trains.
        has_classes: whether its targets are classes rather than images.
    """

    network: Callable[[], keras.Model]
    initial: Config
    has_classes: bool

    @functools.cached_property
    def layers(self) -> list[dict[str, Any]]:
        """Configuration of each layer, as Keras serializes it."""
        return list(self._serialized["layers"])

    @functools.cached_property
    def choices(self) -> dict[str, Choice]:
        """Choices of a method, by name."""
        activations = tuple(each["name"] for each in self.layers if each["config"].get("activation") in _HIDDEN)
        dropouts = tuple(each["name"] for each in self.layers if each["class_name"] == "Dropout")
        return list_choices(activations, dropouts, has_classes=self.has_classes)

    @functools.cached_property
    def start(self) -> dict[str, Any]:
        """The given configuration with a value for every choice."""
        own = {each["name"]: each["config"] for each in self.layers}
        found: dict[str, Any] = {"momentum": 0.0, "l2": 0.0, "weight_decay": 0.0, **self.initial}
        if self.has_classes:
            found.setdefault("label_smoothing", 0.0)
        for name in self.choices:
            kind, _, layer = name.partition("_")
            if kind == "activation":
                found[name] = own[layer]["activation"]
            elif kind == "dropout":
                found[name] = own[layer]["rate"]
        return found

    def build(self, config: Config) -> keras.Model:
        """Return the network with a configuration, compiled; its initial weights are those of Keras' global seed."""
        serialized = copy.deepcopy(self._serialized)
        for layer in serialized["layers"]:
            own, name = layer["config"], layer["name"]
            if f"activation_{name}" in config:
                own["activation"] = config[f"activation_{name}"]
            if f"dropout_{name}" in config:
                own["rate"] = config[f"dropout_{name}"]
            if "kernel_regularizer" in own:
                penalty = keras.regularizers.L2(config["l2"]) if config["l2"] else None
                own["kernel_regularizer"] = keras.regularizers.serialize(penalty) if penalty else None
        model = keras.Model.from_config(serialized)
        model.compile(optimizer=make_optimizer(config), loss=self._make_loss(config))
        return model

    def loss(self, model: keras.Model, part: Part) -> float:
        """Return the loss of a model without penalties and smoothing; infinite where it is no number."""
        predicted = predict(model, part)
        if self.has_classes:
            chances = np.clip((predicted * part.y).sum(axis=1), _SMALLEST_PROBABILITY, 1)
            loss = float(-np.log(chances).mean())
        else:
            loss = self._squared_error(predicted, part)
        return loss if np.isfinite(loss) else float("inf")

    def score(self, model: keras.Model, part: Part) -> float:
        """Return the accuracy, or the mean squared error inside the holes."""
        predicted = predict(model, part)
        if self.has_classes:
            return float((predicted.argmax(axis=1) == part.y.argmax(axis=1)).mean())
        return self._squared_error(predicted, part)

    def _squared_error(self, predicted: np.ndarray, part: Part) -> float:
        errors = ((predicted - part.y) ** 2).mean(axis=-1)
        return float(np.average(errors, weights=part.weights))

    def _make_loss(self, config: Config) -> Any:
        if self.has_classes:
            return keras.losses.CategoricalCrossentropy(label_smoothing=config["label_smoothing"])
        return keras.losses.MeanSquaredError()

    @functools.cached_property
    def _serialized(self) -> dict[str, Any]:
        return dict(self.network().get_config())


def make_optimizer(config: Config) -> Any:
    """Return the optimizer of a configuration."""
    name = config["optimizer"]
    more = {"momentum": config["momentum"]} if name == "SGD" else {}
    if config["weight_decay"]:
        more["weight_decay"] = config["weight_decay"]
    return getattr(keras.optimizers, name)(learning_rate=RATES[name] * config["factor"], **more)


def predict(model: keras.Model, part: Part) -> np.ndarray:
    """Return the predictions of a model."""
    return np.asarray(model.predict(part.x, batch_size=_PREDICTED_AT_ONCE, verbose=0))


def _dense() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(400, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="output"),
        ]
    )


def _with_one_output(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    """Return what builds the same network as a functional model whose output is an array, not a dict of heads."""

    def build_functional() -> keras.Model:
        model = build()
        return keras.Model(model.inputs[0], model.outputs[0])

    return build_functional


def _reference() -> keras.Model:
    blueprint = neural_net.network({**POINT, "use_global_pooling": True}, (16, 16, 3), {"label": 17})
    return blueprint.to_keras()


def _autoencoder() -> keras.Model:
    point = {"stages": 2, "convolutions": 1, "filters": 12, "growth": 1.5, "skips": True}
    point |= {"interpolation": "nearest", "dropout": 0.1}
    return autoencoder.network(point, (32, 32, 4), {"image": ImageOutput((32, 32, 3))}).to_keras()


def load_task(name: str) -> Task:
    """Return a task."""
    build, initial = {
        "digits": (_dense, {"optimizer": "SGD", "factor": 1.0, "batch_size": 32}),
        "flowers17": (_reference, {"optimizer": "Adam", "factor": 1.0, "batch_size": 32}),
        "gaps": (_autoencoder, {"optimizer": "SGD", "factor": 1e-3, "batch_size": 32}),  # a learning rate of 1e-5
    }[name]
    return Task(_with_one_output(build), initial, has_classes=name != "gaps")
