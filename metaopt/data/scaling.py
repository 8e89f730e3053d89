"""Scaling of pixels to the input range of networks."""

import numpy as np
import numpy.typing as npt


def scale(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Scale pixels from 0..255 to −0.5..0.5, the input range of every network; ``(n, h, w, c)``."""
    scaled = images.astype(np.float32)
    scaled /= 255
    scaled -= 0.5
    return scaled


def unscale(inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the pixels of inputs of a network, rounded; the inverse of ``scale``."""
    return np.clip(np.rint((inputs + 0.5) * 255), 0, 255).astype(np.uint8)
