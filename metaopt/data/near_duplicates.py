"""Near-duplicate images, found by perceptual hashes and confirmed by the correlation of their pixels.

The hash is pHash as in the library ImageHash (``imagehash.phash``): which of the 8×8 lowest frequencies of a discrete
cosine transform of the grey image at 32×32 pixels are above their median. It is computed for all images at once here.
In the transform a mirrored image differs by the signs of odd horizontal frequencies alone, so mirror images are found
at no cost, which ImageHash does not offer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

from metaopt.data.images import Images

SIDE = 32
"""Side of the grey images in pixels."""

_LOW = 8  # lowest frequencies of each axis: 64 bits
DISTANCE = 20
"""Largest Hamming distance of the hashes of two images that are compared further; of unequal ones it is 31 ± 4 bits."""

SIMILARITY = 0.8
"""Smallest cosine of the 63 lowest frequencies of two images that are compared by their pixels."""

CORRELATION = 0.95
"""Smallest correlation of the pixels of near-duplicates, at the best of small shifts."""

SMALL = 24
"""Side in pixels below which different images look alike: only equal or mirrored pixels are near-duplicates there."""

_SMALL_DISTANCE, _SMALL_CORRELATION = 2, 0.9999

_SHIFT = 2  # pixels of 32 in each direction
_BATCH = 1024
_MIRROR = (-1.0) ** np.arange(_LOW)  # signs of the horizontal frequencies of a mirror image

Grey = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]


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


def hash_images(low: npt.NDArray[np.float64]) -> tuple[Hashes, Hashes]:
    """Return the perceptual hash of each image and that of its mirror image, ``(n,)`` each.

    Args:
        low: their lowest frequencies, ``(n, 8, 8)``, see ``low_frequencies``.
    """
    return _pack(low), _pack(low * _MIRROR)


def find_near_duplicates(grey: Grey, side: int = SIDE) -> list[NearDuplicate]:
    """Return all pairs of images that look the same, the most alike first.

    Pairs of hashes are compared in O(n²), at about 1e8 pairs per second.

    Args:
        grey: images ``(n, 32, 32)``, see ``shrink``. Those without any contrast are not compared.
        side: smaller side of the original images in pixels.
    """
    distance, least = (_SMALL_DISTANCE, _SMALL_CORRELATION) if side < SMALL else (DISTANCE, CORRELATION)
    low = low_frequencies(grey)
    hashes, mirrored = hash_images(low)
    contents = _normalise(low)
    found: dict[tuple[int, int], NearDuplicate] = {}
    for is_mirrored, others, theirs in ((False, hashes, contents), (True, mirrored, _normalise(low * _MIRROR))):
        for first, seconds in _near_pairs(hashes, others, distance):
            for second in seconds[theirs[seconds] @ contents[first] >= SIMILARITY]:
                image = grey[second][:, ::-1] if is_mirrored else grey[second]
                value = _correlate(grey[first], image)
                known = found.get((first, int(second)))
                if value >= least and (known is None or value > known.correlation):
                    found[first, int(second)] = NearDuplicate(first, int(second), value, is_mirrored)
    return sorted(found.values(), key=lambda pair: (-pair.correlation, pair.first, pair.second))


def _grey(image: npt.NDArray[np.uint8]) -> Image.Image:
    channels = image.shape[-1]
    if channels == 1:
        return Image.fromarray(image[..., 0])
    if channels in (3, 4):
        return Image.fromarray(image[..., :3]).convert("L")
    return Image.fromarray(image.mean(axis=-1).astype(np.uint8))


def low_frequencies(grey: Grey) -> npt.NDArray[np.float64]:
    """Return the lowest frequencies of each image, ``(n, 8, 8)``, the mean first.

    Args:
        grey: images ``(n, 32, 32)``, see ``shrink``.
    """
    return np.asarray(dctn(grey.astype(np.float64), axes=(1, 2))[:, :_LOW, :_LOW])


def _normalise(low: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the frequencies without the mean as vectors of length 1, ``(n, 63)``; 0 for an image without contrast."""
    rows = low.reshape(len(low), -1)[:, 1:]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-6).astype(
        np.float32
    )
    return found


def _pack(low: npt.NDArray[np.float64]) -> Hashes:
    """Return the 64 bits of each image as a number, the lowest frequency first."""
    values = low.reshape(len(low), -1)
    bits = values > np.median(values, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def _near_pairs(hashes: Hashes, others: Hashes, distance: int) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Yield each index with the larger ones whose hashes differ from its own in few bits."""
    for first in range(len(hashes) - 1):
        distances = np.bitwise_count(hashes[first] ^ others[first + 1 :])
        yield first, first + 1 + np.flatnonzero(distances <= distance)


def _correlate(one: Grey, other: Grey) -> float:
    """Return the largest correlation of two images over small shifts, by the pixels that both have."""
    best = -1.0
    for down, right in product(range(-_SHIFT, _SHIFT + 1), repeat=2):
        a = one[max(0, down) : SIDE + min(0, down), max(0, right) : SIDE + min(0, right)]
        b = other[max(0, -down) : SIDE + min(0, -down), max(0, -right) : SIDE + min(0, -right)]
        a, b = a - a.mean(), b - b.mean()
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        if norm > 0:
            best = max(best, float((a * b).sum()) / norm)
    return best
