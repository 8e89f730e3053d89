"""Copy rules for the weights of matching layers: the overlap is copied so that the parent's function is preserved.

If the child is wider, new outputs keep the child's initial weights, and old outputs get zero weights for new inputs, so
the widened network computes the same function. Net2Net (Chen et al. 2016, arXiv:1511.05641) and network morphism (Wei
et al. 2016, arXiv:1603.01670) preserve the function, too: Net2Net duplicates units, whereas network morphism puts zeros
on one side of the new ones, as here. So no two channels are equal, and all of them learn. A larger kernel contains the
parent's kernel, surrounded by zeros.
"""

from collections.abc import Callable

import numpy as np

Weights = dict[str, np.ndarray]
"""Name of a weight → its values."""

ChannelMap = np.ndarray
"""For each channel of the child, the index of the parent's channel that it corresponds to; −1 for a new channel."""


def map_by_index(n_channels: int, n_parent_channels: int) -> ChannelMap:
    """Return the map in which channels correspond by index; channels beyond the parent's are new."""
    channels = np.arange(n_channels)
    return np.where(channels < n_parent_channels, channels, -1)


def map_flattened(channels: ChannelMap, shape: tuple[int, ...], parent_shape: tuple[int, ...]) -> ChannelMap:
    """Return the channel map of a flattened image.

    Args:
        channels: map of the image's channels, ``(channels,)``.
        shape: shape of the child's image, (height, width, channels).
        parent_shape: shape of the parent's image. Images of different sizes are aligned at their centres.

    Returns:
        ``(height·width·channels,)``.
    """
    flat = np.zeros((), np.int64)
    inside = np.ones((), bool)
    for length, parent_length in zip(shape[:-1], parent_shape[:-1], strict=True):
        position = np.arange(length) - (length - 1) // 2 + (parent_length - 1) // 2
        flat = flat[..., None] * parent_length + position
        inside = inside[..., None] & (position >= 0) & (position < parent_length)
    flat = flat[..., None] * parent_shape[-1] + channels
    return np.where(inside[..., None] & (channels >= 0) & (channels < parent_shape[-1]), flat, -1).ravel()


def map_concatenated(inputs: list[ChannelMap], parent_widths: list[int]) -> ChannelMap:
    """Return the channel map of a concatenation.

    Args:
        inputs: maps of the concatenated tensors.
        parent_widths: channels of the tensors that the parent concatenates.
    """
    offsets = np.cumsum([0, *parent_widths])[:-1]
    return np.concatenate(
        [
            np.where((channels >= 0) & (channels < width), channels + offset, -1)
            for channels, width, offset in zip(inputs, parent_widths, offsets, strict=True)
        ]
    )


def map_depthwise(inputs: ChannelMap, child_kernel: np.ndarray, parent_kernel: np.ndarray) -> ChannelMap:
    """Return the channel map of a depthwise convolution, in which each input channel has several output channels.

    Args:
        inputs: map of the input channels.
        child_kernel: kernel of the child, ``(height, width, channels, multiplier)``.
        parent_kernel: kernel of the parent.
    """
    multiplier = map_by_index(child_kernel.shape[-1], parent_kernel.shape[-1])
    inputs = np.where(inputs < parent_kernel.shape[-2], inputs, -1)
    is_known = (inputs[:, None] >= 0) & (multiplier >= 0)
    return np.where(is_known, inputs[:, None] * parent_kernel.shape[-1] + multiplier, -1).ravel()


def copy_layer_weights(
    class_name: str, child: Weights, parent: Weights, inputs: ChannelMap, groups: tuple[int, int]
) -> Weights:
    """Return the new weights of a layer of the child.

    Args:
        class_name: name of the Keras class of both layers.
        child: weights of the child's layer; not modified.
        parent: weights of the parent's layer.
        inputs: channel map of the child's input.
        groups: number of groups of the child's and the parent's convolution; 1 for other layers.

    Returns:
        The weights that change; empty if none do. A layer without a copy rule gets all weights of the parent's layer
        if all shapes agree.
    """
    if class_name not in _RULES:
        return _copy_if_equal_shapes(child, parent)
    n_inputs, n_parent_inputs = _count_inputs(child), _count_inputs(parent)
    if len(inputs) != n_inputs:  # the channels are not the last axis
        inputs = map_by_index(n_inputs, n_parent_inputs)
    return (_RULES[class_name] if groups == (1, 1) else _copy_grouped)(child, parent, inputs)


def has_copy_rule(class_name: str) -> bool:
    """Return whether weights of such layers are copied by name; those of others are copied all together or not."""
    return class_name in _RULES


def _count_inputs(weights: Weights) -> int:
    """Return the number of input channels of a layer with these weights."""
    for name in ("kernel", "depthwise_kernel"):
        if name in weights:
            return weights[name].shape[-2]
    return len(weights["moving_mean"])


def _overlap(length: int, parent_length: int) -> tuple[slice, slice]:
    """Return the slices of the overlap of two lengths that are aligned at their centres."""
    shift = (length - 1) // 2 - (parent_length - 1) // 2
    first, last = max(0, shift), min(length, parent_length + shift)
    return slice(first, last), slice(first - shift, last - shift)


