"""A data set as loaded, before its training images are split."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import Digests
from metaopt.data.images import Images
from metaopt.data.pixel_range import FULL

DefaultAugmentation = Literal["flip", "none"]


@dataclass(frozen=True)
class UnsplitData:
    """Images and labels of a data set, with the test and validation splits that it comes with.

    Attributes:
        name: short name for display.
        images: all images except the test split.
        digests: one content hash per image, ``(n,)``.
        test: the test split, or None if the data set has none.
        test_digests: one content hash per test image; empty if there is no test split.
        class_names: head → names of its classes; the objective refers to the first head.
        shape: shape of one image, ``(h, w, c)``.
        default_augmentation: the augmentation that ``augment="auto"`` selects.
        fingerprint: hash of images, labels and class names.
        validation: indices into ``images`` of the validation split, or None if the data set has none.
        pixel_bits: bits that the images with 16-bit pixels use, see ``metaopt.data.pixel_range``.
        notes: messages for the user.
    """

    name: str
    images: Images
    digests: Digests
    test: Images | None
    test_digests: Digests
    class_names: dict[str, list[str]]
    shape: tuple[int, int, int]
    default_augmentation: DefaultAugmentation
    fingerprint: str
    validation: npt.NDArray[np.int64] | None = None
    pixel_bits: int = FULL
    notes: list[str] = field(default_factory=list)


def choose_default_augmentation(channels: int) -> DefaultAugmentation:
    """Return ``"flip"`` for colour images and ``"none"`` for grey ones.

    Colour images are mostly photographs. Grey images may be digits or letters, whose mirror images mean something else.
    """
    return "flip" if channels >= 3 else "none"
