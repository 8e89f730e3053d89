"""Layers that enlarge images, signals and volumes, pad them with zeros, and cut borders off."""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from typing import Any, ClassVar

from metaopt.blueprint import arguments
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.keras_arguments import DATA_FORMAT, make_padding_layer
from metaopt.blueprint.layer import Layer, Shape, register_layer

_INTERPOLATIONS = ("nearest", "bilinear")


@dataclass(slots=True, eq=False)
class _UpSampling(Layer):
    """Repetition along each spatial axis.

    Attributes:
        size: factor of each axis, or one number for all.
    """

    rank: ClassVar[int]

    size: Any = 2

    def __post_init__(self) -> None:
        self.size = arguments.standardize_sizes(self.kind, "size", self.size, self.rank)

    def output_shape(self, *shapes: Shape) -> Shape:
        *sizes, channels = shapes[0]
        return *[size * factor for size, factor in zip(sizes, self.size, strict=True)], channels

    def build(self, keras: Any, name: str) -> Any:
        if self.rank == 1:  # the layer of Keras takes no data format, as its channels are always last
            return keras.layers.UpSampling1D(self.size[0], name=name)
        return getattr(keras.layers, self.kind)(self.size, data_format=DATA_FORMAT, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class UpSampling1D(_UpSampling):
    """Same as ``keras.layers.UpSampling1D``: repeats positions."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class UpSampling2D(_UpSampling):
    """Same as ``keras.layers.UpSampling2D``: repeats or interpolates rows and columns.

    Attributes:
        interpolation: ``"nearest"`` or ``"bilinear"``.
    """

    rank = 2
    input_rank = 3

    interpolation: str = "nearest"

    def __post_init__(self) -> None:
        _UpSampling.__post_init__(self)  # super() does not work in a dataclass with slots
        if self.interpolation not in _INTERPOLATIONS:
            known = " or ".join(_INTERPOLATIONS)
            raise InvalidArchitecture(self.kind, None, f"interpolation is {self.interpolation}. Expected {known}.")

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.UpSampling2D(
            self.size, data_format=DATA_FORMAT, interpolation=self.interpolation, name=name
        )


@register_layer
@dataclass(slots=True, eq=False)
class UpSampling3D(_UpSampling):
    """Same as ``keras.layers.UpSampling3D``: repeats positions."""

    rank = 3
    input_rank = 4


@dataclass(slots=True, eq=False)
class _Cropping(Layer):
    """Removal of positions at both ends of each spatial axis.

    Attributes:
        cropping: positions to cut off: c, or for each axis a number or (before, after); e.g. (height, width) or ((top,
            bottom), (left, right)).
    """

    rank: ClassVar[int]

    cropping: Any = 1

    def __post_init__(self) -> None:
        self.cropping = arguments.standardize_explicit_padding(self.kind, self.cropping, self.rank)

    def output_shape(self, *shapes: Shape) -> Shape:
        *sizes, channels = shapes[0]
        return *[size - sum(ends) for size, ends in zip(sizes, self.cropping, strict=True)], channels

    def build(self, keras: Any, name: str) -> Any:
        if self.rank == 1:
            return keras.layers.Cropping1D(self.cropping[0], name=name)
        return getattr(keras.layers, self.kind)(self.cropping, data_format=DATA_FORMAT, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Cropping1D(_Cropping):
    """Same as ``keras.layers.Cropping1D``."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class Cropping2D(_Cropping):
    """Same as ``keras.layers.Cropping2D``."""

    rank = 2
    input_rank = 3


@register_layer
@dataclass(slots=True, eq=False)
class Cropping3D(_Cropping):
    """Same as ``keras.layers.Cropping3D``."""

    rank = 3
    input_rank = 4


@dataclass(slots=True, eq=False)
class _ZeroPadding(Layer):
    """Zeros at both ends of each spatial axis.

    Attributes:
        padding: zeros: p, or for each axis a number or (before, after); e.g. (height, width) or ((top, bottom), (left,
            right)).
    """

    rank: ClassVar[int]

    padding: Any = 1

    def __post_init__(self) -> None:
        self.padding = arguments.standardize_explicit_padding(self.kind, self.padding, self.rank)

    def output_shape(self, *shapes: Shape) -> Shape:
        *sizes, channels = shapes[0]
        return *[size + sum(ends) for size, ends in zip(sizes, self.padding, strict=True)], channels

    def build(self, keras: Any, name: str) -> Any:
        return make_padding_layer(keras, self.padding, name)


@register_layer
@dataclass(slots=True, eq=False)
class ZeroPadding1D(_ZeroPadding):
    """Same as ``keras.layers.ZeroPadding1D``."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class ZeroPadding2D(_ZeroPadding):
    """Same as ``keras.layers.ZeroPadding2D``."""

    rank = 2
    input_rank = 3


@register_layer
@dataclass(slots=True, eq=False)
class ZeroPadding3D(_ZeroPadding):
    """Same as ``keras.layers.ZeroPadding3D``."""

    rank = 3
    input_rank = 4


@register_layer
@dataclass(slots=True, eq=False)
class Resizing(Layer):
    """Same as ``keras.layers.Resizing``: resizes images to a fixed size by bilinear interpolation.

    Attributes:
        height: rows of the output.
        width: columns of the output.
    """

    input_rank = 3

    height: int
    width: int

    def __post_init__(self) -> None:
        self.height = arguments.standardize_integer(self.kind, "height", self.height)
        self.width = arguments.standardize_integer(self.kind, "width", self.width)

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.height, self.width, shapes[0][-1]

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Resizing(self.height, self.width, data_format=DATA_FORMAT, name=name)
