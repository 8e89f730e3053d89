"""Function-preserving initialisation of new layers (network morphism): identity, or zero in a branch of a sum."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metaopt.training.weight_transfer.graph import PADDING, LayerCall
from metaopt.training.weight_transfer.weight_copy import ChannelMap, Weights

# Layers that do nothing outside of training.
_TRAINING_ONLY = {"ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"}
_TRAINING_ONLY |= {"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
# Activations that do not change numbers >= 0, and activations whose outputs are >= 0.
_IDENTITY_FROM_0 = {"linear", "relu", "elu", "leaky_relu"}
_NONNEGATIVE = {"relu", "sigmoid", "softmax", "softplus", "relu6"}
# Activations that map zeros to zeros.
_ZERO_PRESERVING = _IDENTITY_FROM_0 | {"gelu", "relu6", "selu", "silu", "softsign", "tanh"}
# Layers that preserve the sign of their inputs and map zeros to zeros.
_SIGN_PRESERVING = _TRAINING_ONLY | {"AveragePooling2D", "Concatenate", "Flatten", "GlobalAveragePooling2D"}
_SIGN_PRESERVING |= {"Add", "Average", "GlobalMaxPooling2D", "MaxPooling2D", "Maximum", "Multiply", "Reshape"}
_SIGN_PRESERVING |= {"ShakeDrop", "ShakeShake", PADDING}

Margin = tuple[tuple[int, int], tuple[int, int]]
"""((top, bottom), (left, right)) in pixels."""


@dataclass(frozen=True)
class TensorMap:
    """Correspondence of a tensor of the child with a tensor of the parent.

    Attributes:
        channels: map of its channels.
        is_nonnegative: channels that correspond to the parent's have no values below 0.
        zero_margin: rows and columns of zeros that zero padding has just added.
    """

    channels: ChannelMap
    is_nonnegative: bool = False
    zero_margin: Margin = ((0, 0), (0, 0))


def find_activation(layer: Any) -> str:
    """Return the name of a layer's activation, ``linear`` if it has none."""
    if type(layer).__name__ == "ReLU":
        is_plain = layer.max_value is None and not layer.negative_slope and not layer.threshold
        return "relu" if is_plain else "custom"
    activation = getattr(layer, "activation", None)
    return "linear" if activation is None else getattr(activation, "__name__", "custom")


def has_nonnegative_output(call: LayerCall, inputs: Sequence[TensorMap]) -> bool:
    """Return whether the output of a layer has no values below 0."""
    if call.class_name in _SIGN_PRESERVING:
        return all(each.is_nonnegative for each in inputs)
    activation = find_activation(call.layer)
    if activation in _NONNEGATIVE:
        return True
    is_activation = call.class_name in ("Activation", "ReLU")
    return is_activation and activation in _IDENTITY_FROM_0 and inputs[0].is_nonnegative


def maps_zero_to_zero(call: LayerCall) -> bool:
    """Return whether a layer maps zeros to zeros, whatever its weights."""
    if call.class_name in ("Activation", "ReLU"):
        return find_activation(call.layer) in _ZERO_PRESERVING
    return call.class_name in _SIGN_PRESERVING


def make_identity_weights(call: LayerCall, initial: Weights, inputs: TensorMap) -> tuple[Weights, TensorMap] | None:
    """Return weights with which a layer passes the parent's channels through, and the map of its output.

    Args:
        call: call of a layer with one input.
        initial: initial weights of the layer.
        inputs: map of the input.

    Returns:
        None if there are no such weights. There are some for dropout, activations that are the identity, batch
        normalisation, dense layers and ungrouped convolutions of stride 1 that are wide enough and keep the size, and
        zero padding before a convolution that removes it again.
    """
    layer, class_name = call.layer, call.class_name
    if class_name in _TRAINING_ONLY:
        return {}, inputs
    if class_name == PADDING:
        return {}, map_padding(call, inputs)
    activation = find_activation(layer)
    if activation not in _IDENTITY_FROM_0 or (activation != "linear" and not inputs.is_nonnegative):
        return None
    if class_name in ("Activation", "ReLU"):
        return {}, replace(inputs, zero_margin=TensorMap.zero_margin)
    if class_name == "BatchNormalization":
        return _make_identity_normalisation(call, initial, inputs)
    tap = _find_tap(call, inputs.zero_margin)
    return None if tap is None else _make_dirac_kernel(initial, inputs, tap)


