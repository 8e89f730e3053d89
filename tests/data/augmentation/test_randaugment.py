"""RandAugment, compared with the list of operations and the ranges that the papers print."""

import math

import numpy as np
import pytest

from metaopt.data.augmentation.randaugment import OPERATIONS, RandAugmentDraw, draw_randaugment

# Figure 2 of arXiv:1909.13719, in its own order.
PAPER = (
    *("identity", "autocontrast", "equalize", "rotate", "solarize", "color", "posterize"),
    *("contrast", "brightness", "sharpness", "shear-x", "shear-y", "translate-x", "translate-y"),
)


def one(name: str, magnitude: float, sign: int = 1) -> RandAugmentDraw:
    """One operation of one image."""
    return RandAugmentDraw(np.array([[OPERATIONS.index(name)]]), np.array([[sign * magnitude / 10]]))


def test_operations_are_those_of_the_paper() -> None:
    assert sorted(OPERATIONS) == sorted(PAPER)
    drawn = draw_randaugment(20_000, 2, 5, np.random.default_rng(0))
    shares = np.bincount(drawn.operations.ravel()) / drawn.operations.size
    np.testing.assert_allclose(shares, 1 / 14, atol=0.005)
    assert set(np.unique(drawn.levels)) == {-0.5, 0.5}


@pytest.mark.parametrize("sign", [1, -1])
def test_largest_moves_are_those_of_autoaugment(sign: int) -> None:
    sides = (331, 331)  # the images of AutoAugment
    shear_x, shear_y = (one(name, 10, sign).find_maps(sides)[0] for name in ("shear-x", "shear-y"))
    assert shear_x[0].tolist() == [1, sign * 0.3, 0]
    assert shear_y[1].tolist() == [sign * 0.3, 1, 0]
    move_x, move_y = (one(name, 10, sign).find_maps(sides)[0] for name in ("translate-x", "translate-y"))
    assert move_x[:, 2].tolist() == [sign * 150, 0, 1]
    assert move_y[:, 2].tolist() == [0, sign * 150, 1]
    rotation = one("rotate", 10, sign).find_maps(sides)[0]
    assert math.degrees(math.atan2(rotation[1, 0], rotation[0, 0])) == pytest.approx(sign * 30)


def test_magnitudes_are_linear() -> None:
    for magnitude in (1.0, 5.0, 9.5):
        rotation = one("rotate", magnitude).find_maps((32, 32))[0]
        assert math.degrees(math.atan2(rotation[1, 0], rotation[0, 0])) == pytest.approx(3 * magnitude)


@pytest.mark.parametrize(
    ("name", "magnitude", "change"),
    [
        ("posterize", 10, lambda x: x & 0b11110000),  # 4 bits of 8
        ("posterize", 5, lambda x: x & 0b11111100),  # 6 bits
        ("solarize", 10, lambda x: 255 - x),  # threshold 0
        ("solarize", 5, lambda x: np.where(x < 128, x, 255 - x)),
        ("brightness", 10, lambda x: np.clip(np.rint(1.9 * x), 0, 255)),
        ("identity", 10, lambda x: x),
    ],
)
def test_colours_at_a_magnitude(name: str, magnitude: float, change) -> None:
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(one(name, magnitude).apply_colours(image), change(image))


def test_magnitude_zero_changes_nothing_but_histograms() -> None:
    image = np.random.default_rng(0).integers(60, 200, (1, 8, 8, 3), np.uint8)
    for name in set(OPERATIONS) - {"autocontrast", "equalize"}:
        drawn = one(name, 0)
        np.testing.assert_array_equal(drawn.apply_colours(image), image, err_msg=name)
        np.testing.assert_array_equal(drawn.find_maps((8, 8))[0], np.eye(3), err_msg=name)


def test_operations_follow_each_other() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    names = ["solarize", "brightness"]
    both = RandAugmentDraw(np.array([[OPERATIONS.index(name)] for name in names]), np.array([[0.5], [-0.5]]))
    expected = np.rint(0.55 * np.where(image < 128, image, 255 - image))
    np.testing.assert_array_equal(both.apply_colours(image), expected)
