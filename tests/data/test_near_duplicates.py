"""Near-duplicate images: re-saved, shifted and mirrored photographs among others."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from metaopt.data.images import ArrayImages
from metaopt.data.near_duplicates import (
    CORRELATION,
    EQUAL_CORRELATION,
    Threshold,
    correlate,
    find_near_duplicates,
    find_threshold,
    hash_images,
    low_frequencies,
    shrink,
)

N, SIDE, N_COPIES = 200, 32, 30  # photographs, their pixels, and those of which there are copies


def images_of(array: np.ndarray) -> ArrayImages:
    return ArrayImages(array, {"label": np.zeros(len(array), np.int32)})


@pytest.fixture(scope="module")
def photographs(shared: Path) -> np.ndarray:
    """The first photographs of CIFAR-10."""
    path = shared / "data" / "cifar10_jpeg.npz"
    if not path.exists():
        pytest.skip(f"needs the photographs in {path}")
    with np.load(path) as packed:
        ends, files = np.cumsum(packed["test_sizes"][:N], dtype=int), packed["test_jpeg"]
    starts = [0, *ends[:-1]]
    return np.stack(
        [np.asarray(Image.open(io.BytesIO(files[a:b].tobytes()))) for a, b in zip(starts, ends, strict=True)]
    )


def saved_again(image: np.ndarray) -> np.ndarray:
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, "JPEG", quality=60)
        return np.asarray(Image.open(file))


def shifted(image: np.ndarray) -> np.ndarray:
    return np.pad(image, ((1, 0), (1, 0), (0, 0)), "edge")[:SIDE, :SIDE]


WAYS = {"saved again": saved_again, "shifted": shifted, "mirrored": lambda image: image[:, ::-1]}


@pytest.mark.parametrize("way", list(WAYS))
def test_copies_are_found_among_photographs(photographs: np.ndarray, way: str) -> None:
    copies = np.stack([WAYS[way](image) for image in photographs[:N_COPIES]])
    grey = shrink(images_of(np.concatenate([photographs, copies])))
    threshold = find_threshold(grey, SIDE)
    assert threshold == Threshold(CORRELATION)
    found = find_near_duplicates(grey, threshold)
    true = {(row, N + row) for row in range(N_COPIES)}
    pairs = {(pair.first, pair.second) for pair in found}
    assert len(pairs & true) >= 27
    assert len(pairs - true) <= 1
    assert all(pair.is_mirrored == (way == "mirrored") for pair in found if (pair.first, pair.second) in true)


@pytest.mark.parametrize(("name", "expected"), [("china", "9db8c2c7445dbb24"), ("flower", "9b64386633cdc96c")])
def test_hash_is_that_of_imagehash(name: str, expected: str) -> None:
    """``imagehash.phash`` 4.3.2 of the photographs that scikit-learn comes with."""
    image = load_sample_image(f"{name}.jpg")
    hashes, mirrored = hash_images(low_frequencies(shrink(images_of(np.stack([image, image[:, ::-1]])))))
    assert f"{int(hashes[0]):016x}" == expected
    assert np.bitwise_count(hashes[1] ^ mirrored[0]) <= 2  # the rounding of the resized mirror image


@pytest.mark.parametrize("side", [8, 28])
def test_different_digits_are_no_near_duplicates(side: int) -> None:
    """They look alike at any size: only equal and mirrored ones are listed."""
    images = (load_digits().images[:300] * 15.9).astype(np.uint8)
    digits = np.stack([Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in images])
    array = np.concatenate([digits, digits[7:8], digits[9:10, :, ::-1]])[..., None]
    grey = shrink(images_of(array))
    threshold = find_threshold(grey, side)
    assert threshold.correlation == EQUAL_CORRELATION
    assert ("of random pairs correlate" in threshold.reason) == (side == 28)
    found = {(pair.first, pair.second) for pair in find_near_duplicates(grey, threshold)}
    assert {(7, 300), (9, 301)} <= found
    assert len(found) <= 4
    assert len(find_near_duplicates(grey, Threshold(CORRELATION))) > 50


@pytest.mark.parametrize("n", [1, 2, 20, 300])
def test_a_copy_of_each_image_does_not_make_them_look_alike(n: int) -> None:
    images = np.random.default_rng(n).integers(0, 256, (n, 32, 32, 3)).astype(np.uint8)
    grey = shrink(images_of(np.concatenate([images, images])))
    assert find_threshold(grey) == Threshold(CORRELATION)


def test_frames_of_some_scenes_are_near_duplicates() -> None:
    """Unlike different digits, they are alike in pairs that are near-duplicates, and in no others."""
    rng = np.random.default_rng(0)
    scenes = rng.integers(30, 200, (20, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    frames = (scenes.repeat(20, 0) + rng.integers(-8, 8, (400, 32, 32, 3))).astype(np.uint8)
    grey = shrink(images_of(frames))
    threshold = find_threshold(grey)
    assert threshold == Threshold(CORRELATION)
    assert len(find_near_duplicates(grey, threshold)) == 20 * 20 * 19 / 2
    few = np.concatenate([grey[:80], grey[:80]])  # every fourth pair would be listed
    assert find_threshold(few).correlation == EQUAL_CORRELATION


def test_equal_images_are_found_at_a_correlation_of_1() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3)).astype(np.uint8)
    found = find_near_duplicates(shrink(images_of(np.concatenate([images, images]))), Threshold(1.0))
    assert {(pair.first, pair.second) for pair in found} == {(row, 50 + row) for row in range(50)}
    assert max(pair.correlation for pair in found) <= 1


def test_correlation_is_that_of_the_common_pixels_at_the_best_shift() -> None:
    rng = np.random.default_rng(0)
    image, others = rng.random((32, 32), np.float32) * 255, rng.random((5, 32, 32), np.float32) * 255
    others[0] = np.roll(image, (2, -1), (0, 1)) + 40
    others[1] += image
    expected = []
    for other in others:
        shifts = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
        cut = [(np.s_[max(0, d) : 32 + min(0, d)], np.s_[max(0, -d) : 32 + min(0, -d)]) for d in range(-2, 3)]
        ones = [image[cut[down + 2][0], cut[right + 2][0]] for down, right in shifts]
        twos = [other[cut[down + 2][1], cut[right + 2][1]] for down, right in shifts]
        expected.append(max(np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ones, twos, strict=True)))
    assert expected[0] == pytest.approx(1)
    assert correlate(image, others) == pytest.approx(expected, abs=1e-5)


def test_flat_images_are_not_compared() -> None:
    array = np.stack([np.full((32, 32, 1), value, np.uint8) for value in (0, 0, 90)])
    grey = shrink(images_of(array))
    assert find_threshold(grey) == Threshold(CORRELATION)
    assert find_near_duplicates(grey, Threshold()) == []


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_images_of_any_channels_are_compared(channels: int) -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, 40, 30, channels)).astype(np.uint8)
    (found,) = find_near_duplicates(shrink(images_of(np.concatenate([image, image]))), Threshold())
    assert (found.first, found.second, found.is_mirrored) == (0, 1, False)
    assert found.correlation == pytest.approx(1.0)
