import numpy as np
import pytest

from metaopt.data.images import ArrayImages
from metaopt.data.unsplit import UnsplitData, choose_default_augmentation


@pytest.mark.parametrize(("channels", "augmentation"), [(1, "none"), (2, "none"), (3, "flip"), (4, "flip")])
def test_only_colour_images_are_flipped_by_default(channels: int, augmentation: str) -> None:
    assert choose_default_augmentation(channels) == augmentation


def test_validation_split_and_notes_are_optional() -> None:
    images = ArrayImages(np.zeros((2, 4, 4, 1), np.uint8), {"label": np.array([0, 1], np.int32)})
    none = np.zeros(0, np.uint64)
    one, other = (
        UnsplitData("x", images, np.arange(2, dtype=np.uint64), None, none, {}, (4, 4, 1), "none", "") for _ in range(2)
    )
    assert one.validation is None
    assert one.notes == []
    assert one.notes is not other.notes
