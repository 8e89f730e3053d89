"""Input, dense layers, and the layers that work on single numbers or rearrange them."""

# ruff: noqa: D102, ARG002 (the methods of a layer, and their arguments, are documented by Layer)

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.convolutions import DATA_FORMAT, l2
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Node, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class InputLayer(Layer):
    """Where images come in; made by ``Input``."""

    shape: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.shape

    def build(self, keras: Any, name: str) -> Any:
        return keras.Input(self.shape, name=name)


def Input(shape: Sequence[int], name: str | None = None) -> Node:
    """The node where images of that shape come in, (height, width, channels), as ``keras.Input``.

    Raises:
        InvalidArchitecture: a size is not a whole number above 0.
    """
    sizes = tuple([arguments.whole("Input", "each size of the shape", size) for size in shape])
    if not sizes:
        raise InvalidArchitecture("Input", None, "the shape must have at least one axis")
    return Node(InputLayer(sizes, name=name), (), sizes)


@register_layer
@dataclass(slots=True, eq=False)
class Dense(Layer):
    """As ``keras.layers.Dense``, over the last axis.

    Attributes:
        units: size of the output's last axis.
        kernel_regularizer: the factor of the L2 penalty, 0 or None for none.
    """

    units: int
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: float | None = 0.0

    def __post_init__(self) -> None:
        kind = self.kind
        self.units = arguments.whole(kind, "units", self.units)
        self.activation = arguments.activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        self.kernel_initializer = arguments.initializer(kind, "kernel_initializer", self.kernel_initializer)
        self.bias_initializer = arguments.initializer(kind, "bias_initializer", self.bias_initializer)
        self.kernel_regularizer = arguments.penalty(kind, "kernel_regularizer", self.kernel_regularizer)

    def output_shape(self, *shapes: Shape) -> Shape:
        return *shapes[0][:-1], self.units

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        return (shapes[0][-1] + (1 if self.use_bias else 0)) * self.units, 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return math.prod(shapes[0]) * self.units

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Dense(
            self.units,
            activation=self.activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=l2(keras, self.kernel_regularizer or 0.0),
            name=name,
        )


@register_layer
@dataclass(slots=True, eq=False)
class BatchNormalization(Layer):
    """As ``keras.layers.BatchNormalization`` over the last axis; the moving mean and variance are frozen parameters."""

    momentum: float = 0.99
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True

    def __post_init__(self) -> None:
        self.momentum = arguments.real(self.kind, "momentum", self.momentum, 0.0, 1.0)
        self.epsilon = arguments.real(self.kind, "epsilon", self.epsilon, 0.0, math.inf)
        self.center = bool(self.center)
        self.scale = bool(self.scale)

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        channels = shapes[0][-1]
        return channels * (self.center + self.scale), channels * 2

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.BatchNormalization(
            momentum=self.momentum, epsilon=self.epsilon, center=self.center, scale=self.scale, name=name
        )


@register_layer
@dataclass(slots=True, eq=False)
class Activation(Layer):
    """As ``keras.layers.Activation``, by name."""

    activation: str

    def __post_init__(self) -> None:
        self.activation = arguments.activation(self.kind, self.activation)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Activation(self.activation, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Dropout(Layer):
    """As ``keras.layers.Dropout``: in training, a share ``rate`` of the numbers is set to 0."""

    rate: float

    def __post_init__(self) -> None:
        self.rate = arguments.real(self.kind, "rate", self.rate, 0.0, 1.0)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Dropout(self.rate, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Flatten(Layer):
    """As ``keras.layers.Flatten``: one axis of all numbers."""

    def output_shape(self, *shapes: Shape) -> Shape:
        return (math.prod(shapes[0]),)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Flatten(data_format=DATA_FORMAT, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class ZeroPadding2D(Layer):
    """As ``keras.layers.ZeroPadding2D``.

    Attributes:
        padding: rows and columns of zeros: p, (height, width) or ((top, bottom), (left, right)).
    """

    input_rank = 3

    padding: Any = 1

    def __post_init__(self) -> None:
        self.padding = arguments.explicit_padding(self.kind, self.padding)

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        return height + sum(self.padding[0]), width + sum(self.padding[1]), channels

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.ZeroPadding2D(self.padding, data_format=DATA_FORMAT, name=name)
