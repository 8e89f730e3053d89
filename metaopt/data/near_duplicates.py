"""Near-duplicate images, found by perceptual hashes and confirmed by the correlation of their pixels.

The hash is pHash as in the library ImageHash (``imagehash.phash``): which of the 8×8 lowest frequencies of a discrete
cosine transform of the grey image at 32×32 pixels are above their median. It is computed for all images at once here.
In the transform a mirrored image differs by the signs of odd horizontal frequencies alone, so mirror images are found
at no cost, which ImageHash does not offer.
"""

import functools
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from metaopt.data.images import Images

SIDE = 32
"""Side of the grey images in pixels."""

_LOW = 8  # lowest frequencies of each axis: 64 bits
DISTANCE = 20
"""Largest Hamming distance of the hashes of two images that are compared further; of unequal ones it is 31 ± 4 bits."""

CORRELATION = 0.95
"""Smallest correlation of the pixels of near-duplicates, at the best of small shifts."""

EQUAL_CORRELATION = 0.9999
"""The same where different images look alike, so that only equal or mirrored pixels tell near-duplicates."""

SMALL = 24
"""Side in pixels below which different images look alike."""

ALIKE_CORRELATION, ALIKE_SHARE = 0.8, 0.02
"""Different images look alike where this share of random pairs correlates so much, and less than near-duplicates do.

Measured at 32×32: 0.05 % of the pairs of 4,000 photographs of CIFAR-10, 8 % of handwritten digits.
"""

MOST_SHARE = 0.2
"""Share of near-duplicates among random pairs, as of the frames of five scenes, from which images look alike, too."""

_EQUAL_DISTANCE = 2
_ROUNDING = 1e-6  # of correlations and cosines of equal images
_SHIFT = 2  # pixels of 32 in each direction
_SHIFTS = tuple(product(range(2 * _SHIFT + 1), repeat=2))  # (down, right) in an image that is padded by so much
_NO_CONTRAST = 1e-3  # of sums of squares of grey levels
_BATCH = 1024
_SAMPLE = 128  # images, compared with as many others
_MIRROR = (-1.0) ** np.arange(_LOW)  # signs of the horizontal frequencies of a mirror image
_COSINES = 2 * np.cos(np.pi / SIDE * np.outer(np.arange(_LOW), np.arange(SIDE) + 0.5))  # of the transform, (8, 32)

Grey = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """From where on two images of a data set count as near-duplicates.

    Attributes:
        correlation: smallest correlation of their pixels, at the best of small shifts.
        reason: why it is not ``CORRELATION``, as the end of a sentence; empty where it is.
    """

    correlation: float = CORRELATION
    reason: str = ""


@dataclass(frozen=True)
class NearDuplicate:
    """Two images that look the same.

    Attributes:
        first: index of one image.
        second: index of the other one, larger than ``first``.
        correlation: correlation of their pixels, at most 1.
        is_mirrored: whether one is like the mirror image of the other.
    """

    first: int
    second: int
    correlation: float
    is_mirrored: bool


