"""Pooling layers: one class for any number of spatial axes, and a kind of layer for each number."""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from typing import Any, ClassVar

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Sizes
from metaopt.blueprint.keras_arguments import DATA_FORMAT, add_padding_layer, to_keras_padding
from metaopt.blueprint.layer import Layer, Shape, register_layer
from metaopt.blueprint.sliding_window import compute_window_output


@arguments.cached
def _standardize_windows(kind: str, pool_size: Any, strides: Any, rank: int) -> tuple[Sizes, Sizes]:
    """Return window size and strides for each of ``rank`` axes."""
    window = arguments.standardize_sizes(kind, "pool_size", pool_size, rank)
    return window, window if strides is None else arguments.standardize_sizes(kind, "strides", strides, rank)


@dataclass(slots=True, eq=False)
class _Pooling(Layer):
    """Pooling over a sliding window, for each channel.

    Attributes:
        pool_size: size of the window along each spatial axis, or one number for all.
        strides: stride along each axis, or one number for all; None for ``pool_size``.
        padding: "same", "valid", or explicit zero padding as in ``Conv2D``. Explicit zeros are part of the input: an
            average includes them, and a maximum over a window with zeros is at least 0.
    """

    rank: ClassVar[int]  # number of spatial axes

    pool_size: Any = 2
    strides: Any = None
    padding: Any = "valid"

    def __post_init__(self) -> None:
        self.pool_size, self.strides = _standardize_windows(self.kind, self.pool_size, self.strides, self.rank)
        if self.padding != "valid":
            self.padding = arguments.standardize_padding(self.kind, self.padding, self.rank)

    def output_shape(self, *shapes: Shape) -> Shape:
        shape = shapes[0]
        return *compute_window_output(shape[:-1], self.pool_size, self.strides, self.padding), shape[-1]

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
class MaxPooling1D(_Pooling):
    """Same as ``keras.layers.MaxPooling1D``."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class MaxPooling2D(_Pooling):
    """Same as ``keras.layers.MaxPooling2D``."""

    rank = 2
    input_rank = 3


@register_layer
@dataclass(slots=True, eq=False)
class MaxPooling3D(_Pooling):
    """Same as ``keras.layers.MaxPooling3D``."""

    rank = 3
    input_rank = 4


@register_layer
@dataclass(slots=True, eq=False)
class AveragePooling1D(_Pooling):
    """Same as ``keras.layers.AveragePooling1D``."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class AveragePooling2D(_Pooling):
    """Same as ``keras.layers.AveragePooling2D``."""

    rank = 2
    input_rank = 3


@register_layer
@dataclass(slots=True, eq=False)
class AveragePooling3D(_Pooling):
    """Same as ``keras.layers.AveragePooling3D``."""

    rank = 3
    input_rank = 4


@dataclass(slots=True, eq=False)
class _GlobalAveragePooling(Layer):
    """Average over all positions, for each channel.

    Attributes:
        keepdims: whether the output has spatial axes of size 1, e.g. (1, 1, channels) instead of (channels,).
    """

    rank: ClassVar[int]

    keepdims: bool = False

    def __post_init__(self) -> None:
        self.keepdims = bool(self.keepdims)

    def output_shape(self, *shapes: Shape) -> Shape:
        channels = shapes[0][-1]
        return (*(1,) * self.rank, channels) if self.keepdims else (channels,)

    def build(self, keras: Any, name: str) -> Any:
        return getattr(keras.layers, self.kind)(DATA_FORMAT, keepdims=self.keepdims, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class GlobalAveragePooling1D(_GlobalAveragePooling):
    """Same as ``keras.layers.GlobalAveragePooling1D``."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class GlobalAveragePooling2D(_GlobalAveragePooling):
    """Same as ``keras.layers.GlobalAveragePooling2D``."""

    rank = 2
    input_rank = 3


@register_layer
@dataclass(slots=True, eq=False)
class GlobalAveragePooling3D(_GlobalAveragePooling):
    """Same as ``keras.layers.GlobalAveragePooling3D``."""

    rank = 3
    input_rank = 4


@register_layer
@dataclass(slots=True, eq=False)
class GlobalMaxPooling2D(Layer):
    """Same as ``keras.layers.GlobalMaxPooling2D``: the maximum over all positions, for each channel."""

    input_rank = 3

    def output_shape(self, *shapes: Shape) -> Shape:
        return (shapes[0][-1],)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.GlobalMaxPooling2D(DATA_FORMAT, name=name)
