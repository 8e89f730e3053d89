"""CutMix, compared with the paper's own code, and the labels of mixed images."""

import numpy as np
import pytest

from metaopt.data.augmentation.mixing import cutmix, draw_rectangle, mix


def batch(n: int = 12, sides: tuple[int, int] = (20, 30)) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images of one value each, which says where a pixel is from, with one-hot labels."""
    images = np.repeat(np.arange(n, dtype=np.float32), sides[0] * sides[1]).reshape(n, *sides, 1)
    return images, {"label": np.eye(n, dtype=np.float32)}


def rectangle_of_the_paper(height: int, width: int, kept: float, x: int, y: int) -> tuple[int, int, int, int]:
    """``rand_bbox`` of the authors' code, github.com/clovaai/CutMix-PyTorch, train.py."""
    cut = np.sqrt(1.0 - kept)
    cut_width, cut_height = int(width * cut), int(height * cut)
    left, right = np.clip([x - cut_width // 2, x + cut_width // 2], 0, width)
    top, bottom = np.clip([y - cut_height // 2, y + cut_height // 2], 0, height)
    return left, right, top, bottom


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.77, 0.999])
def test_rectangles_are_those_of_the_papers_code(kept: float) -> None:
    for seed in range(20):
        rows, columns = draw_rectangle(20, 30, kept, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        x, y = (int(rng.integers(side)) for side in (30, 20))
        expected = rectangle_of_the_paper(20, 30, kept, x, y)
        assert (columns.start, columns.stop, rows.start, rows.stop) == expected


@pytest.mark.parametrize("seed", range(10))
def test_labels_have_the_share_of_the_pixels(seed: int) -> None:
    images, labels = batch()
    mixed, soft = cutmix(images, labels, 1.0, np.random.default_rng(seed))
    shares = (mixed[..., 0, None] == np.arange(12)).mean(axis=(1, 2))
    np.testing.assert_allclose(soft["label"], shares, atol=1e-6)


def test_image_targets_get_the_same_rectangle() -> None:
    images, labels = batch()
    targets = np.concatenate([images * 2, np.ones_like(images)], axis=3)
    numbers = np.arange(12, dtype=np.float32)[:, None]
    everything = {**labels, "image": targets, "number": numbers}
    mixed, soft = cutmix(images, everything, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(soft["image"][..., :1], 2 * mixed)
    np.testing.assert_allclose(soft["number"], soft["label"] @ numbers, rtol=1e-5)
    assert (mixed != images).any()


def test_each_batch_has_mixup_or_cutmix() -> None:
    images, labels = batch()
    kinds = []
    for seed in range(200):
        mixed, _ = mix(images, labels, 1.0, 1.0, np.random.default_rng(seed))
        kinds.append((mixed == np.rint(mixed)).all())  # CutMix has pixels of one image or the other
    assert 0.4 < np.mean(kinds) < 0.6
    assert mix(images, labels, 0, 0, np.random.default_rng(0))[0] is images
