"""Convolution layers, and the sliding-window arithmetic that they share with pooling layers."""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Padding, Pair
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Shape, register_layer


@lru_cache(maxsize=1 << 16)
def compute_window_output(size: Pair, window: Pair, strides: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Return the output height and width of a sliding window; 0 or less if the window does not fit.

    It is ⌊(L + p − d(k − 1) − 1) / s⌋ + 1 with p the sum of the padding at both ends (Dumoulin & Visin,
    arXiv:1603.07285, relationship 15), and ⌈L / s⌉ for ``"same"`` (TensorFlow's definition of SAME).
    """
    if padding == "same":
        return -(-size[0] // strides[0]), -(-size[1] // strides[1])
    ends = (0, 0) if isinstance(padding, str) else (sum(padding[0]), sum(padding[1]))
    height, width = (
        (length + end - spacing * (extent - 1) - 1) // stride + 1
        for length, end, spacing, extent, stride in zip(size, ends, dilation, window, strides, strict=True)
    )
    return height, width


# Data format of every layer of a blueprint, whatever ``~/.keras/keras.json`` says.
DATA_FORMAT = "channels_last"


def add_padding_layer(keras: Any, padding: Padding, name: str, layer: Any) -> Any:
    """Return the layer, preceded by a ZeroPadding2D if the padding is explicit."""
    if isinstance(padding, str):
        return layer
    return [keras.layers.ZeroPadding2D(padding, data_format=DATA_FORMAT, name=f"{name}_padding"), layer]


def to_keras_padding(padding: Padding) -> str:
    """Return the ``padding`` argument of the Keras layer; explicit padding is a layer of its own."""
    return padding if isinstance(padding, str) else "valid"


def make_l2(keras: Any, factor: float) -> Any:
    """Return the Keras L2 regularizer with this factor, or None for 0."""
    return keras.regularizers.L2(factor) if factor else None


@arguments.cached
def _standardize_window(kind: str, kernel: Any, strides: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    """Return kernel size, strides and dilation rate as pairs."""
    strides = arguments.standardize_pair(kind, "strides", strides)
    dilation = arguments.standardize_pair(kind, "dilation_rate", dilation)
    if max(strides) > 1 and max(dilation) > 1:
        raise InvalidArchitecture(
            kind, None, f"Expected strides or dilation_rate to be 1, got strides {strides}, dilation_rate {dilation}."
        )
    return arguments.standardize_pair(kind, "kernel_size", kernel), strides, dilation


@arguments.cached
def _standardize_depthwise_window(kind: str, kernel: Any, strides: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    """Standardize the window of a depthwise convolution, whose strides must be equal.

    TensorFlow's depthwise kernels support only equal strides; Keras reports that no earlier than in training.
    """
    window = _standardize_window(kind, kernel, strides, dilation)
    height, width = window[1]
    if height != width:
        raise InvalidArchitecture(kind, None, f"Invalid value for strides: {window[1]}. Expected equal strides.")
    return window


@arguments.cached
def _standardize_conv_arguments(
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
    """Standardize all arguments of a Conv2D except ``filters`` and ``kernel_regularizer``.

    They are cached together, because Conv2D is the most frequent layer of a search. ``filters`` is left out because its
    values rarely repeat.
    """
    kind = "Conv2D"
    groups = arguments.standardize_integer(kind, "groups", groups)
    kernel_size, strides, dilation_rate = _standardize_window(kind, kernel_size, strides, dilation_rate)
    return (
        kernel_size,
        strides,
        arguments.standardize_padding(kind, padding),
        dilation_rate,
        groups,
        arguments.standardize_activation(kind, activation),
        bool(use_bias),
        arguments.standardize_initializer(kind, "kernel_initializer", kernel_initializer),
        arguments.standardize_initializer(kind, "bias_initializer", bias_initializer),
    )


@register_layer
@dataclass(slots=True, eq=False)
class Conv2D(Layer):
    """Same as ``keras.layers.Conv2D``.

    Attributes:
        filters: channels of the output.
        kernel_size: height and width, or one number for both; the same holds for ``strides`` and ``dilation_rate``.
        padding: "same", "valid", or explicit zero padding: p, (height, width) or ((top, bottom), (left, right)).
        groups: number of groups into which the input channels are split; each group is convolved separately.
        kernel_regularizer: factor of the L2 penalty; 0 or None for no penalty.
    """

    input_rank = 3

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
        height, width, channels = shapes[0]
        if channels % self.groups:
            raise self.refuse(shapes, f"The {channels} input channels are not divisible by groups ({self.groups}).")
        size = compute_window_output((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return *size, self.filters

    def _kernel_weights(self, channels: int) -> int:
        return self.kernel_size[0] * self.kernel_size[1] * (channels // self.groups) * self.filters

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        return self._kernel_weights(shapes[0][2]) + (self.filters if self.use_bias else 0), 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return output[0] * output[1] * self._kernel_weights(shapes[0][2])

    def build(self, keras: Any, name: str) -> Any:
        layer = keras.layers.Conv2D(
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
class DepthwiseConv2D(Layer):
    """Same as ``keras.layers.DepthwiseConv2D``: convolves each channel separately with ``depth_multiplier`` kernels."""

    input_rank = 3

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
        self.kernel_size, self.strides, self.dilation_rate = _standardize_depthwise_window(
            kind, self.kernel_size, self.strides, self.dilation_rate
        )
        self.padding = arguments.standardize_padding(kind, self.padding)
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
        height, width, channels = shapes[0]
        size = compute_window_output((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return *size, channels * self.depth_multiplier

    def _kernel_weights(self, channels: int) -> int:
        return self.kernel_size[0] * self.kernel_size[1] * channels * self.depth_multiplier

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        channels = shapes[0][2]
        return self._kernel_weights(channels) + (channels * self.depth_multiplier if self.use_bias else 0), 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return output[0] * output[1] * self._kernel_weights(shapes[0][2])

    def build(self, keras: Any, name: str) -> Any:
        layer = keras.layers.DepthwiseConv2D(
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
class SeparableConv2D(Layer):
    """Same as ``keras.layers.SeparableConv2D``: a depthwise convolution followed by a 1×1 convolution."""

    input_rank = 3

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
        self.kernel_size, self.strides, self.dilation_rate = _standardize_depthwise_window(
            kind, self.kernel_size, self.strides, self.dilation_rate
        )
        self.padding = arguments.standardize_padding(kind, self.padding)
        self.depth_multiplier = arguments.standardize_integer(kind, "depth_multiplier", self.depth_multiplier)
        self.activation = arguments.standardize_activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        for argument in ("depthwise_initializer", "pointwise_initializer", "bias_initializer"):
            setattr(self, argument, arguments.standardize_initializer(kind, argument, getattr(self, argument)))
        for argument in ("depthwise_regularizer", "pointwise_regularizer"):
            setattr(self, argument, arguments.standardize_l2_factor(kind, argument, getattr(self, argument)))

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, _ = shapes[0]
        size = compute_window_output((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return *size, self.filters

    def _kernel_weights(self, channels: int) -> int:
        return channels * self.depth_multiplier * (self.kernel_size[0] * self.kernel_size[1] + self.filters)

    def parameters(self, *shapes: Shape) -> tuple[int, int]:
        return self._kernel_weights(shapes[0][2]) + (self.filters if self.use_bias else 0), 0

    def macs(self, output: Shape, *shapes: Shape) -> int:
        return output[0] * output[1] * self._kernel_weights(shapes[0][2])

    def build(self, keras: Any, name: str) -> Any:
        layer = keras.layers.SeparableConv2D(
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
