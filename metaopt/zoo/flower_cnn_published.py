"""``flower_cnn`` with the preprocessing and the configuration files of the publication, to compare like with like.

The network takes images in 0..1 instead of −0.5..0.5. A configuration may lack the width of a layer: 364 of the 8,295
published ones do.
"""

from collections.abc import Mapping
from typing import Any

from metaopt.blueprint import (
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Rescaling,
)
from metaopt.zoo._layers import batch_normalization
from metaopt.zoo.flower_cnn import Point, default_point, flat, space, training

__all__ = ["complete", "default_point", "network", "space", "training"]

_KINDS = ("conv", "fc")
_LEAST_WIDTH = 1


def complete(point: Point) -> dict[str, Any]:
    """Return a flat point in which every layer has a width.

    A convolution without a width has twice that of the layer before it, a dense layer half of it. A first layer without
    a width has half or twice that of the layer after it.

    Raises:
        KeyError: No layer of a kind has a width.
    """
    found = flat(point)
    for kind in _KINDS:
        found.update(_complete_widths(found, kind, factor=2.0 if kind == "conv" else 0.5))
    return found


def _complete_widths(point: Mapping[str, Any], kind: str, factor: float) -> dict[str, int]:
    """Return key → width of the layers of one kind; ``factor`` is the ratio of a width to the one before."""
    keys = [f"n_channels_{kind}_{i}" for i in range(point[f"n_{kind}_layers"])]
    known = [i for i, key in enumerate(keys) if key in point]
    if not known:
        raise KeyError(keys[0])
    widths = {i: point[keys[i]] for i in known}
    for i in range(known[0] - 1, -1, -1):
        widths[i] = widths[i + 1] / factor
    for i in range(len(keys)):
        if i not in widths:
            widths[i] = widths[i - 1] * factor
    return {key: max(_LEAST_WIDTH, int(widths[i])) for i, key in enumerate(keys)}


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of ``flower_cnn`` after a layer that shifts −0.5..0.5 to 0..1.

    The layers are written out again because the code of ``flower_cnn`` identifies the studies that used it.

    Args:
        point: a flat or nested point, whose widths may be incomplete.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.

    Raises:
        InvalidArchitecture: the images are too small for the pooling layers.
    """
    point = complete(point)
    kernel = point["kernel_size"]
    inputs = Input(input_shape)
    x = Rescaling(1.0, offset=0.5)(inputs)
    for i in range(point["n_conv_layers"]):
        x = Conv2D(point[f"n_channels_conv_{i}"], kernel, padding=(kernel - 1) // 2, activation="relu")(x)
        x = MaxPooling2D(2)(batch_normalization()(x) if point["use_BN"] else x)
    x = GlobalAveragePooling2D()(x) if point["global_avg_pooling"] else Flatten()(x)
    for i in range(point["n_fc_layers"]):
        x = Dropout(point["dropout_rate"])(Dense(point[f"n_channels_fc_{i}"], activation="relu")(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})
