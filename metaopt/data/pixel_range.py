"""Ranges of pixels: the bits of 16-bit files that hold fewer, and images that are nearly black.

Cameras, X-rays and depth images store 8, 10, 12 or 14 bits in files of 16. Cut to the upper 8 of 16 bits, they would be
nearly black.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.images import ImageArray

FULL = 16
"""Bits of a 16-bit file whose values use its whole range."""

_DEPTHS = (8, 10, 12, 14, FULL)
_DARK = 64
_DARK_SHARE = 0.001


def choose_bits(brightest: int) -> int:
    """Return the smallest usual number of bits that holds a value: 8, 10, 12, 14 or 16."""
    return next(bits for bits in _DEPTHS if brightest < 2**bits or bits == FULL)


def cut_to_8_bits(pixels: npt.NDArray[Any], bits: int) -> npt.NDArray[np.uint8]:
    """Return the upper 8 of so many bits; a pixel beyond them becomes white."""
    return np.minimum(pixels >> (bits - 8), 255).astype(np.uint8)


@dataclass
class Brightness:
    """Distribution of the pixels of many images, as far as it matters for their range.

    Attributes:
        pixels: number of pixels.
        bright: number of those from a quarter of white on.
        brightest: the greatest pixel.
    """

    pixels: int = 0
    bright: int = 0
    brightest: int = 0

    def add(self, images: ImageArray) -> None:
        """Add images ``(n, h, w, c)``."""
        self.pixels += images.size
        self.bright += int(np.count_nonzero(images >= _DARK))
        self.brightest = max(self.brightest, int(images.max(initial=0)))

    def notes(self, what: str) -> list[str]:
        """Return a note if nearly all pixels use a small part of 0..255; empty otherwise.

        Args:
            what: name of the images, e.g. ``"x_train in a.npz"``.
        """
        if not self.pixels or self.bright >= _DARK_SHARE * self.pixels:
            return []
        few = "No pixel" if not self.bright else f"Only {self.bright / self.pixels:.2%} of the pixels"
        return [
            f"{few} of {what} reach{'es' if not self.bright else ''} {_DARK} of 255 (the brightest is"
            f" {self.brightest}), so the images are nearly black. If their white is below 255, multiply them so that it"
            " is 255."
        ]