def _overlay(child: np.ndarray, parent: np.ndarray, rows: ChannelMap, columns: ChannelMap) -> np.ndarray:
    """Return the child's kernel ``(…, rows, columns)`` with the parent's values where row and column are both known.

    In such rows and columns, values beyond the parent's window are zero.
    """
    rows = np.where(rows < parent.shape[-2], rows, -1)
    known_rows, known_columns = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
    pairs = map(_overlap, child.shape[:-2], parent.shape[:-2])
    window, parent_window = zip(*pairs, strict=True) if child.ndim > 2 else ((), ())
    block = np.zeros((*child.shape[:-2], len(known_rows), len(known_columns)), child.dtype)
    block[window] = parent[parent_window][..., rows[known_rows][:, None], columns[known_columns]]
    new = child.copy()
    new[..., known_rows[:, None], known_columns] = block
    return new


def _overlay_mixing(child: np.ndarray, parent: np.ndarray, rows: ChannelMap, columns: ChannelMap) -> np.ndarray:
    """Return the new kernel of a layer whose outputs depend on all inputs: old outputs ignore new inputs."""
    new = _overlay(child, parent, rows, columns)
    unknown = np.flatnonzero((rows < 0) | (rows >= parent.shape[-2]))
    new[..., unknown[:, None], np.flatnonzero(columns >= 0)] = 0
    return new


def _copy_vectors(child: Weights, parent: Weights, channels: ChannelMap) -> Weights:
    """Copy weights with one value per channel."""
    found = {}
    for name, values in child.items():
        if name in parent:
            is_known = (channels >= 0) & (channels < len(parent[name]))
            found[name] = np.where(is_known, parent[name][np.where(is_known, channels, 0)], values)
    return found


def _copy_bias(child: Weights, parent: Weights, channels: ChannelMap) -> Weights:
    """Copy the bias; old outputs get zero if the parent has no bias."""
    if "bias" not in child:
        return {}
    n = int(channels.max(initial=-1)) + 1
    bias = parent.get("bias", np.zeros(n, child["bias"].dtype))
    return _copy_vectors({"bias": child["bias"]}, {"bias": bias}, channels)


def _copy_dense(child: Weights, parent: Weights, inputs: ChannelMap) -> Weights:
    """Copy the weights of a dense layer or a convolution."""
    outputs = map_by_index(child["kernel"].shape[-1], parent["kernel"].shape[-1])
    kernel = _overlay_mixing(child["kernel"], parent["kernel"], inputs, outputs)
    return {"kernel": kernel, **_copy_bias(child, parent, outputs)}


def _copy_depthwise(child: Weights, parent: Weights, inputs: ChannelMap) -> Weights:
    multiplier = map_by_index(child["kernel"].shape[-1], parent["kernel"].shape[-1])
    kernel = _overlay(child["kernel"], parent["kernel"], inputs, multiplier)
    outputs = map_depthwise(inputs, child["kernel"], parent["kernel"])
    return {"kernel": kernel, **_copy_bias(child, parent, outputs)}


def _copy_separable(child: Weights, parent: Weights, inputs: ChannelMap) -> Weights:
    depthwise, pointwise = "depthwise_kernel", "pointwise_kernel"
    multiplier = map_by_index(child[depthwise].shape[-1], parent[depthwise].shape[-1])
    between = map_depthwise(inputs, child[depthwise], parent[depthwise])
    outputs = map_by_index(child[pointwise].shape[-1], parent[pointwise].shape[-1])
    return {
        depthwise: _overlay(child[depthwise], parent[depthwise], inputs, multiplier),
        pointwise: _overlay_mixing(child[pointwise], parent[pointwise], between, outputs),
        **_copy_bias(child, parent, outputs),
    }


def _copy_if_equal_shapes(child: Weights, parent: Weights) -> Weights:
    """Copy all weights if all shapes agree, otherwise none."""
    shapes, parent_shapes = ({name: values.shape for name, values in each.items()} for each in (child, parent))
    return dict(parent) if shapes == parent_shapes else {}


def _copy_grouped(child: Weights, parent: Weights, _: ChannelMap) -> Weights:
    """Copy a grouped convolution; only its window may differ, because other groups would mix other channels."""
    if child["kernel"].shape[-2:] != parent["kernel"].shape[-2:]:
        return {}
    rows, columns = (np.arange(length) for length in child["kernel"].shape[-2:])
    kernel = _overlay_mixing(child["kernel"], parent["kernel"], rows, columns)
    return {"kernel": kernel, **_copy_bias(child, parent, columns)}


_RULES: dict[str, Callable[[Weights, Weights, ChannelMap], Weights]] = {
    "Dense": _copy_dense,
    "Conv1D": _copy_dense,
    "Conv2D": _copy_dense,
    "Conv3D": _copy_dense,
    "DepthwiseConv1D": _copy_depthwise,
    "DepthwiseConv2D": _copy_depthwise,
    "SeparableConv1D": _copy_separable,
    "SeparableConv2D": _copy_separable,
    "BatchNormalization": _copy_vectors,
}
