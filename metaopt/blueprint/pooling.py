"""Pooling layers."""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Pair
from metaopt.blueprint.keras_arguments import DATA_FORMAT, add_padding_layer, to_keras_padding
from metaopt.blueprint.layer import Layer, Shape, register_layer
from metaopt.blueprint.sliding_window import compute_window_output


@arguments.cached
def _standardize_windows(kind: str, pool_size: Any, strides: Any) -> tuple[Pair, Pair]:
    """Return window size and strides as pairs."""
    window = arguments.standardize_pair(kind, "pool_size", pool_size)
    return window, window if strides is None else arguments.standardize_pair(kind, "strides", strides)


@dataclass(slots=True, eq=False)
class _Pooling2D(Layer):
    """Pooling over a sliding window, for each channel.

    Attributes:
        pool_size: height and width of the window, or one number for both.
        strides: vertical and horizontal stride, or one number for both; None for ``pool_size``.
        padding: "same", "valid", or explicit zero padding as in ``Conv2D``. Explicit zeros are part of the image: an
            average includes them, and a maximum over a window with zeros is at least 0.
    """

    input_rank = 3

    pool_size: Any = 2
    strides: Any = None
    padding: Any = "valid"

    def __post_init__(self) -> None:
        self.pool_size, self.strides = _standardize_windows(self.kind, self.pool_size, self.strides)
        if self.padding != "valid":
            self.padding = arguments.standardize_padding(self.kind, self.padding)

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        return *compute_window_output((height, width), self.pool_size, self.strides, self.padding), channels

    def build(self, keras: Any, name: str) -> Any:
        layer = getattr(keras.layers, self.kind)(
            self.pool_size,
            strides=self.strides,
            padding=to_keras_padding(self.padding),
            data_format=DATA_FORMAT,
            name=name,
        )
        return add_padding_layer(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class MaxPooling2D(_Pooling2D):
    """Same as ``keras.layers.MaxPooling2D``."""


@register_layer
@dataclass(slots=True, eq=False)
class AveragePooling2D(_Pooling2D):
    """Same as ``keras.layers.AveragePooling2D``."""


@register_layer
@dataclass(slots=True, eq=False)
class GlobalAveragePooling2D(Layer):
    """Same as ``keras.layers.GlobalAveragePooling2D``.

    Attributes:
        keepdims: whether the output has the shape (1, 1, channels) instead of (channels,).
    """

    input_rank = 3

    keepdims: bool = False

    def __post_init__(self) -> None:
        self.keepdims = bool(self.keepdims)

    def output_shape(self, *shapes: Shape) -> Shape:
        channels = shapes[0][2]
        return (1, 1, channels) if self.keepdims else (channels,)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.GlobalAveragePooling2D(DATA_FORMAT, keepdims=self.keepdims, name=name)
