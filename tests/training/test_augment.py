import numpy as np
import pytest

from metaopt.training.augment import augment


def images(n: int = 200, height: int = 16, width: int = 24, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, height, width, channels), np.uint8)


def test_none_is_the_same_array() -> None:
    batch = images()
    assert augment(batch, "none", np.random.default_rng(0)) is batch


def test_flip_mirrors_about_half_left_and_right() -> None:
    batch = images()
    flipped = augment(batch, "flip", np.random.default_rng(1))
    mirrored = (flipped == batch[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == batch).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 70 < mirrored.sum() < 130


def test_shift_moves_by_at_most_an_eighth_and_repeats_the_border() -> None:
    batch = images()
    shifted = augment(batch, "shift", np.random.default_rng(2))
    assert shifted.shape == batch.shape
    assert shifted.dtype == np.uint8
    padded = np.pad(batch, ((0, 0), (2, 2), (3, 3), (0, 0)), mode="edge")
    seen = set()
    for before, after in zip(padded, shifted, strict=True):
        offsets = [(y, x) for y in range(5) for x in range(7) if (before[y : y + 16, x : x + 24] == after).all()]
        assert offsets
        seen.add(offsets[0])
    assert len(seen) > 30


def test_small_images_shift_by_one_pixel() -> None:
    batch = images(height=4, width=4, channels=1)
    assert (augment(batch, "shift", np.random.default_rng(0)) != batch).any()


@pytest.mark.parametrize("kind", ["flip", "shift"])
def test_same_generator_same_variants_and_the_argument_is_left_alone(kind) -> None:
    batch = images()
    before = batch.copy()
    first = augment(batch, kind, np.random.default_rng(3))
    assert (first == augment(batch, kind, np.random.default_rng(3))).all()
    assert (first != augment(batch, kind, np.random.default_rng(4))).any()
    assert (batch == before).all()


@pytest.mark.parametrize("kind", ["none", "flip", "shift"])
def test_an_empty_batch(kind) -> None:
    assert augment(images(0), kind, np.random.default_rng(0)).shape == (0, 16, 24, 3)