def shrink(images: Images) -> Grey:
    """Return grey images ``(n, 32, 32)`` in 0..255.

    Args:
        images: images of 1 to 4 channels, of which a fourth is not read; of other numbers the mean is grey.
    """
    found = np.empty((len(images), SIDE, SIDE), np.float32)
    for start in range(0, len(images), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(images)))
        pixels, _ = images.batch(rows)
        for row, image in zip(rows, pixels, strict=True):
            found[row] = np.asarray(_grey(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float32)
    return found


def hash_images(low: Floats) -> tuple[Hashes, Hashes]:
    """Return the perceptual hash of each image and that of its mirror image, ``(n,)`` each.

    Args:
        low: their lowest frequencies, ``(n, 8, 8)``, see ``low_frequencies``.
    """
    return _pack(low), _pack(low * _MIRROR)


def find_threshold(grey: Grey, side: int = SIDE) -> Threshold:
    """Return from where on two images count as near-duplicates: more where the images of the set look alike.

    Args:
        grey: images ``(n, 32, 32)``, see ``shrink``.
        side: smaller side of the original images in pixels.
    """
    if side < SMALL:
        return Threshold(EQUAL_CORRELATION, f"images of less than {SMALL} pixels look alike")
    rng = np.random.default_rng(0)
    rows = rng.choice(len(grey), min(_SAMPLE, len(grey)), replace=False)
    pairs = [correlate(grey[row], grey[rows[place + 1 :]]) for place, row in enumerate(rows)]
    found = np.concatenate(pairs) if len(rows) > 1 else np.zeros(1)
    near, alike = np.mean(found >= CORRELATION), np.mean((found >= ALIKE_CORRELATION) & (found < CORRELATION))
    if alike < ALIKE_SHARE and (near < MOST_SHARE or len(rows) < _SAMPLE):
        return Threshold()
    return Threshold(
        EQUAL_CORRELATION, f"{near + alike:.0%} of random pairs correlate at {ALIKE_CORRELATION:g} or more"
    )


def find_near_duplicates(grey: Grey, threshold: Threshold) -> list[NearDuplicate]:
    """Return all pairs of images that look the same, the most alike first.

    Pairs of hashes are compared in O(n²), at about 1e8 pairs per second.

    Args:
        grey: images ``(n, 32, 32)``, see ``shrink``. Those without any contrast are not compared.
        threshold: from where on two images count, see ``find_threshold``.
    """
    distance = _EQUAL_DISTANCE if threshold.correlation >= EQUAL_CORRELATION else DISTANCE
    # The lowest frequencies of a photograph hold more than half of its energy. If all that differs is in them, their
    # cosine is this; the rest of the pixels need not be compared below it.
    least_cosine = 1 - 2 * (1 - threshold.correlation) - _ROUNDING
    least = threshold.correlation - _ROUNDING
    low = low_frequencies(grey)
    hashes, mirrored = hash_images(low)
    contents, mirrored_contents = _normalise(low), _normalise(low * _MIRROR)
    found: list[NearDuplicate] = []
    for first in range(len(grey) - 1):
        moved = _normalise(_low(_moved(grey[first], "edge"))).T
        best: dict[int, NearDuplicate] = {}
        for is_mirrored, others, theirs in ((False, hashes, contents), (True, mirrored, mirrored_contents)):
            seconds = first + 1 + np.flatnonzero(np.bitwise_count(hashes[first] ^ others[first + 1 :]) <= distance)
            near = seconds[(theirs[seconds] @ moved).max(axis=1) >= least_cosine]
            values = correlate(grey[first], grey[near][:, :, ::-1] if is_mirrored else grey[near])
            for second, value in zip(near.tolist(), values.tolist(), strict=True):
                if value >= least and (second not in best or value > best[second].correlation):
                    best[second] = NearDuplicate(first, second, min(1.0, value), is_mirrored)
        found += best.values()
    return sorted(found, key=lambda pair: (-pair.correlation, pair.first, pair.second))


def correlate(image: Grey, others: Grey) -> Floats:
    """Return the largest correlation of an image with each of others over small shifts, by the pixels that both have.

    Args:
        image: ``(32, 32)``.
        others: ``(n, 32, 32)``.

    Returns:
        Correlations ``(n,)``, -1 where either has no contrast.
    """
    if not len(others):
        return np.empty(0)
    rows = others.reshape(len(others), -1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)  # sums of small numbers are exact enough to subtract
    pixels = _moved(image.astype(np.float64) - image.mean(), "constant").reshape(len(_SHIFTS), -1)
    both = _overlaps()
    n, sums = both.sum(axis=1), rows @ both.T
    own = (pixels**2).sum(axis=1) - pixels.sum(axis=1) ** 2 / n
    norms = np.sqrt(np.maximum(own, 0) * np.maximum(rows**2 @ both.T - sums**2 / n, 0))
    found: Floats = np.divide(
        *(rows @ pixels.T - sums * pixels.sum(axis=1) / n, norms),
        out=np.full(norms.shape, -1.0),
        where=norms > _NO_CONTRAST,
    ).max(axis=1)
    return found


def low_frequencies(grey: Grey) -> Floats:
    """Return the lowest frequencies of each image, ``(n, 8, 8)``, the mean first.

    Args:
        grey: images ``(n, 32, 32)``, see ``shrink``.
    """
    found = np.empty((len(grey), _LOW, _LOW))
    for start in range(0, len(grey), _BATCH):  # as float64, all of them may not fit
        found[start : start + _BATCH] = _low(grey[start : start + _BATCH])
    return found


def _low(grey: Grey | Floats) -> Floats:
    found: Floats = _COSINES @ grey @ _COSINES.T
    return found


@functools.cache
def _overlaps() -> Floats:
    """Return 1 where two images both have a pixel, for each of the small shifts, ``(25, 1024)``."""
    return _moved(np.ones((SIDE, SIDE)), "constant").reshape(len(_SHIFTS), -1)


def _moved(image: Grey | Floats, padding: Literal["edge", "constant"]) -> Floats:
    """Return an image ``(32, 32)`` moved by each of the small shifts, ``(25, 32, 32)``."""
    padded = np.pad(image, _SHIFT, padding)
    return np.stack([padded[down : down + SIDE, right : right + SIDE] for down, right in _SHIFTS])


def _grey(image: npt.NDArray[np.uint8]) -> Image.Image:
    channels = image.shape[-1]
    if channels == 1:
        return Image.fromarray(image[..., 0])
    if channels in (3, 4):
        return Image.fromarray(image[..., :3]).convert("L")
    return Image.fromarray(image.mean(axis=-1).astype(np.uint8))


def _normalise(low: Floats) -> npt.NDArray[np.float32]:
    """Return the frequencies without the mean as vectors of length 1, ``(n, 63)``; 0 for an image without contrast."""
    rows = low.reshape(len(low), -1)[:, 1:]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-6).astype(
        np.float32
    )
    return found


def _pack(low: Floats) -> Hashes:
    """Return the 64 bits of each image as a number, the lowest frequency first."""
    values = low.reshape(len(low), -1)
    bits = values > np.median(values, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()
