"""Random geometry of images: mirroring, shift, rotation, zoom, shear and random resized crop.

All moves of an image are one affine map, so that its pixels are interpolated once. Pillow interpolates: at 96
pixels it is three times as fast as NumPy, see ``benchmarks/augmentation.py``, and does the same on every backend.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from metaopt.problems.augmentation_policy import AugmentationPolicy

Pixels = npt.NDArray[np.uint8]
Matrices = npt.NDArray[np.float64]
"""Maps of homogeneous coordinates (x, y, 1) of the result to those of the image, around its centre, ``(n, 3, 3)``."""

CROP_ASPECT = (3 / 4, 4 / 3)
"""Range of the aspect ratio of random resized crops (Szegedy et al. 2015, arXiv:1409.4842, section 6)."""
_CROP_ATTEMPTS = 10  # as in torchvision's RandomResizedCrop; then the whole image


@dataclass(frozen=True)
class Moves:
    """Moves of images.

    Attributes:
        is_mirrored: whether each image is mirrored left and right, ``(n,)``.
        maps: how it is moved then, ``(n, 3, 3)``.
    """

    is_mirrored: npt.NDArray[np.bool_]
    maps: Matrices

    def apply(self, images: Pixels) -> Pixels:
        """Return moved images ``(n, h, w, c)``; mirror images and moves by whole pixels are exact."""
        if self.is_mirrored.any():
            mirrored = images.copy()
            mirrored[self.is_mirrored] = images[self.is_mirrored, :, ::-1]
            images = mirrored
        return warp(images, self.maps)

    def apply_to_targets(self, targets: Pixels, *, has_mask: bool) -> Pixels:
        """Return image targets ``(n, h, w, c)`` that are moved like their images.

        Args:
            targets: not modified.
            has_mask: whether the last channel is a mask, 0 or 255. A pixel counts where all counted that it is made of.
        """
        moved = self.apply(targets)
        if has_mask:
            moved = np.concatenate([moved[..., :-1], np.where(moved[..., -1:] == 255, 255, 0).astype(np.uint8)], axis=3)
        return moved


def draw_moves(
    policy: AugmentationPolicy, n: int, sides: tuple[int, int], rng: np.random.Generator, *, may_mirror: bool
) -> Moves:
    """Draw the moves of images.

    Args:
        policy: strengths.
        n: number of images.
        sides: (height, width) of the images.
        rng: random generator.
        may_mirror: whether images may be mirrored.
    """
    is_mirrored = np.zeros(n, bool)
    if policy.flip and may_mirror:
        is_mirrored = rng.random(n) < policy.flip
    maps = identities(n)
    if policy.rotate:
        maps = rotations(np.radians(rng.uniform(-policy.rotate, policy.rotate, n)))
    if policy.zoom:
        reach = math.log1p(policy.zoom)
        maps[:, :2, :2] *= np.exp(rng.uniform(-reach, reach, n))[:, None, None]
    if policy.crop:
        maps = _draw_crops(1 - policy.crop, n, sides, rng) @ maps
    if policy.shift:
        for axis, side in ((0, sides[1]), (1, sides[0])):
            maps[:, axis, 2] += np.rint(rng.uniform(-policy.shift * side, policy.shift * side, n))
    return Moves(is_mirrored, maps)


def identities(n: int) -> Matrices:
    """Return the maps that move nothing, ``(n, 3, 3)``."""
    return np.tile(np.eye(3), (n, 1, 1))


def rotations(angles: npt.NDArray[np.float64]) -> Matrices:
    """Return rotations by angles in radians, ``(n,)``."""
    maps = identities(len(angles))
    maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angles)
    maps[:, 1, 0] = np.sin(angles)
    maps[:, 0, 1] = -maps[:, 1, 0]
    return maps


def warp(images: Pixels, maps: Matrices) -> Pixels:
    """Return moved images, interpolated bilinearly; the argument itself where no map moves anything.

    Border pixels are repeated: the empty border of a digit stays empty, and a photograph gets no black edge that would
    reveal the move to the network.

    Args:
        images: ``(n, h, w, c)``; not modified.
        maps: ``(n, 3, 3)``.
    """
    rows = np.flatnonzero((maps != np.eye(3)).any(axis=(1, 2)))
    if not len(rows):
        return images
    _, height, width, channels = images.shape
    maps = _around_corner(maps[rows], (height, width))
    margin = _find_margin(maps, (height, width))
    padded = np.pad(images[rows], ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="edge")
    coefficients = maps[:, :2]
    coefficients[:, :, 2] += margin
    coefficients[:, 1, 2] += np.arange(len(rows)) * padded.shape[1]  # the images are stacked in one column
    values = [tuple(each) for each in coefficients.reshape(len(rows), 6).tolist()]
    moved = images.copy()
    # Pillow has images of three channels and of one.
    for group in [slice(None)] if channels == 3 else [slice(each, each + 1) for each in range(channels)]:
        stacked = padded[..., group].reshape(-1, padded.shape[2], 3 if channels == 3 else 1)
        column = Image.fromarray(np.ascontiguousarray(stacked if channels == 3 else stacked[..., 0]))
        for row, map_values in zip(rows.tolist(), values, strict=True):
            picture = column.transform(
                *((width, height), Image.Transform.AFFINE, map_values, Image.Resampling.BILINEAR)
            )
            moved[row, :, :, group] = np.asarray(picture).reshape(height, width, -1)
    return moved


def _draw_crops(smallest: float, n: int, sides: tuple[int, int], rng: np.random.Generator) -> Matrices:
    """Return random resized crops.

    The area is uniform, the aspect ratio uniform in its logarithm. The first of ten draws that lies within the image
    counts; the whole image, if none does.

    Args:
        smallest: smallest share of the image's area.
        n: number of images.
        sides: (height, width) of the images.
        rng: random generator.
    """
    height, width = sides
    areas = rng.uniform(smallest, 1, (n, _CROP_ATTEMPTS)) * (height * width)
    lowest, highest = map(math.log, CROP_ASPECT)
    ratios = np.exp(rng.uniform(lowest, highest, (n, _CROP_ATTEMPTS)))
    places = rng.uniform(-0.5, 0.5, (2, n))
    shares = np.stack([np.sqrt(areas * ratios) / width, np.sqrt(areas / ratios) / height])  # (2, n, attempts)
    fits = np.all(shares <= 1, axis=0)
    chosen = np.where(fits.any(axis=1), shares[:, np.arange(n), fits.argmax(axis=1)], 1.0)  # (2, n)
    maps = identities(n)
    for axis, side in enumerate((width, height)):
        maps[:, axis, axis] = chosen[axis]
        maps[:, axis, 2] = places[axis] * (1 - chosen[axis]) * side
    return maps


def _around_corner(maps: Matrices, sides: tuple[int, int]) -> Matrices:
    """Return maps around the centre of images as maps of Pillow's coordinates, whose origin is the upper left corner.

    The centre of the first pixel is at (0.5, 0.5) there.
    """
    centre = np.array([sides[1], sides[0]]) / 2
    moved = maps.copy()
    moved[:, :2, 2] += centre - maps[:, :2, :2] @ centre
    return moved


def _find_margin(maps: Matrices, sides: tuple[int, int]) -> int:
    """Return the number of pixels beyond the border of the images that maps of Pillow's coordinates read.

    It is one more than they reach, because a value between two pixels is interpolated.
    """
    ends = np.array([sides[1], sides[0]], float)
    corners = np.array([[0, 0, 1], [ends[0], 0, 1], [0, ends[1], 1], [*ends, 1]])
    places = (maps @ corners.T)[:, :2]  # (n, 2, corners)
    return 1 + max(0, math.ceil(max(-places.min(), (places - ends[:, None]).max())))
