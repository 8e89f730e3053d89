"""Convolution layers: one class for any number of spatial axes, and a kind of layer for each number."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from metaopt.blueprint import arguments
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.keras_arguments import DATA_FORMAT, add_padding_layer, make_l2, to_keras_padding
from metaopt.blueprint.layer import Layer, Shape, register_layer
from metaopt.blueprint.sliding_window import compute_window_output, standardize_window


@arguments.cached
def _standardize_conv_arguments(
    kind: str,
    rank: int,
    kernel_size: Any,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
    groups: Any,
    activation: Any,
    use_bias: Any,
    kernel_initializer: Any,
    bias_initializer: Any,
) -> tuple:
    """Standardize all arguments of a convolution except ``filters`` and ``kernel_regularizer``.

    They are cached together, because a convolution is the most frequent layer of a search. ``filters`` is left out
    because its values rarely repeat.
    """
    groups = arguments.standardize_integer(kind, "groups", groups)
    kernel_size, strides, dilation_rate = standardize_window(kind, kernel_size, strides, dilation_rate, rank)
    return (
        kernel_size,
        strides,
        arguments.standardize_padding(kind, padding, rank),
        dilation_rate,
        groups,
        arguments.standardize_activation(kind, activation),
        bool(use_bias),
        arguments.standardize_initializer(kind, "kernel_initializer", kernel_initializer),
        arguments.standardize_initializer(kind, "bias_initializer", bias_initializer),
    )


@dataclass(slots=True, eq=False)
class _Conv(Layer):
    """Convolution.

    Attributes:
        filters: channels of the output.
        kernel_size: size along each spatial axis, or one number for all; so are ``strides`` and ``dilation_rate``.
        padding: "same", "valid", or explicit zero padding: p, or for each axis a number or (before, after); e.g.
            (height, width) or ((top, bottom), (left, right)).
        groups: number of groups into which the input channels are split; each group is convolved separately.
        kernel_regularizer: factor of the L2 penalty; 0 or None for no penalty.
    """

    rank: ClassVar[int]  # number of spatial axes

    filters: int
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    dilation_rate: Any = 1
    groups: int = 1
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: float | None = 0.0

    def __post_init__(self) -> None:
        filters = self.filters = arguments.standardize_integer(self.kind, "filters", self.filters)
        (
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.groups,
            self.activation,
            self.use_bias,
            self.kernel_initializer,
            self.bias_initializer,
        ) = _standardize_conv_arguments(
            self.kind,
            self.rank,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.groups,
            self.activation,
            self.use_bias,
            self.kernel_initializer,
            self.bias_initializer,
        )
        if filters % self.groups:
            raise InvalidArchitecture(
                self.kind, None, f"Invalid value for filters: {filters}. Expected a multiple of groups ({self.groups})."
            )
        self.kernel_regularizer = arguments.standardize_l2_factor(
            self.kind, "kernel_regularizer", self.kernel_regularizer
        )

    def output_shape(self, *shapes: Shape) -> Shape:
        size, channels = shapes[0][:-1], shapes[0][-1]
        if channels % self.groups:
            raise self.refuse(shapes, f"The {channels} input channels are not divisible by groups ({self.groups}).")
        ends = compute_window_output(size, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return *ends, self.filters

    def _kernel_weights(self, channels: int) -> int:
        return math.prod(self.kernel_size) * (channels // self.groups) * self.filters

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        return self._kernel_weights(shapes[0][-1]) + (self.filters if self.use_bias else 0), 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return math.prod(output[:-1]) * self._kernel_weights(shapes[0][-1])

    def build(self, keras: Any, name: str) -> Any:
        layer = getattr(keras.layers, self.kind)(
            self.filters,
            self.kernel_size,
            strides=self.strides,
            padding=to_keras_padding(self.padding),
            data_format=DATA_FORMAT,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
            activation=self.activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=make_l2(keras, self.kernel_regularizer or 0.0),
            name=name,
        )
        return add_padding_layer(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class Conv1D(_Conv):
    """Same as ``keras.layers.Conv1D``, see ``_Conv``."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class Conv2D(_Conv):
    """Same as ``keras.layers.Conv2D``, see ``_Conv``."""

    rank = 2
    input_rank = 3


@register_layer
@dataclass(slots=True, eq=False)
class Conv3D(_Conv):
    """Same as ``keras.layers.Conv3D``, see ``_Conv``."""

    rank = 3
    input_rank = 4
