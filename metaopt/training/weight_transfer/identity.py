"""What an inserted layer starts with: it passes on what comes in, or in a sum contributes nothing, where it can."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metaopt.training.weight_transfer.graph import PADDING, Call
from metaopt.training.weight_transfer.weight_copy import Source, Weights

# What does nothing outside of training.
_IDLE = {"ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"}
_IDLE |= {"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
# Activations that leave numbers from 0 on as they are; those among them that give no others.
_PASSING, _RECTIFYING = {"linear", "relu", "elu", "leaky_relu"}, {"relu", "sigmoid", "softmax", "softplus", "relu6"}
# Activations that make zeros of zeros.
_KEEPING_ZERO = _PASSING | {"gelu", "relu6", "selu", "silu", "softsign", "tanh"}
# What keeps the sign of what comes in, and makes zeros of zeros.
_KEEPING = _IDLE | {"AveragePooling2D", "Concatenate", "Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"}
_KEEPING |= {"Add", "Average", "MaxPooling2D", "Maximum", "Multiply", "Reshape", "ShakeDrop", "ShakeShake", PADDING}

Margin = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Stream:
    """What a tensor of the child carries.

    Attributes:
        source: of its channels.
        nonnegative: those that the parent has are nowhere below 0.
        margin: rows and columns of zeros that were just put around it.
    """

    source: Source
    nonnegative: bool = False
    margin: Margin = ((0, 0), (0, 0))


def activation_of(layer: Any) -> str:
    """The name of a layer's activation, ``linear`` if it has none."""
    if type(layer).__name__ == "ReLU":
        plain = layer.max_value is None and not layer.negative_slope and not layer.threshold
        return "relu" if plain else "custom"
    activation = getattr(layer, "activation", None)
    return "linear" if activation is None else getattr(activation, "__name__", "custom")


def gives_nonnegative(call: Call, inputs: Sequence[Stream]) -> bool:
    """Whether the output of a layer is nowhere below 0."""
    if call.kind in _KEEPING:
        return all(stream.nonnegative for stream in inputs)
    activation = activation_of(call.layer)
    if activation in _RECTIFYING:
        return True
    return call.kind in ("Activation", "ReLU") and activation in _PASSING and inputs[0].nonnegative


def keeps_zero(call: Call) -> bool:
    """Whether zeros come out where zeros come in, whatever is trained before."""
    if call.kind in ("Activation", "ReLU"):
        return activation_of(call.layer) in _KEEPING_ZERO
    return call.kind in _KEEPING


def as_identity(call: Call, fresh: Weights, stream: Stream) -> tuple[Weights, Stream] | None:
    """The weights with which a layer of one input passes on the parent's channels, and what then comes out of it.

    Args:
        call: of the layer.
        fresh: its initial weights.
        stream: what comes in.

    Returns:
        None if there are no such weights: the layer changes the size, is too narrow, has an activation that is none, or
        is of another kind than a convolution of stride 1 in one group, a dense layer, batch normalisation, dropout, an
        activation, or zero padding before a convolution that takes it away again.
    """
    layer, kind = call.layer, call.kind
    if kind in _IDLE:
        return {}, stream
    if kind == PADDING:
        return {}, padded(call, stream)
    activation = activation_of(layer)
    if activation not in _PASSING or (activation != "linear" and not stream.nonnegative):
        return None
    if kind in ("Activation", "ReLU"):
        return {}, replace(stream, margin=Stream.margin)
    if kind == "BatchNormalization":
        return _idle_normalisation(call, fresh, stream)
    tap = _tap(call, stream.margin)
    return None if tap is None else _dirac(fresh, stream, tap)


def padded(call: Call, stream: Stream) -> Stream:
    """What comes out of a ZeroPadding2D."""
    (top, bottom), (left, right) = call.layer.padding
    return replace(stream, margin=((top, bottom), (left, right)))


def as_zero(call: Call, fresh: Weights) -> Weights | None:
    """The weights with which a layer gives zeros only, None if there are none (Goyal et al. 2017, arXiv:1706.02677)."""
    if call.kind == "BatchNormalization":
        names = {"gamma", "beta"} & fresh.keys() if call.layer.scale else set()
    elif call.kind in ("Conv1D", "Conv2D", "Conv3D", "Dense") and activation_of(call.layer) in _KEEPING_ZERO:
        names = {"kernel", "bias"} & fresh.keys()
    else:
        names = set()
    return {name: np.zeros_like(fresh[name]) for name in names} or None


def _idle_normalisation(call: Call, fresh: Weights, stream: Stream) -> tuple[Weights, Stream] | None:
    """Outside of training the moving statistics count: with a variance of 1 − ε the divisor √(variance + ε) is 1."""
    if call.layer.axis not in (-1, len(call.shape)):
        return None
    values = {"gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1 - call.layer.epsilon}
    weights = {name: np.full_like(fresh[name], value) for name, value in values.items() if name in fresh}
    return weights, replace(stream, margin=Stream.margin)


def _tap(call: Call, margin: Margin) -> tuple[int, ...] | None:
    """Which of a kernel's weights is applied to the pixel that is computed; None if the size changes."""
    layer = call.layer
    if call.kind == "Dense":
        return ()
    if call.kind not in ("Conv1D", "Conv2D", "Conv3D") or layer.groups != 1 or max(layer.strides) > 1:
        return None
    if getattr(layer, "data_format", None) == "channels_first":
        return None
    if layer.padding == "same":
        return tuple((extent - 1) // 2 for extent in layer.kernel_size)
    if max(layer.kernel_size) == 1:
        return (0,) * len(layer.kernel_size)
    spans = [(extent - 1) * step for extent, step in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    if call.kind != "Conv2D" or layer.padding != "valid" or [sum(ends) for ends in margin] != spans:
        return None
    steps = [divmod(before, step) for (before, _), step in zip(margin, layer.dilation_rate, strict=True)]
    return None if any(rest for _, rest in steps) else tuple(tap for tap, _ in steps)


def _dirac(fresh: Weights, stream: Stream, tap: tuple[int, ...]) -> tuple[Weights, Stream] | None:
    """A kernel that takes each old channel to an output of its own, which takes nothing else."""
    source, kernel = stream.source, fresh["kernel"].copy()
    width = kernel.shape[-1]
    old = np.flatnonzero(source >= 0)
    if len(source) != kernel.shape[-2] or len(old) > width or not len(old):
        return None
    outputs = old if width >= len(source) else np.arange(len(old))
    kernel[..., outputs] = 0
    at: tuple[Any, ...] = (*tap, old, outputs)
    kernel[at] = 1
    weights = {"kernel": kernel}
    if "bias" in fresh:
        weights["bias"] = fresh["bias"].copy()
        weights["bias"][outputs] = 0
    carried = np.full(width, -1)
    carried[outputs] = source[old]
    return weights, Stream(carried, stream.nonnegative)
