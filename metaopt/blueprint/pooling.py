"""Pooling: windows of an image, or all of it, become one number a channel."""

# ruff: noqa: D102 (the methods of a layer, and their arguments, are documented by Layer)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Pair
from metaopt.blueprint.convolutions import DATA_FORMAT, keras_padding, padded, window_output
from metaopt.blueprint.layer import Layer, Shape, register_layer


@arguments.cached
def _windows(kind: str, pool_size: Any, strides: Any) -> tuple[Pair, Pair]:
    pool = arguments.pair(kind, "pool_size", pool_size)
    return pool, pool if strides is None else arguments.pair(kind, "strides", strides)


@dataclass(slots=True, eq=False)
class _Pooling2D(Layer):
    """A window that slides over each channel.

    Attributes:
        pool_size: the window's height and width, or one number for both.
        strides: likewise; None for ``pool_size``.
        padding: "same", "valid", or rows and columns of zeros, as of a convolution. The zeros take part: an average
            counts them, a maximum is at least 0 beside them.
    """

    input_rank = 3

    pool_size: Any = 2
    strides: Any = None
    padding: Any = "valid"

    def __post_init__(self) -> None:
        self.pool_size, self.strides = _windows(self.kind, self.pool_size, self.strides)
        if self.padding != "valid":
            self.padding = arguments.padding(self.kind, self.padding)

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        return *window_output((height, width), self.pool_size, self.strides, self.padding), channels

    def build(self, keras: Any, name: str) -> Any:
        make = getattr(keras.layers, self.kind)
        layer = make(
            self.pool_size,
            strides=self.strides,
            padding=keras_padding(self.padding),
            data_format=DATA_FORMAT,
            name=name,
        )
        return padded(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class MaxPooling2D(_Pooling2D):
    """As ``keras.layers.MaxPooling2D``."""


@register_layer
@dataclass(slots=True, eq=False)
class AveragePooling2D(_Pooling2D):
    """As ``keras.layers.AveragePooling2D``."""


@register_layer
@dataclass(slots=True, eq=False)
class GlobalAveragePooling2D(Layer):
    """As ``keras.layers.GlobalAveragePooling2D``: (height, width, channels) → (channels,), or (1, 1, channels)."""

    input_rank = 3

    keepdims: bool = False

    def __post_init__(self) -> None:
        self.keepdims = bool(self.keepdims)

    def output_shape(self, *shapes: Shape) -> Shape:
        channels = shapes[0][2]
        return (1, 1, channels) if self.keepdims else (channels,)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.GlobalAveragePooling2D(DATA_FORMAT, keepdims=self.keepdims, name=name)
