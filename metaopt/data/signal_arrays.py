"""Signals in memory: recognition in arrays, fitting to a length, and the data set of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import describe_outputs, digest_images, fingerprint
from metaopt.data.images import ArrayImages, LabelArray
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import UserError
from metaopt.outputs import Output
from metaopt.quantities import ImageSize

SignalArray = npt.NDArray[np.float32]
"""Signals ``(n, length, channels)``, or volumes ``(n, depth, height, width, channels)``."""
LabelledSignals = tuple[SignalArray, dict[str, LabelArray]]

INPUT = "input"
"""Array of a ``.npz`` file that says what ``x_train`` holds, where its shape does not tell."""

SIGNAL, IMAGE, VOLUME = "signal", "image", "volume"
_MOST_CHANNELS = 16
_SHORTEST = 4  # times the number of channels
_CHUNK = 1024  # signals checked at a time


def infer_input(values: npt.NDArray[Any]) -> str:
    """Return what an array holds: ``"signal"``, ``"image"`` or ``"volume"``.

    Arrays of two axes ``(n, length)`` are signals, those of four images, those of five volumes. One of three is ``(n,
    length, channels)`` if it is neither uint8 nor bool, has at most 16 channels, and is at least four times as long;
    else it holds grey images ``(n, height, width)``.
    """
    if values.ndim != 3:
        return {2: SIGNAL, 5: VOLUME}.get(values.ndim, IMAGE)
    _, length, channels = values.shape
    is_long = 0 < channels <= _MOST_CHANNELS and length >= _SHORTEST * channels
    return SIGNAL if is_long and values.dtype.kind in "iuf" and values.dtype != np.uint8 else IMAGE


def to_signals(values: npt.NDArray[Any], where: str, kind: str = SIGNAL) -> SignalArray:
    """Return signals as float32 ``(n, length, channels)``; those of ``(n, length)`` get a channel axis.

    Args:
        values: signals, or volumes ``(n, depth, height, width)`` with or without a channel axis.
        where: their name in messages.
        kind: ``"signal"`` or ``"volume"``.

    Raises:
        UserError: The number of axes is another, one is empty, or a value is no finite number in the range of float32.
    """
    axes = ("depth", "height", "width") if kind == VOLUME else ("length",)
    without_channels = 1 + len(axes)
    if values.ndim not in (without_channels, without_channels + 1) or 0 in values.shape:
        names = ", ".join(("n", *axes))
        raise UserError(f"Invalid shape of {where}: {values.shape}. Expected ({names}) or ({names}, channels).")
    if values.dtype.kind not in "iufb":
        raise UserError(f"Invalid type of {where}: {values.dtype}. Expected numbers.")
    signals = values[..., None] if values.ndim == without_channels else values
    result = np.empty(signals.shape, np.float32)
    for start in range(0, len(signals), _CHUNK):
        chunk = result[start : start + _CHUNK]
        with np.errstate(over="ignore"):  # becomes infinite, which is refused
            chunk[...] = signals[start : start + _CHUNK]
        if not (is_finite := np.isfinite(chunk)).all():
            row, *position, channel = map(int, np.argwhere(~is_finite)[0])
            place = position[0] if len(position) == 1 else tuple(position)
            value = signals[(start + row, *position, channel)]
            raise UserError(
                f"Invalid number in {where}: {kind} {start + row}, position {place}, channel {channel} is {value}."
                " Expected finite numbers."
            )
    return result


def fit_length(signals: SignalArray, length: int) -> SignalArray:
    """Cut signals ``(…, length, channels)`` to their centre, or pad them with zeros at both ends."""
    own = signals.shape[-2]
    if own >= length:
        first = (own - length) // 2
        return signals[..., first : first + length, :]
    before = (length - own) // 2
    ends = [(0, 0)] * (signals.ndim - 2) + [(before, length - own - before), (0, 0)]
    return np.pad(signals, ends)


def check_length(size: ImageSize | None) -> int | None:
    """Return the length of signals that the user sets.

    Raises:
        UserError: It is a height and a width.
    """
    if isinstance(size, str):
        raise UserError(
            f"Invalid value for image_size: {size}. The data are signals: expected one integer, their length in"
            " positions.",
            "image_size",
        )
    return size


def from_signals(
    name: str,
    train: LabelledSignals,
    test: LabelledSignals | None,
    outputs: Mapping[str, Output],
    size: ImageSize | None,
    notes: list[str],
) -> UnsplitData:
    """Build a data set from signals in memory; the fingerprint is that of the signals before they are cut or padded.

    Args:
        name: short name for display.
        train: signals and targets, those of the validation split among them.
        test: the same of the test split, or None.
        outputs: head → kind of its targets.
        size: length in positions; None keeps it. Volumes keep their own size.
        notes: messages for the user.

    Raises:
        UserError: ``size`` is a height and a width, or the data are volumes.
    """
    signals, labels = train
    is_volume = signals.ndim > 3
    if is_volume and size is not None:
        raise UserError(
            f"Invalid value for image_size: {size}. The data are volumes, which keep their size: resize them yourself.",
            "image_size",
        )
    length = check_length(size) or signals.shape[1]
    contents = [digest_images(signals)] + ([] if test is None else [digest_images(test[0])])
    shape = (length, *signals.shape[2:])
    # Studies store the fingerprint, so the keys never change.
    kind = VOLUME if is_volume else SIGNAL
    heading = {**describe_outputs(outputs), "input": kind, "shape": list(shape), "own": list(signals.shape[1:])}
    return UnsplitData(
        name=name,
        images=ArrayImages(signals if is_volume else fit_length(signals, length), labels),
        digests=contents[0],
        test=None if test is None else ArrayImages(test[0] if is_volume else fit_length(test[0], length), test[1]),
        test_digests=contents[-1] if test is not None else np.zeros(0, np.uint64),
        outputs=dict(outputs),
        shape=shape,
        default_augmentation="none",
        fingerprint=fingerprint(heading, [labels] + ([] if test is None else [test[1]]), contents),
        notes=notes,
    )
