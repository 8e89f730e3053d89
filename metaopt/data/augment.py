"""Augmentation of a batch, in training only and outside the model: flips, shifts, colours, cutout, mixup.

Keras' random layers would stay active in ``model(x)`` and in exported files, so the network gets none.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Augment = Literal["none", "flip", "shift", "flip+shift", "flip+shift+colour"]
KINDS: tuple[Augment, ...] = ("none", "flip", "shift", "flip+shift", "flip+shift+colour")

SHIFT_SHARE = 8
"""A shift is at most the side divided by this (4 of 32 pixels, as is usual for CIFAR), and at least one pixel."""

COLOUR_SHARE = 0.2
"""Contrast and saturation are multiplied by 1 ± at most this, and brightness is moved by half of it."""


def augment(images: npt.NDArray[np.uint8], kind: Augment, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draws one variant of each image; the same generator state gives the same variants.

    Args:
        images: ``(n, h, w, c)``; left as it is.
        kind: ``flip`` mirrors left and right with probability 1/2; ``shift`` moves by whole pixels in both directions
            and mirrors nothing, for images whose mirror image means something else, as digits; ``flip+shift`` does
            both; ``flip+shift+colour`` changes brightness, contrast and saturation as well; ``none`` does nothing.
        rng: the source of all that is drawn.

    Returns:
        ``(n, h, w, c)``; the argument itself for ``none``.
    """
    if "flip" in kind:
        images = _flip(images, rng)
    if "shift" in kind:
        images = _shift(images, rng)
    if "colour" in kind:
        images = _recolour(images, rng)
    return images


def cut_out(images: npt.NDArray[np.float32], length: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Sets a square of each image to 0 (DeVries & Taylor 2017, arXiv:1708.04552, section 3.2).

    The square's centre is any pixel of the image with equal probability, so that a part of it may lie outside.

    Args:
        images: ``(n, h, w, c)``, scaled so that 0 is a middle grey; left as they are.
        length: the square's side in pixels; half of the image's shorter side where it is longer. 0 for no square.
        rng: the source of the centres.
    """
    n, height, width, _ = images.shape
    length = min(length, height // 2, width // 2)
    if length < 1:
        return images
    rows = _covered(height, length, n, rng)
    columns = _covered(width, length, n, rng)
    covered = rows[:, :, None] & columns[:, None, :]
    return np.where(covered[..., None], np.float32(0), images)


def _covered(side: int, length: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which pixels along one side the squares cover, ``(n, side)``."""
    first = rng.integers(0, side, size=(n, 1)) - length // 2
    pixels = np.arange(side)
    return (pixels >= first) & (pixels < first + length)


def mix_up(
    images: npt.NDArray[np.float32],
    labels: Mapping[str, npt.NDArray[np.float32]],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[np.float32]]]:
    """Mixes each image of a batch with another one, and their labels alike (Zhang et al. 2018, arXiv:1710.09412).

    As in the paper's figure 1, the batch is mixed with itself in another order, in shares λ and 1 − λ that are the
    same for the whole batch, λ ~ Beta(α, α).

    Args:
        images: ``(n, h, w, c)``; left as they are.
        labels: head → probabilities ``(n, classes)``.
        alpha: α; 0 mixes nothing.
        rng: the source of λ and of the order.
    """
    if alpha <= 0:
        return images, dict(labels)
    share = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(images))

    def mixed(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return share * values + (1 - share) * values[other]

    return mixed(images), {head: mixed(values) for head, values in labels.items()}


def _flip(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    mirrored = rng.random(len(images)) < 0.5
    result = images.copy()
    result[mirrored] = images[mirrored, :, ::-1]
    return result


def _recolour(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Contrast around each image's mean, saturation around each pixel's grey, then brightness.

    The kinds of colour jitter that Krizhevsky et al. (2012) began and Inception took up (Howard 2013, arXiv:1312.5402).
    """
    contrast, saturation, brightness = COLOUR_SHARE * rng.uniform(-1, 1, (3, len(images), 1, 1, 1)).astype(np.float32)
    values = images.astype(np.float32)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    values = mean + (values - mean) * (1 + contrast)
    grey = values.mean(axis=3, keepdims=True)
    values = grey + (values - grey) * (1 + saturation)
    values += 255 / 2 * brightness
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


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
