"""Convolutions, and the sliding window that they share with pooling."""

# ruff: noqa: D102 (the methods of a layer, and their arguments, are documented by Layer)

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.arguments import Padding, Pair
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Shape, register_layer


@lru_cache(maxsize=1 << 16)
def window_output(size: Pair, window: Pair, strides: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Output height and width of a sliding window; 0 or less where it does not fit.

    ⌊(L + p − d(k − 1) − 1) / s⌋ + 1 with p the padding of both ends, and ⌈L / s⌉ for ``"same"`` (Dumoulin & Visin,
    arXiv:1603.07285, relationship 15 with both ends' padding in p; TensorFlow's definition of SAME).
    """
    if padding == "same":
        return -(-size[0] // strides[0]), -(-size[1] // strides[1])
    ends = (0, 0) if isinstance(padding, str) else (sum(padding[0]), sum(padding[1]))
    height, width = (
        (length + end - spacing * (extent - 1) - 1) // stride + 1
        for length, end, spacing, extent, stride in zip(size, ends, dilation, window, strides, strict=True)
    )
    return height, width


DATA_FORMAT = "channels_last"
"""Of every layer of a blueprint, whatever ``~/.keras/keras.json`` says."""


def padded(keras: Any, padding: Padding, name: str, layer: Any) -> Any:
    """The layer, behind a ZeroPadding2D where the padding is explicit."""
    if isinstance(padding, str):
        return layer
    return [keras.layers.ZeroPadding2D(padding, data_format=DATA_FORMAT, name=f"{name}_padding"), layer]


def keras_padding(padding: Padding) -> str:
    """What the Keras layer itself is told."""
    return padding if isinstance(padding, str) else "valid"


def l2(keras: Any, factor: float) -> Any:
    """Keras' L2 regulariser of that factor, None for 0."""
    return keras.regularizers.L2(factor) if factor else None


@arguments.cached
def _geometry(kind: str, kernel: Any, strides: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    """Kernel size, strides and dilation rate as pairs."""
    strides = arguments.pair(kind, "strides", strides)
    dilation = arguments.pair(kind, "dilation_rate", dilation)
    if max(strides) > 1 and max(dilation) > 1:
        raise InvalidArchitecture(kind, None, f"strides {strides} and dilation_rate {dilation} cannot both be above 1")
    return arguments.pair(kind, "kernel_size", kernel), strides, dilation


@arguments.cached
def _depthwise_geometry(kind: str, kernel: Any, strides: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    """As ``_geometry``; TensorFlow's depthwise kernels take equal strides only, which Keras finds out in training."""
    geometry = _geometry(kind, kernel, strides, dilation)
    if geometry[1][0] != geometry[1][1]:
        raise InvalidArchitecture(kind, None, f"strides must be equal for both axes, not {geometry[1]}")
    return geometry


@arguments.cached
def _conv_arguments(
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
    """All arguments of a Conv2D but filters and penalty, in one form.

    Cached as one, as a search makes these most often; without the filters, of which there are too many to come again.
    """
    kind = "Conv2D"
    groups = arguments.whole(kind, "groups", groups)
    kernel_size, strides, dilation_rate = _geometry(kind, kernel_size, strides, dilation_rate)
    return (
        kernel_size,
        strides,
        arguments.padding(kind, padding),
        dilation_rate,
        groups,
        arguments.activation(kind, activation),
        bool(use_bias),
        arguments.initializer(kind, "kernel_initializer", kernel_initializer),
        arguments.initializer(kind, "bias_initializer", bias_initializer),
    )


@register_layer
@dataclass(slots=True, eq=False)
class Conv2D(Layer):
    """As ``keras.layers.Conv2D``.

    Attributes:
        filters: channels of the output.
        kernel_size: height and width, or one number for both; ``strides`` and ``dilation_rate`` likewise.
        padding: "same", "valid", or rows and columns of zeros: p, (height, width) or ((top, bottom), (left, right)).
        groups: the input's channels are convolved in so many groups on their own.
        kernel_regularizer: the factor of the L2 penalty, 0 or None for none.
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
        filters = self.filters = arguments.whole(self.kind, "filters", self.filters)
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
        ) = _conv_arguments(
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
            raise InvalidArchitecture(self.kind, None, f"{filters} filters cannot be split into {self.groups} groups")
        self.kernel_regularizer = arguments.penalty(self.kind, "kernel_regularizer", self.kernel_regularizer)

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        if channels % self.groups:
            raise self.refuse(shapes, f"{channels} channels cannot be split into {self.groups} groups")
        size = window_output((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
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
            padding=keras_padding(self.padding),
            data_format=DATA_FORMAT,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
            activation=self.activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=l2(keras, self.kernel_regularizer or 0.0),
            name=name,
        )
        return padded(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class DepthwiseConv2D(Layer):
    """As ``keras.layers.DepthwiseConv2D``: each channel is convolved on its own with ``depth_multiplier`` kernels."""

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
        self.kernel_size, self.strides, self.dilation_rate = _depthwise_geometry(
            kind, self.kernel_size, self.strides, self.dilation_rate
        )
        self.padding = arguments.padding(kind, self.padding)
        self.depth_multiplier = arguments.whole(kind, "depth_multiplier", self.depth_multiplier)
        self.activation = arguments.activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        self.depthwise_initializer = arguments.initializer(kind, "depthwise_initializer", self.depthwise_initializer)
        self.bias_initializer = arguments.initializer(kind, "bias_initializer", self.bias_initializer)
        self.depthwise_regularizer = arguments.penalty(kind, "depthwise_regularizer", self.depthwise_regularizer)

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, channels = shapes[0]
        size = window_output((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
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
            padding=keras_padding(self.padding),
            data_format=DATA_FORMAT,
            depth_multiplier=self.depth_multiplier,
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            use_bias=self.use_bias,
            depthwise_initializer=self.depthwise_initializer,
            bias_initializer=self.bias_initializer,
            depthwise_regularizer=l2(keras, self.depthwise_regularizer or 0.0),
            name=name,
        )
        return padded(keras, self.padding, name, layer)


@register_layer
@dataclass(slots=True, eq=False)
class SeparableConv2D(Layer):
    """As ``keras.layers.SeparableConv2D``: a depthwise convolution, then a 1×1 one without activation in between."""

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
        self.filters = arguments.whole(kind, "filters", self.filters)
        self.kernel_size, self.strides, self.dilation_rate = _depthwise_geometry(
            kind, self.kernel_size, self.strides, self.dilation_rate
        )
        self.padding = arguments.padding(kind, self.padding)
        self.depth_multiplier = arguments.whole(kind, "depth_multiplier", self.depth_multiplier)
        self.activation = arguments.activation(kind, self.activation)
        self.use_bias = bool(self.use_bias)
        for argument in ("depthwise_initializer", "pointwise_initializer", "bias_initializer"):
            setattr(self, argument, arguments.initializer(kind, argument, getattr(self, argument)))
        for argument in ("depthwise_regularizer", "pointwise_regularizer"):
            setattr(self, argument, arguments.penalty(kind, argument, getattr(self, argument)))

    def output_shape(self, *shapes: Shape) -> Shape:
        height, width, _ = shapes[0]
        size = window_output((height, width), self.kernel_size, self.strides, self.padding, self.dilation_rate)
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
            padding=keras_padding(self.padding),
            data_format=DATA_FORMAT,
            dilation_rate=self.dilation_rate,
            depth_multiplier=self.depth_multiplier,
            activation=self.activation,
            use_bias=self.use_bias,
            depthwise_initializer=self.depthwise_initializer,
            pointwise_initializer=self.pointwise_initializer,
            bias_initializer=self.bias_initializer,
            depthwise_regularizer=l2(keras, self.depthwise_regularizer or 0.0),
            pointwise_regularizer=l2(keras, self.pointwise_regularizer or 0.0),
            name=name,
        )
        return padded(keras, self.padding, name, layer)
