"""Data augmentation of training batches: flip, shift, colour jitter, noise, scaling, cutout and mixup.

Augmentation runs outside the model, because Keras' random layers would stay active in ``model(x)`` and in exported
files.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

ImageAugmentation = Literal["none", "flip", "shift", "flip+shift", "flip+shift+colour"]
SignalAugmentation = Literal[
    "none", "shift", "scale", "noise", "shift+scale", "shift+noise", "scale+noise", "shift+scale+noise"
]
Augmentation = ImageAugmentation | SignalAugmentation
IMAGE_AUGMENTATIONS: tuple[ImageAugmentation, ...] = get_args(ImageAugmentation)
SIGNAL_AUGMENTATIONS: tuple[SignalAugmentation, ...] = get_args(SignalAugmentation)
AUGMENTATIONS: tuple[Augmentation, ...] = tuple(dict.fromkeys((*IMAGE_AUGMENTATIONS, *SIGNAL_AUGMENTATIONS)))

SHIFT_DIVISOR = 8
"""The largest shift is the image side divided by this, at least one pixel (4 of 32 pixels, as is usual for CIFAR)."""

SIGNAL_SCALING = 0.1
SIGNAL_NOISE = 0.05
"""Standard deviations of the factor of a signal's channel, and of noise in standard deviations of the channel: those of
scaling and jittering in the code of Um et al. 2017 (doi:10.1145/3136755.3136817)."""

COLOUR_STRENGTH = 0.2
"""Contrast and saturation are multiplied by 1 ± at most this; brightness changes by at most half of it."""


def augment(
    images: npt.NDArray[np.uint8], augmentation: Augmentation, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Return one random variant of each image; the same generator state gives the same variants.

    Args:
        images: ``(n, h, w, c)``; not modified.
        augmentation: ``flip`` mirrors left and right with probability 1/2; ``shift`` moves by whole pixels in both
            directions and does not mirror, for images whose mirror images mean something else, such as digits;
            ``flip+shift`` does both; ``flip+shift+colour`` also changes brightness, contrast and, of three channels,
            saturation; ``none`` does nothing.
        rng: random generator.

    Returns:
        ``(n, h, w, c)``; the argument itself for ``none``.
    """
    if "flip" in augmentation:
        images = _random_flip(images, rng)
    if "shift" in augmentation:
        images = _random_shift(images, rng)
    if "colour" in augmentation:
        images = _colour_jitter(images, rng)
    return images


def augment_together(
    images: npt.NDArray[np.uint8],
    others: Sequence[npt.NDArray[np.uint8]],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.uint8]]]:
    """Return a random variant of each image, and others whose pixels are moved in the same way.

    Args:
        images: ``(n, h, w, c)``.
        others: each ``(n, h, w, any)``, e.g. targets and masks; their colours are kept.
        augmentation: see ``augment``.
        rng: random generator.
    """
    parts = [images, *others]
    bounds = np.cumsum([part.shape[3] for part in parts])[:-1]
    joint = np.concatenate(parts, axis=3)
    if "flip" in augmentation:
        joint = _random_flip(joint, rng)
    if "shift" in augmentation:
        joint = _random_shift(joint, rng)
    moved, *rest = np.split(joint, bounds, axis=3)
    return (_colour_jitter(moved, rng) if "colour" in augmentation else moved), rest


