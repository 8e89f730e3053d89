"""What every kind of data source hands over, before it is split."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from metaopt.data.content import Digests
from metaopt.data.images import Images


@dataclass(frozen=True)
class Source:
    """Images as a file, a folder or a library gives them.

    Attributes:
        name: short, for people.
        images: all that may be trained on or validated with.
        digests: of their content, ``(n,)``.
        test: the test part, or None where the source has none.
        test_digests: of its content; empty where there is none.
        class_names: head → names of its classes; the first head is the one that the objective is about.
        shape: of one image, ``(h, w, c)``.
        advice: the augmentation that makes sense for such images.
        fingerprint: of the content.
        validation: rows of ``images`` that are the source's own validation part, or None.
        notes: sentences to be said aloud.
    """

    name: str
    images: Images
    digests: Digests
    test: Images | None
    test_digests: Digests
    class_names: dict[str, list[str]]
    shape: tuple[int, int, int]
    advice: Literal["flip", "none"]
    fingerprint: str
    validation: npt.NDArray[np.int64] | None = None
    notes: list[str] = field(default_factory=list)


def advice_for(channels: int) -> Literal["flip", "none"]:
    """Flips for images in colour, which are mostly photographs; nothing for grey ones, which may be writing."""
    return "flip" if channels >= 3 else "none"
