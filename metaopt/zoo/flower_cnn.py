"""A small CNN for photos of flowers and its training: the space of a published search with constraints.

Carlos Marañes: AutoML project, summer semester 2021, Universität Freiburg,
https://github.com/automl-classroom/automl-ss21-final-project-cmaranes, on the 17 Category Flower Dataset of Nilsback &
Zisserman. The ranges are those of the slides, with the logarithmic scale of the code for the units of dense layers.
"""

from collections.abc import Mapping
from math import log
from typing import Any

from hyperopt import hp

from metaopt.blueprint import (
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
)
from metaopt.problems.training_config import Training
from metaopt.zoo._layers import batch_normalization

Point = Mapping[str, Any]

MOST_LAYERS = 3  # maximum number of layers of each kind


def _integer(label: str, low: int, high: int) -> Any:
    """Return an integer on a logarithmic scale; half a step is added at both bounds to make them equally likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


def _layers(kind: str, low: int, high: int) -> Any:
    """Return a choice of 1 to 3 layers with their widths."""
    widths = {f"n_channels_{kind}_{i}": _integer(f"n_channels_{kind}_{i}", low, high) for i in range(MOST_LAYERS)}
    options = [{f"n_{kind}_layers": n, **dict(list(widths.items())[:n])} for n in range(1, MOST_LAYERS + 1)]
    return hp.choice(f"n_{kind}_layers", options)


space = {
    "learning_rate_init": hp.loguniform("learning_rate_init", log(1e-5), log(0.1)),
    "batch_size": _integer("batch_size", 4, 300),
    "kernel_size": hp.choice("kernel_size", [3, 5, 7]),
    "use_BN": hp.choice("use_BN", [True, False]),
    "global_avg_pooling": hp.choice("global_avg_pooling", [True, False]),
    "dropout_rate": hp.loguniform("dropout_rate", log(0.01), log(0.5)),
    "conv": _layers("conv", 16, 1024),
    "fc": _layers("fc", 4, 512),
}

# Default of the published project, as a flat point: a baseline.
default_point: dict[str, Any] = {
    "learning_rate_init": 0.0016651,
    "batch_size": 290,
    "kernel_size": 5,
    "use_BN": False,
    "global_avg_pooling": True,
    "dropout_rate": 0.2,
    "n_conv_layers": 3,
    "n_channels_conv_0": 457,
    "n_channels_conv_1": 511,
    "n_channels_conv_2": 38,
    "n_fc_layers": 2,
    "n_channels_fc_0": 27,
    "n_channels_fc_1": 17,
}


def flat(point: Point) -> dict[str, Any]:
    """Return a flat point: the keys of the layers are at the top level. A flat point is returned unchanged."""
    found: dict[str, Any] = {}
    for key, value in point.items():
        found.update(value if isinstance(value, Mapping) else {key: value})
    return found


def nested(point: Point) -> dict[str, Any]:
    """Return a nested point, as drawn from the space, for ``Space.vals``. Widths of unused layers are left out."""
    point = flat(point)
    found = {key: point[key] for key in space if key in point}
    for kind in ("conv", "fc"):
        n = point[f"n_{kind}_layers"]
        found[kind] = {f"n_{kind}_layers": n, **{key: point[key] for key in _widths(kind, n)}}
    return found


def _widths(kind: str, n: int) -> list[str]:
    return [f"n_channels_{kind}_{i}" for i in range(n)]


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point: convolutions with pooling, then dense layers.

    Args:
        point: a flat point like ``default_point``, or a nested one. Widths of unused layers do not count.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.

    Raises:
        InvalidArchitecture: the images are too small for the pooling layers.
    """
    point = flat(point)
    kernel = point["kernel_size"]
    x = inputs = Input(input_shape)
    for channels in _widths("conv", point["n_conv_layers"]):
        x = Conv2D(point[channels], kernel, padding=(kernel - 1) // 2, activation="relu")(x)
        if point["use_BN"]:
            x = batch_normalization()(x)
        x = MaxPooling2D(2)(x)
    x = GlobalAveragePooling2D()(x) if point["global_avg_pooling"] else Flatten()(x)
    for units in _widths("fc", point["n_fc_layers"]):
        x = Dense(point[units], activation="relu")(x)
        x = Dropout(point["dropout_rate"])(x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point: Point) -> Training:
    """Return the training configuration of a point."""
    return Training("Adam", learning_rate=point["learning_rate_init"], batch_size=round(point["batch_size"]))
