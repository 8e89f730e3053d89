"""What a layer of the child takes from its partner in the parent: the overlap, so placed that the function is kept.

Where the child is wider, new outputs keep the child's own initial weights, and old outputs take nothing from new
inputs: the widened network computes what the parent did. So it does in Net2Net (Chen et al. 2016, arXiv:1511.05641) and
in network morphism (Wei et al. 2016, arXiv:1603.01670); the first copies units for it, the second has zeros on one side
of the new ones, as here: no two channels are the same, and all of them learn. A kernel that has grown is the old one
amid zeros.
"""

from collections.abc import Callable

import numpy as np

Weights = dict[str, np.ndarray]

# For each channel of the child the number of the parent's that it carries, −1 if it is new.
Source = np.ndarray


def straight(width: int, parent: int) -> Source:
    """Channels that correspond one by one, as far as the parent has them."""
    channels = np.arange(width)
    return np.where(channels < parent, channels, -1)


def centred(source: Source, shape: tuple[int, ...], parent: tuple[int, ...]) -> Source:
    """What the channels of an image carry once it is flattened.

    Args:
        source: of its channels, ``(channels,)``.
        shape: of the child's image, (height, width, channels).
        parent: of the parent's. Images of different sizes are aligned at their centres.

    Returns:
        ``(height·width·channels,)``.
    """
    flat = np.zeros((), np.int64)
    inside = np.ones((), bool)
    for length, other in zip(shape[:-1], parent[:-1], strict=True):
        place = np.arange(length) - (length - 1) // 2 + (other - 1) // 2
        flat = flat[..., None] * other + place
        inside = inside[..., None] & (place >= 0) & (place < other)
    flat = flat[..., None] * parent[-1] + source
    return np.where(inside[..., None] & (source >= 0) & (source < parent[-1]), flat, -1).ravel()


def joined(sources: list[Source], parents: list[int]) -> Source:
    """What the channels of a concatenation carry.

    Args:
        sources: of its parts.
        parents: how many channels the parent's parts have.
    """
    ends = np.cumsum([0, *parents])
    parts = zip(sources, parents, ends[:-1], strict=True)
    return np.concatenate([np.where((part >= 0) & (part < n), part + end, -1) for part, n, end in parts])


def copied(kind: str, fresh: Weights, old: Weights, source: Source, groups: tuple[int, int]) -> Weights:
    """The child's new weights, by name.

    Args:
        kind: the name of the Keras class of both layers.
        fresh: the child's weights.
        old: the parent's.
        source: of the child's input.
        groups: of the child's convolution and of the parent's; 1 for any other layer.

    Returns:
        Those that change, none if nothing is taken. A layer that no rule is known for takes all weights of the other
        if all shapes agree.
    """
    if kind not in _RULES:
        return _whole(fresh, old)
    mine, theirs = _taken(fresh), _taken(old)
    if len(source) != mine:  # the channels are not the last axis
        source = straight(mine, theirs)
    return (_RULES[kind] if groups == (1, 1) else _grouped)(fresh, old, source)


def _taken(weights: Weights) -> int:
    """How many channels a layer with these weights takes."""
    for name in ("kernel", "depthwise_kernel"):
        if name in weights:
            return weights[name].shape[-2]
    return len(weights["moving_mean"])


def _overlap(length: int, parent: int) -> tuple[slice, slice]:
    """Where the common part of two lengths lies in each, their centres aligned."""
    shift = (length - 1) // 2 - (parent - 1) // 2
    first, last = max(0, shift), min(length, parent + shift)
    return slice(first, last), slice(first - shift, last - shift)


def _placed(fresh: np.ndarray, old: np.ndarray, rows: Source, columns: Source) -> np.ndarray:
    """The kernel ``(…, rows, columns)`` with the parent's values wherever both row and column are old.

    Beyond the parent's window these are zero.
    """
    rows = np.where(rows < old.shape[-2], rows, -1)
    known_rows, known_columns = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
    here, there = zip(*map(_overlap, fresh.shape[:-2], old.shape[:-2]), strict=True) if fresh.ndim > 2 else ((), ())
    block = np.zeros((*fresh.shape[:-2], len(known_rows), len(known_columns)), fresh.dtype)
    block[here] = old[there][..., rows[known_rows][:, None], columns[known_columns]]
    new = fresh.copy()
    new[..., known_rows[:, None], known_columns] = block
    return new


