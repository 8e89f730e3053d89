"""Layers that enlarge images, and that cut borders off."""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.keras_arguments import DATA_FORMAT
from metaopt.blueprint.layer import Layer, Shape, register_layer

_INTERPOLATIONS = ("nearest", "bilinear")


@register_layer
@dataclass(slots=True, eq=False)
class UpSampling2D(Layer):
    """Same as ``keras.layers.UpSampling2D``: repeats or interpolates rows and columns.

    Attributes:
        size: factor of height and width, or one number for both.
        interpolation: ``"nearest"`` or ``"bilinear"``.
    """

    input_rank = 3

    size: Any = 2
    interpolation: str = "nearest"

    def __post_init__(self) -> None:
        self.size = arguments.standardize_pair(self.kind, "size", self.size)
        if self.interpolation not in _INTERPOLATIONS:
            known = " or ".join(_INTERPOLATIONS)
            raise InvalidArchitecture(self.kind, None, f"interpolation is {self.interpolation}. Expected {known}.")

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        return height * self.size[0], width * self.size[1], channels

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.UpSampling2D(
            self.size, data_format=DATA_FORMAT, interpolation=self.interpolation, name=name
        )


@register_layer
@dataclass(slots=True, eq=False)
class Cropping2D(Layer):
    """Same as ``keras.layers.Cropping2D``.

    Attributes:
        cropping: rows and columns to cut off: c, (height, width) or ((top, bottom), (left, right)).
    """

    input_rank = 3

    cropping: Any = 1

    def __post_init__(self) -> None:
        self.cropping = arguments.standardize_explicit_padding(self.kind, self.cropping)

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        return height - sum(self.cropping[0]), width - sum(self.cropping[1]), channels

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Cropping2D(self.cropping, data_format=DATA_FORMAT, name=name)
