"""Augmentation of a batch, in training only and outside the model.

Keras' random layers would stay active in ``model(x)`` and in exported files, so the network gets none.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

Augment = Literal["none", "flip", "shift"]
KINDS: tuple[Augment, ...] = ("none", "flip", "shift")

SHIFT_SHARE = 8
"""A shift is at most the side divided by this (4 of 32 pixels, as is usual for CIFAR), and at least one pixel."""


def augment(images: npt.NDArray[np.uint8], kind: Augment, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draws one variant of each image; the same generator state gives the same variants.

    Args:
        images: ``(n, h, w, c)``; left as it is.
        kind: ``flip`` mirrors left and right with probability 1/2; ``shift`` moves by whole pixels in both directions
            and mirrors nothing, for images whose mirror image means something else, as digits; ``none`` does nothing.
        rng: the source of all that is drawn.

    Returns:
        ``(n, h, w, c)``; the argument itself for ``none``.
    """
    if kind == "flip":
        return _flip(images, rng)
    if kind == "shift":
        return _shift(images, rng)
    return images


def _flip(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    mirrored = rng.random(len(images)) < 0.5
    result = images.copy()
    result[mirrored] = images[mirrored, :, ::-1]
    return result


def _shift(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    n, height, width, _ = images.shape
    rows = _shifted(height, n, rng)  # (n, h)
    columns = _shifted(width, n, rng)  # (n, w)
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _shifted(side: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The source pixel of each pixel along one side, ``(n, side)``.

    What comes in from outside repeats the border pixel: a digit's empty border stays empty, and a photograph gets no
    black edge that would tell the network about the shift.
    """
    reach = max(1, side // SHIFT_SHARE)
    offsets = rng.integers(-reach, reach, size=n, endpoint=True)
    return np.clip(np.arange(side) + offsets[:, None], 0, side - 1)
