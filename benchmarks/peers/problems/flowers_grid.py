"""The grid of the table ``flowers17`` as a problem, so that its networks can be trained on other images.

Each layer is a convolution, batch normalisation or none, ReLU and max pooling; then a dense layer of 64 units.
"""

from collections.abc import Mapping
from typing import Any

from hyperopt import hp

from metaopt.blueprint import (
    Activation,
    BatchNormalization,
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

Point = Mapping[str, Any]

LEARNING_RATE = "learning_rate"
# Numbers and sizes are an index of these values, each as likely as the others, so that samplers know their order.
ORDERED: dict[str, tuple[float, ...]] = {
    LEARNING_RATE: (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "n_conv_layers": (1, 2, 3),
    "width": (8, 16, 32),
}
CHOICES = {
    "batch_size": (16, 64),
    "kernel_size": (3, 5),
    "use_BN": (False, True),
    "global_avg_pooling": (False, True),
}


def flowers_space(lowest: int = 0) -> dict[str, Any]:
    """Return the space of the grid, without so many of the lowest learning rates."""
    counts = {label: len(values) for label, values in ORDERED.items()}
    counts[LEARNING_RATE] -= lowest
    ordered = {label: hp.quniform(label, -0.499, count - 0.501, 1) for label, count in counts.items()}
    return ordered | {label: hp.choice(label, values) for label, values in CHOICES.items()}


space = flowers_space()


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point.

    Raises:
        InvalidArchitecture: the images are too small for the pooling layers.
    """
    layers, width = (_value(point, label) for label in ("n_conv_layers", "width"))
    x = inputs = Input(input_shape)
    for layer in range(layers):
        kernel, use_bn = point["kernel_size"], point["use_BN"]
        x = Conv2D(width * 2**layer, kernel, padding="same", use_bias=not use_bn)(x)
        if use_bn:
            x = BatchNormalization()(x)
        x = MaxPooling2D(2)(Activation("relu")(x))
    x = GlobalAveragePooling2D()(x) if point["global_avg_pooling"] else Flatten()(x)
    x = Dropout(0.2)(Dense(64, activation="relu")(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point: Point) -> Training:
    """Return the training: Adam."""
    return Training.from_point(
        {"optimizer": "Adam", LEARNING_RATE: _value(point, LEARNING_RATE), "batch_size": point["batch_size"]}
    )


def _value(point: Point, label: str) -> Any:
    return ORDERED[label][round(point[label])]