def augment_signals(
    signals: npt.NDArray[np.float32], augmentation: Augmentation, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return one random variant of each signal.

    Args:
        signals: standardised signals ``(n, length, channels)``, or volumes, which are not shifted; not modified.
        augmentation: ``shift`` moves by whole positions, at most an eighth of the length; the first or last value is
            repeated. ``scale`` multiplies each channel by a factor around 1. ``noise`` adds Gaussian noise.
        rng: random generator.
    """
    n, length, *_, channels = signals.shape
    if "shift" in augmentation:
        positions = _draw_shifted_indices(length, n, rng)
        signals = signals[np.arange(n)[:, None], positions]
    if "scale" in augmentation:
        signals = signals * rng.normal(1, SIGNAL_SCALING, (n, *(1,) * (signals.ndim - 2), channels)).astype(np.float32)
    if "noise" in augmentation:
        signals = signals + SIGNAL_NOISE * rng.standard_normal(signals.shape, np.float32)
    return signals


def cutout(images: npt.NDArray[np.float32], length: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Apply cutout: set a square of each image to 0 (DeVries & Taylor 2017, arXiv:1708.04552, section 3.2).

    The centre is drawn uniformly from the pixels of the image, so the square may extend beyond the border. Of a signal,
    it is a window.

    Args:
        images: ``(n, h, w, c)``, scaled so that 0 is middle grey, or signals ``(n, length, c)``; not modified.
        length: side of the square in pixels, at most half of the shorter image side; 0 disables cutout.
        rng: random generator.
    """
    n, *sides, _ = images.shape
    length = min(length, *[side // 2 for side in sides])
    if length < 1:
        return images
    covered = _draw_covered(sides[0], length, n, rng)
    for side in sides[1:]:
        more = _draw_covered(side, length, n, rng)
        covered = covered[..., None] & more.reshape(n, *(1,) * (covered.ndim - 1), side)
    return np.where(covered[..., None], np.float32(0), images)


def _draw_covered(side: int, length: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which pixels along one side each square covers, ``(n, side)``."""
    first = rng.integers(0, side, size=(n, 1)) - length // 2
    pixels = np.arange(side)
    return (pixels >= first) & (pixels < first + length)


def mixup(
    images: npt.NDArray[np.float32],
    labels: Mapping[str, npt.NDArray[np.float32]],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[np.float32]]]:
    """Apply mixup: mix each image and its labels with another image of the batch (Zhang et al. 2018, arXiv:1710.09412).

    As in figure 1 of the paper, the batch is mixed with a permutation of itself, with weights λ and 1 − λ that are the
    same for the whole batch, λ ~ Beta(α, α).

    Args:
        images: ``(n, h, w, c)``; not modified.
        labels: head → float32 ``(n, …)``, e.g. probabilities.
        alpha: α; 0 disables mixup.
        rng: random generator.

    Returns:
        The mixed images and labels.
    """
    if alpha <= 0:
        return images, dict(labels)
    weight = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(images))

    def mix(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return weight * values + (1 - weight) * values[other]

    return mix(images), {head: mix(values) for head, values in labels.items()}


def _random_flip(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    mirrored = rng.random(len(images)) < 0.5
    result = images.copy()
    result[mirrored] = images[mirrored, :, ::-1]
    return result


def _colour_jitter(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Change contrast around each image's mean, saturation around each pixel's grey, then brightness.

    Colour jitter as in Howard 2013 (arXiv:1312.5402). Bands other than three have no common grey, so their saturation
    is kept: the bands are brightened together, as by another exposure.
    """
    contrast, saturation, brightness = COLOUR_STRENGTH * rng.uniform(-1, 1, (3, len(images), 1, 1, 1)).astype(
        np.float32
    )
    values = images.astype(np.float32)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    values = mean + (values - mean) * (1 + contrast)
    if images.shape[3] == 3:
        grey = values.mean(axis=3, keepdims=True)
        values = grey + (values - grey) * (1 + saturation)
    values += 255 / 2 * brightness
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _random_shift(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    n, height, width, _ = images.shape
    rows = _draw_shifted_indices(height, n, rng)  # (n, h)
    columns = _draw_shifted_indices(width, n, rng)  # (n, w)
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _draw_shifted_indices(side: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the original index of each shifted pixel along one side, ``(n, side)``.

    Border pixels are repeated: the empty border of a digit stays empty, and a photograph gets no black edge that would
    reveal the shift to the network.
    """
    reach = max(1, side // SHIFT_DIVISOR)
    offsets = rng.integers(-reach, reach, size=n, endpoint=True)
    return np.clip(np.arange(side) + offsets[:, None], 0, side - 1)