def _mixed(fresh: np.ndarray, old: np.ndarray, rows: Source, columns: Source) -> np.ndarray:
    """A kernel of which each output takes every input: old outputs take nothing from new inputs."""
    new = _placed(fresh, old, rows, columns)
    unknown = np.flatnonzero((rows < 0) | (rows >= old.shape[-2]))
    new[..., unknown[:, None], np.flatnonzero(columns >= 0)] = 0
    return new


def _vectors(fresh: Weights, old: Weights, source: Source) -> Weights:
    """One number a channel."""
    found = {}
    for name, values in fresh.items():
        if name in old:
            known = (source >= 0) & (source < len(old[name]))
            found[name] = np.where(known, old[name][np.where(known, source, 0)], values)
    return found


def _bias(fresh: Weights, old: Weights, source: Source) -> Weights:
    """Old outputs of a layer whose partner has no bias get none."""
    if "bias" not in fresh:
        return {}
    n = int(source.max(initial=-1)) + 1
    return _vectors({"bias": fresh["bias"]}, {"bias": old.get("bias", np.zeros(n, fresh["bias"].dtype))}, source)


def _dense(fresh: Weights, old: Weights, source: Source) -> Weights:
    """Dense layers and convolutions."""
    outputs = straight(fresh["kernel"].shape[-1], old["kernel"].shape[-1])
    return {"kernel": _mixed(fresh["kernel"], old["kernel"], source, outputs), **_bias(fresh, old, outputs)}


def _depthwise(fresh: Weights, old: Weights, source: Source) -> Weights:
    each = straight(fresh["kernel"].shape[-1], old["kernel"].shape[-1])
    kernel = _placed(fresh["kernel"], old["kernel"], source, each)
    return {"kernel": kernel, **_bias(fresh, old, multiplied(source, fresh["kernel"], old["kernel"]))}


def _separable(fresh: Weights, old: Weights, source: Source) -> Weights:
    depthwise, pointwise = "depthwise_kernel", "pointwise_kernel"
    each = straight(fresh[depthwise].shape[-1], old[depthwise].shape[-1])
    between = multiplied(source, fresh[depthwise], old[depthwise])
    outputs = straight(fresh[pointwise].shape[-1], old[pointwise].shape[-1])
    return {
        depthwise: _placed(fresh[depthwise], old[depthwise], source, each),
        pointwise: _mixed(fresh[pointwise], old[pointwise], between, outputs),
        **_bias(fresh, old, outputs),
    }


def multiplied(source: Source, fresh: np.ndarray, old: np.ndarray) -> Source:
    """What the outputs of a depthwise convolution carry, of which each input has several.

    Args:
        source: of the input.
        fresh: the child's kernel ``(height, width, channels, multiplier)``.
        old: the parent's.
    """
    each = straight(fresh.shape[-1], old.shape[-1])
    source = np.where(source < old.shape[-2], source, -1)
    return np.where((source[:, None] >= 0) & (each >= 0), source[:, None] * old.shape[-1] + each, -1).ravel()


def _whole(fresh: Weights, old: Weights) -> Weights:
    """All weights, if their shapes agree."""
    alike = {name: values.shape for name, values in fresh.items()} == {
        name: values.shape for name, values in old.items()
    }
    return dict(old) if alike else {}


def _grouped(fresh: Weights, old: Weights, _: Source) -> Weights:
    """A convolution in groups: groups of other sizes would mix other channels, so only the window may differ."""
    if fresh["kernel"].shape[-2:] != old["kernel"].shape[-2:]:
        return {}
    same = [np.arange(length) for length in fresh["kernel"].shape[-2:]]
    return {"kernel": _mixed(fresh["kernel"], old["kernel"], same[0], same[1]), **_bias(fresh, old, same[1])}


_RULES: dict[str, Callable[[Weights, Weights, Source], Weights]] = {
    "Dense": _dense,
    "Conv1D": _dense,
    "Conv2D": _dense,
    "Conv3D": _dense,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "BatchNormalization": _vectors,
}


def is_placed(kind: str) -> bool:
    """Whether the weights of such layers are placed by name; those of others are taken as a whole or not at all."""
    return kind in _RULES