def map_padding(call: LayerCall, inputs: TensorMap) -> TensorMap:
    """Return the map of the output of a ``ZeroPadding2D`` layer."""
    (top, bottom), (left, right) = call.layer.padding
    return replace(inputs, zero_margin=((top, bottom), (left, right)))


def make_zero_weights(call: LayerCall, initial: Weights) -> Weights | None:
    """Return weights with which a layer outputs zeros, None if there are none (Goyal et al. 2017, arXiv:1706.02677)."""
    if call.class_name == "BatchNormalization":
        names = {"gamma", "beta"} & initial.keys() if call.layer.scale else set()
    elif call.class_name in ("Conv1D", "Conv2D", "Conv3D", "Dense") and find_activation(call.layer) in _ZERO_PRESERVING:
        names = {"kernel", "bias"} & initial.keys()
    else:
        names = set()
    return {name: np.zeros_like(initial[name]) for name in names} or None


def _make_identity_normalisation(
    call: LayerCall, initial: Weights, inputs: TensorMap
) -> tuple[Weights, TensorMap] | None:
    """Return moving statistics that make batch normalisation the identity outside of training.

    With a variance of 1 − ε the divisor √(variance + ε) is 1.
    """
    if call.layer.axis not in (-1, len(call.shape)):
        return None
    values = {"gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1 - call.layer.epsilon}
    weights = {name: np.full_like(initial[name], value) for name, value in values.items() if name in initial}
    return weights, replace(inputs, zero_margin=TensorMap.zero_margin)


def _find_tap(call: LayerCall, zero_margin: Margin) -> tuple[int, ...] | None:
    """Return the index of the kernel weight that is applied to the output's own pixel; None if the size changes."""
    layer = call.layer
    if call.class_name == "Dense":
        return ()
    if call.class_name not in ("Conv1D", "Conv2D", "Conv3D") or layer.groups != 1 or max(layer.strides) > 1:
        return None
    if getattr(layer, "data_format", None) == "channels_first":
        return None
    if layer.padding == "same":
        return tuple((extent - 1) // 2 for extent in layer.kernel_size)
    if max(layer.kernel_size) == 1:
        return (0,) * len(layer.kernel_size)
    spans = [(extent - 1) * step for extent, step in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    if call.class_name != "Conv2D" or layer.padding != "valid" or [sum(ends) for ends in zero_margin] != spans:
        return None
    steps = [divmod(before, step) for (before, _), step in zip(zero_margin, layer.dilation_rate, strict=True)]
    return None if any(rest for _, rest in steps) else tuple(tap for tap, _ in steps)


def _make_dirac_kernel(initial: Weights, inputs: TensorMap, tap: tuple[int, ...]) -> tuple[Weights, TensorMap] | None:
    """Return a kernel that copies each known channel to one output, which takes nothing else."""
    channels, kernel = inputs.channels, initial["kernel"].copy()
    n_outputs = kernel.shape[-1]
    known = np.flatnonzero(channels >= 0)
    if len(channels) != kernel.shape[-2] or len(known) > n_outputs or not len(known):
        return None
    outputs = known if n_outputs >= len(channels) else np.arange(len(known))
    kernel[..., outputs] = 0
    at: tuple[Any, ...] = (*tap, known, outputs)
    kernel[at] = 1
    weights = {"kernel": kernel}
    if "bias" in initial:
        weights["bias"] = initial["bias"].copy()
        weights["bias"][outputs] = 0
    output_channels = np.full(n_outputs, -1)
    output_channels[outputs] = channels[known]
    return weights, TensorMap(output_channels, inputs.is_nonnegative)
