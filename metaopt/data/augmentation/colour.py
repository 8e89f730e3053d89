"""Colours of images: random brightness, contrast and saturation, and lookup tables of single operations.

All of it is integer arithmetic or elementwise: the same on every machine.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from metaopt.problems.augmentation_policy import AugmentationPolicy

Pixels = npt.NDArray[np.uint8]
Factors = npt.NDArray[np.float64]
"""Factor of each image, ``(n,)``."""
Tables = npt.NDArray[np.uint8]
"""New value of each old one, for each channel of each image, ``(n, c, 256)``."""

_GREY = (19595, 38470, 7471)  # ITU-R 601 in 1/65536, as Pillow's conversion to L
_CHUNK = 2**16  # numbers of one pass, which fit into the cache of a core


def to_grey(images: Pixels) -> Pixels:
    """Return the grey of RGB images ``(n, h, w, 3)``, ``(n, h, w)``, as Pillow computes it."""
    red, green, blue = (images[..., channel].astype(np.uint32) * weight for channel, weight in enumerate(_GREY))
    return ((red + green + blue + 0x8000) >> 16).astype(np.uint8)


def mean_grey(images: Pixels) -> Factors:
    """Return the mean grey of each image, ``(n,)``; of images that have not three channels, the mean of all."""
    means = np.empty(len(images))
    for part in _split(images):
        values = to_grey(images[part]) if images.shape[3] == 3 else images[part]
        flat = values.reshape(len(values), -1)
        means[part] = flat.sum(axis=1, dtype=np.int64) / flat.shape[1]
    return means


def jitter(images: Pixels, policy: AugmentationPolicy, rng: np.random.Generator) -> Pixels:
    """Change brightness, contrast and saturation of each image by random factors of 1 ± at most the strength.

    Brightness scales all pixels, contrast their differences from the image's mean grey, and saturation those from the
    pixel's own grey, as in Pillow's ``ImageEnhance`` and colour jitter (Howard 2013, arXiv:1312.5402), but in one step.
    Images that have not three channels have no saturation.

    Args:
        images: ``(n, h, w, c)``; not modified.
        policy: strengths.
        rng: random generator.

    Returns:
        The argument itself where all strengths are 0.
    """
    n = len(images)

    def draw(strength: float) -> Factors:
        return rng.uniform(1 - strength, 1 + strength, n) if strength else np.ones(n)

    brightness, contrast, saturation = map(draw, (policy.brightness, policy.contrast, policy.saturation))
    if not (policy.brightness or policy.contrast or (policy.saturation and images.shape[3] == 3)):
        return images
    constant = (1 - contrast) * brightness * mean_grey(images)
    scale = contrast * brightness
    if images.shape[3] != 3:
        return _combine(images, scale, np.zeros(n), constant)
    return _combine(images, saturation * scale, (1 - saturation) * scale, constant)


def saturate(images: Pixels, factors: Factors) -> Pixels:
    """Scale the differences of each pixel from its grey; images that have not three channels stay as they are."""
    if images.shape[3] != 3:
        return images
    return _combine(images, factors, 1 - factors, np.zeros(len(images)))


def sharpen(images: Pixels, factors: Factors) -> Pixels:
    """Scale the differences of images from their blurred versions, except at the border, as Pillow's ``Sharpness``.

    Args:
        images: ``(n, h, w, c)``; not modified.
        factors: 0 for the blurred image, 1 for the image itself, 2 for a sharper one.
    """
    if min(images.shape[1:3]) < 3:
        return images
    wide = images.astype(np.int32)
    height, width = images.shape[1:3]
    windows = [wide[:, row : height - 2 + row, column : width - 2 + column] for row in range(3) for column in range(3)]
    total = np.sum(windows, axis=0) + 4 * windows[4]  # the kernel of Pillow's SMOOTH: 5 in the middle, 1 around it
    blurred = (2 * total + 13) // 26  # rounded
    inner = blurred + factors[:, None, None, None] * (windows[4] - blurred)
    sharpened = images.copy()
    sharpened[:, 1:-1, 1:-1] = _to_pixels(inner)
    return sharpened


def apply_tables(images: Pixels, tables: Tables) -> Pixels:
    """Return images ``(n, h, w, c)`` with the new values of their pixels."""
    n, _, _, channels = images.shape
    first = (np.arange(n * channels) * 256).reshape(n, 1, 1, channels)
    changed = np.empty_like(images)
    for part in _split(images):
        changed[part] = tables.ravel().take(first[part] + images[part])
    return changed


def brightness_tables(images: Pixels, factors: Factors) -> Tables:
    """Return tables that scale all pixels."""
    return _linear_tables(images, factors, np.zeros(len(images)))


def contrast_tables(images: Pixels, factors: Factors) -> Tables:
    """Return tables that scale the differences from the mean grey."""
    return _linear_tables(images, factors, (1 - factors) * mean_grey(images))


def solarize_tables(images: Pixels, thresholds: npt.NDArray[np.int64]) -> Tables:
    """Return tables that invert the pixels from a threshold of each image on, ``(n,)``."""
    values = np.arange(256)
    tables = np.where(values < thresholds[:, None], values, 255 - values)
    return _for_channels(tables, images)


def posterize_tables(images: Pixels, bits: npt.NDArray[np.int64]) -> Tables:
    """Return tables that keep the upper bits, whose number is given for each image, ``(n,)``."""
    return _for_channels(np.arange(256) & (0xFF00 >> bits[:, None]), images)


def autocontrast_tables(images: Pixels) -> Tables:
    """Return tables that stretch each channel to 0..255; a constant channel stays as it is."""
    lowest, highest = (
        reduce(images, axis=(1, 2)).astype(np.int64)[..., None] for reduce in (np.min, np.max)
    )  # (n, c, 1)
    values = np.arange(256)
    scale = 255.0 / np.maximum(highest - lowest, 1)
    stretched = np.clip(values * scale - lowest * scale, 0, 255)
    return np.where(highest > lowest, stretched, values).astype(np.uint8)  # rounded down, as by Pillow


def equalize_tables(images: Pixels) -> Tables:
    """Return tables that make the histogram of each channel flat, as Pillow's ``equalize``."""
    n, _, _, channels = images.shape
    first = (np.arange(n * channels) * 256).reshape(n, 1, 1, channels)
    counts = np.bincount((first + images).ravel(), minlength=n * channels * 256).reshape(n, channels, 256)
    last = 255 - (counts[..., ::-1] > 0).argmax(axis=2, keepdims=True)  # the largest value that occurs
    steps = (counts.sum(axis=2, keepdims=True) - np.take_along_axis(counts, last, axis=2)) // 255
    below = np.cumsum(counts, axis=2) - counts
    equalized = np.minimum((steps // 2 + below) // np.maximum(steps, 1), 255)
    return np.where(steps > 0, equalized, np.arange(256)).astype(np.uint8)


def _linear_tables(images: Pixels, factors: Factors, constants: Factors) -> Tables:
    return _for_channels(_to_pixels(np.arange(256) * factors[:, None] + constants[:, None]), images)


def _for_channels(tables: npt.NDArray[np.integer], images: Pixels) -> Tables:
    """Return tables of images, ``(n, 256)``, repeated for each of their channels."""
    return np.repeat(tables.astype(np.uint8)[:, None], images.shape[3], axis=1)


def _combine(images: Pixels, scale: Factors, of_grey: Factors, constant: Factors) -> Pixels:
    """Return scale · pixel + of_grey · grey + constant, rounded."""
    combined = np.empty_like(images)
    factors = np.stack([scale, of_grey, constant]).astype(np.float32)[..., None, None, None]  # (3, n, 1, 1, 1)
    has_grey = bool(of_grey.any())
    for part in _split(images):
        own_scale, own_of_grey, own_constant = factors[:, part]
        values = images[part] * own_scale + own_constant
        if has_grey:
            grey = own_of_grey[..., 0] * to_grey(images[part])
            for channel in range(3):  # three times as fast as with a last axis of one, which NumPy repeats
                values[..., channel] += grey
        combined[part] = _to_pixels(values)
    return combined


def _split(images: Pixels) -> Iterator[slice]:
    """Yield parts of a batch that fit into the cache of a core."""
    step = max(1, _CHUNK // max(1, math.prod(images.shape[1:])))
    return (slice(first, first + step) for first in range(0, len(images), step))


def _to_pixels(values: npt.NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
