"""Core layers: input, dense, normalisation, activation, rescaling, dropout, reshaping."""

# ruff: noqa: D102, ARG002 (the base class Layer documents the methods and their arguments)

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.keras_arguments import DATA_FORMAT, make_l2
from metaopt.blueprint.layer import Layer, Node, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class InputLayer(Layer):
    """The layer of an input node, made by ``Input``."""

    shape: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.shape

    def build(self, keras: Any, name: str) -> Any:
        return keras.Input(self.shape, name=name)


def Input(shape: Sequence[int], name: str | None = None) -> Node:
    """Return an input node, same as ``keras.Input``.

    Args:
        shape: (height, width, channels) of an image, (length, channels) of a signal, or that of a volume.
        name: a name for Keras, or None for an automatic one.

    Raises:
        InvalidArchitecture: the shape has no axis, or a size is not an integer >= 1.
    """
    sizes = tuple([arguments.standardize_integer("Input", "shape", size) for size in shape])
    if not sizes:
        raise InvalidArchitecture("Input", None, "Invalid value for shape: (). Expected at least one axis.")
    return Node(InputLayer(sizes, name=name), (), sizes)


@register_layer
@dataclass(slots=True, eq=False)
class Dense(Layer):
    """Same as ``keras.layers.Dense``, over the last axis.

    Attributes:
        units: size of the last axis of the output.
        kernel_regularizer: factor of the L2 penalty; 0 or None for no penalty.
    """

    units: int
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: float | None = 0.0

    def __post_init__(self) -> None:
        kind = self.kind
        self.units = arguments.standardize_integer(kind, "units", self.units)
        self.activation = arguments.standardize_activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        self.kernel_initializer = arguments.standardize_initializer(kind, "kernel_initializer", self.kernel_initializer)
        self.bias_initializer = arguments.standardize_initializer(kind, "bias_initializer", self.bias_initializer)
        self.kernel_regularizer = arguments.standardize_l2_factor(kind, "kernel_regularizer", self.kernel_regularizer)

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
            kernel_regularizer=make_l2(keras, self.kernel_regularizer or 0.0),
            name=name,
        )


@register_layer
@dataclass(slots=True, eq=False)
class BatchNormalization(Layer):
    """Same as ``keras.layers.BatchNormalization`` over the last axis; the moving statistics are frozen parameters."""

    momentum: float = 0.99
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True

    def __post_init__(self) -> None:
        self.momentum = arguments.standardize_float(self.kind, "momentum", self.momentum, 0.0, 1.0)
        self.epsilon = arguments.standardize_float(self.kind, "epsilon", self.epsilon, 0.0, math.inf)
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
    """Same as ``keras.layers.Activation``, with the activation given by name."""

    activation: str

    def __post_init__(self) -> None:
        self.activation = arguments.standardize_activation(self.kind, self.activation)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Activation(self.activation, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Rescaling(Layer):
    """Same as ``keras.layers.Rescaling`` with numbers: multiplies by ``scale``, then adds ``offset``."""

    scale: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        self.scale = arguments.standardize_float(self.kind, "scale", self.scale, -math.inf, math.inf)
        self.offset = arguments.standardize_float(self.kind, "offset", self.offset, -math.inf, math.inf)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Rescaling(self.scale, offset=self.offset, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Dropout(Layer):
    """Same as ``keras.layers.Dropout``: training sets a fraction ``rate`` of the inputs to 0."""

    rate: float

    def __post_init__(self) -> None:
        self.rate = arguments.standardize_float(self.kind, "rate", self.rate, 0.0, 1.0)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Dropout(self.rate, name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Flatten(Layer):
    """Same as ``keras.layers.Flatten``: reshapes the input to one axis."""

    def output_shape(self, *shapes: Shape) -> Shape:
        return (math.prod(shapes[0]),)

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Flatten(data_format=DATA_FORMAT, name=name)
