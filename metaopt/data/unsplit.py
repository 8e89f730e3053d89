"""A data set as loaded, before its training images are split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import Digests
from metaopt.data.images import Images
from metaopt.data.pixel_range import FULL
from metaopt.outputs import ClassOutput, NumberOutput, Output

NOUNS = {2: "signal", 3: "image", 4: "volume"}
"""Number of axes of an input → what it is called."""

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
        outputs: head → kind of its targets; the objective refers to the first head.
        shape: shape of one image, ``(h, w, c)``, of one signal, ``(length, c)``, or of one volume, ``(d, h, w, c)``.
        default_augmentation: the augmentation that ``augment="auto"`` selects.
        fingerprint: hash of images, labels and class names.
        validation: indices into ``images`` of the validation split, or None if the data set has none.
        pixel_bits: bits that the images with 16-bit pixels use, see ``metaopt.data.pixel_range``.
        sample_rate: positions per second of signals, or None where it is unknown.
        notes: messages for the user.
        names: name of each of ``images``, such as its path in the folder; None where they have none.
        test_names: the same of the test split.
    """

    name: str
    images: Images
    digests: Digests
    test: Images | None
    test_digests: Digests
    outputs: dict[str, Output]
    shape: tuple[int, ...]
    default_augmentation: DefaultAugmentation
    fingerprint: str
    validation: npt.NDArray[np.int64] | None = None
    pixel_bits: int = FULL
    sample_rate: int | None = None
    notes: list[str] = field(default_factory=list)
    names: Sequence[str] | None = None
    test_names: Sequence[str] | None = None

    @property
    def holds_signals(self) -> bool:
        """Whether these are signals or volumes, floats of any range, not images."""
        return len(self.shape) != 3

    @property
    def noun(self) -> str:
        """Noun for one of them: ``image``, ``signal`` or ``volume``."""
        return NOUNS[len(self.shape)]

    @property
    def class_names(self) -> dict[str, list[str]]:
        """Names of the classes of each head that has classes."""
        return {head: list(each.names) for head, each in self.outputs.items() if isinstance(each, ClassOutput)}


def choose_default_augmentation(channels: int, outputs: Iterable[Output] = ()) -> DefaultAugmentation:
    """Return ``"flip"`` for colour images and ``"none"`` for grey ones.

    Colour images are mostly photographs. Grey images may be digits or letters, whose mirror images mean something else.
    So may a number, such as an angle.
    """
    has_numbers = any(isinstance(output, NumberOutput) for output in outputs)
    return "flip" if channels >= 3 and not has_numbers else "none"
