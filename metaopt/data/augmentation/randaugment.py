"""RandAugment: a few operations per image, drawn uniformly and applied at one magnitude.

Cubuk et al. 2020, arXiv:1909.13719: the 14 operations of figure 2, and the ranges of AutoAugment (Cubuk et al. 2019,
arXiv:1805.09501, table 6), which they reach at magnitude 10. As in torchvision, magnitude 0 changes nothing, and the
signs of moves and of enhancements are random. The geometric operations of an image come first, in one interpolation and
around its centre; then those on colours, in the order in which they were drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metaopt.data.augmentation import colour
from metaopt.data.augmentation.colour import Factors, Pixels, Tables
from metaopt.data.augmentation.geometry import Matrices, identities, rotations
from metaopt.problems.augmentation_policy import MOST_MAGNITUDE

SHEAR = 0.3
TRANSLATION = 150 / 331  # share of the image side: 150 pixels of the images of 331 pixels of AutoAugment
ROTATION_DEGREES = 30.0
ENHANCEMENT = 0.9
POSTERIZED_BITS = 4  # lower bits of each channel that are dropped, of 8
SOLARIZED = 256  # values from 256 minus this on are inverted

_TABLES: dict[str, Callable[[Pixels, Factors], Tables]] = {
    "autocontrast": lambda images, _: colour.autocontrast_tables(images),
    "equalize": lambda images, _: colour.equalize_tables(images),
    "solarize": lambda images, levels: colour.solarize_tables(images, 256 - _round(SOLARIZED * abs(levels))),
    "posterize": lambda images, levels: colour.posterize_tables(images, 8 - _round(POSTERIZED_BITS * abs(levels))),
    "contrast": lambda images, levels: colour.contrast_tables(images, 1 + ENHANCEMENT * levels),
    "brightness": lambda images, levels: colour.brightness_tables(images, 1 + ENHANCEMENT * levels),
}
_OTHERS: dict[str, Callable[[Pixels, Factors], Pixels]] = {
    "color": lambda images, levels: colour.saturate(images, 1 + ENHANCEMENT * levels),
    "sharpness": lambda images, levels: colour.sharpen(images, 1 + ENHANCEMENT * levels),
}
_GEOMETRIC = ("rotate", "shear-x", "shear-y", "translate-x", "translate-y")
OPERATIONS = ("identity", *_TABLES, *_OTHERS, *_GEOMETRIC)


@dataclass(frozen=True)
class RandAugmentDraw:
    """Drawn operations of images.

    Attributes:
        operations: indices into ``OPERATIONS`` in the order of their application, ``(count, n)``.
        levels: magnitude as a share of the largest, with a sign, −1 to 1, ``(count, n)``.
    """

    operations: npt.NDArray[np.int64]
    levels: npt.NDArray[np.float64]

    def find_maps(self, sides: tuple[int, int]) -> Matrices:
        """Return the geometric operations of each image as one map around its centre, ``(n, 3, 3)``."""
        maps = identities(self.operations.shape[1])
        for operations, levels in zip(self.operations, self.levels, strict=True):
            maps = maps @ _find_maps(operations, levels, sides)
        return maps

    def apply_colours(self, images: Pixels) -> Pixels:
        """Return images ``(n, h, w, c)`` after their operations on colours."""
        for operations, levels in zip(self.operations, self.levels, strict=True):
            images = _apply_colours(images, operations, levels)
        return images


def draw_randaugment(n: int, count: int, magnitude: float, rng: np.random.Generator) -> RandAugmentDraw:
    """Draw the operations of images.

    Args:
        n: number of images.
        count: operations per image (N).
        magnitude: magnitude of all operations (M), 0 to 10.
        rng: random generator.
    """
    operations = rng.integers(len(OPERATIONS), size=(count, n))
    signs = rng.choice((-1.0, 1.0), size=(count, n))
    return RandAugmentDraw(operations, np.asarray(signs * (magnitude / MOST_MAGNITUDE), np.float64))


def _apply_colours(images: Pixels, operations: npt.NDArray[np.int64], levels: Factors) -> Pixels:
    """Return images after one operation each."""
    changed = images.copy()
    rows = {name: np.flatnonzero(operations == OPERATIONS.index(name)) for name in (*_TABLES, *_OTHERS)}
    for name, change in _OTHERS.items():
        if len(rows[name]):
            changed[rows[name]] = change(images[rows[name]], levels[rows[name]])
    tabled = np.concatenate([rows[name] for name in _TABLES])
    if len(tabled):
        tables = [make(images[rows[name]], levels[rows[name]]) for name, make in _TABLES.items() if len(rows[name])]
        changed[tabled] = colour.apply_tables(images[tabled], np.concatenate(tables))
    return changed


def _find_maps(operations: npt.NDArray[np.int64], levels: Factors, sides: tuple[int, int]) -> Matrices:
    """Return the map of one operation of each image; an operation on colours moves nothing."""

    def levels_of(name: str) -> Factors:
        return np.where(operations == OPERATIONS.index(name), levels, 0.0)

    height, width = sides
    maps = rotations(np.radians(ROTATION_DEGREES * levels_of("rotate")))
    maps[:, 0, 1] += SHEAR * levels_of("shear-x")
    maps[:, 1, 0] += SHEAR * levels_of("shear-y")
    maps[:, 0, 2] = np.rint(TRANSLATION * width * levels_of("translate-x"))
    maps[:, 1, 2] = np.rint(TRANSLATION * height * levels_of("translate-y"))
    return maps


def _round(values: Factors) -> npt.NDArray[np.int64]:
    return np.rint(values).astype(np.int64)
