"""Depthwise and separable convolutions, for one and two spatial axes."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from metaopt.blueprint import arguments
from metaopt.blueprint.keras_arguments import DATA_FORMAT, add_padding_layer, make_l2, to_keras_padding
from metaopt.blueprint.layer import Layer, Shape, register_layer
from metaopt.blueprint.sliding_window import compute_window_output, standardize_depthwise_window


@dataclass(slots=True, eq=False)
class _DepthwiseConv(Layer):
    """Convolution of each channel separately, with ``depth_multiplier`` kernels."""

    rank: ClassVar[int]  # number of spatial axes

    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    depth_multiplier: int = 1
    dilation_rate: Any = 1
    activation: str | None = None
    use_bias: bool = True
    depthwise_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    depthwise_regularizer: float | None = 0.0

    def __post_init__(self) -> None:
        kind = self.kind
        self.kernel_size, self.strides, self.dilation_rate = standardize_depthwise_window(
            kind, self.kernel_size, self.strides, self.dilation_rate, self.rank
        )
        self.padding = arguments.standardize_padding(kind, self.padding, self.rank)
        self.depth_multiplier = arguments.standardize_integer(kind, "depth_multiplier", self.depth_multiplier)
        self.activation = arguments.standardize_activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        self.depthwise_initializer = arguments.standardize_initializer(
            kind, "depthwise_initializer", self.depthwise_initializer
        )
        self.bias_initializer = arguments.standardize_initializer(kind, "bias_initializer", self.bias_initializer)
        self.depthwise_regularizer = arguments.standardize_l2_factor(
            kind, "depthwise_regularizer", self.depthwise_regularizer
        )

    def output_shape(self, *shapes: Shape) -> Shape:
        size, channels = shapes[0][:-1], shapes[0][-1]
        ends = compute_window_output(size, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return *ends, channels * self.depth_multiplier

    def _kernel_weights(self, channels: int) -> int:
        return math.prod(self.kernel_size) * channels * self.depth_multiplier

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        channels = shapes[0][-1]
        return self._kernel_weights(channels) + (channels * self.depth_multiplier if self.use_bias else 0), 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return math.prod(output[:-1]) * self._kernel_weights(shapes[0][-1])

    def build(self, keras: Any, name: str) -> Any:
        layer = getattr(keras.layers, self.kind)(
            self.kernel_size,
            strides=self.strides,
            padding=to_keras_padding(self.padding),
            data_format=DATA_FORMAT,
            depth_multiplier=self.depth_multiplier,
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            use_bias=self.use_bias,
            depthwise_initializer=self.depthwise_initializer,
            bias_initializer=self.bias_initializer,
            depthwise_regularizer=make_l2(keras, self.depthwise_regularizer or 0.0),
            name=name,
        )
        return add_padding_layer(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class DepthwiseConv1D(_DepthwiseConv):
    """Same as ``keras.layers.DepthwiseConv1D``: convolves each channel separately."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class DepthwiseConv2D(_DepthwiseConv):
    """Same as ``keras.layers.DepthwiseConv2D``: convolves each channel separately."""

    rank = 2
    input_rank = 3


@dataclass(slots=True, eq=False)
class _SeparableConv(Layer):
    """Depthwise convolution followed by a convolution with windows of size 1."""

    rank: ClassVar[int]  # number of spatial axes

    filters: int
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    dilation_rate: Any = 1
    depth_multiplier: int = 1
    activation: str | None = None
    use_bias: bool = True
    depthwise_initializer: str = "glorot_uniform"
    pointwise_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    depthwise_regularizer: float | None = 0.0
    pointwise_regularizer: float | None = 0.0

    def __post_init__(self) -> None:
        kind = self.kind
        self.filters = arguments.standardize_integer(kind, "filters", self.filters)
        self.kernel_size, self.strides, self.dilation_rate = standardize_depthwise_window(
            kind, self.kernel_size, self.strides, self.dilation_rate, self.rank
        )
        self.padding = arguments.standardize_padding(kind, self.padding, self.rank)
        self.depth_multiplier = arguments.standardize_integer(kind, "depth_multiplier", self.depth_multiplier)
        self.activation = arguments.standardize_activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        for argument in ("depthwise_initializer", "pointwise_initializer", "bias_initializer"):
            setattr(self, argument, arguments.standardize_initializer(kind, argument, getattr(self, argument)))
        for argument in ("depthwise_regularizer", "pointwise_regularizer"):
            setattr(self, argument, arguments.standardize_l2_factor(kind, argument, getattr(self, argument)))

    def output_shape(self, *shapes: Shape) -> Shape:
        size = shapes[0][:-1]
        ends = compute_window_output(size, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return *ends, self.filters

    def _kernel_weights(self, channels: int) -> int:
        return channels * self.depth_multiplier * (math.prod(self.kernel_size) + self.filters)

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
            depth_multiplier=self.depth_multiplier,
            activation=self.activation,
            use_bias=self.use_bias,
            depthwise_initializer=self.depthwise_initializer,
            pointwise_initializer=self.pointwise_initializer,
            bias_initializer=self.bias_initializer,
            depthwise_regularizer=make_l2(keras, self.depthwise_regularizer or 0.0),
            pointwise_regularizer=make_l2(keras, self.pointwise_regularizer or 0.0),
            name=name,
        )
        return add_padding_layer(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class SeparableConv1D(_SeparableConv):
    """Same as ``keras.layers.SeparableConv1D``: a depthwise convolution, then one of size 1."""

    rank = 1
    input_rank = 2


@register_layer
@dataclass(slots=True, eq=False)
class SeparableConv2D(_SeparableConv):
    """Same as ``keras.layers.SeparableConv2D``: a depthwise convolution, then one of size 1."""

    rank = 2
    input_rank = 3
