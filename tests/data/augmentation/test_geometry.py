"""Moves of images, compared with NumPy's own shifts and rotations, and with the sizes of the papers."""

import math

import numpy as np
import pytest

from metaopt.data.augmentation.geometry import Moves, draw_moves, identities, rotations, warp
from metaopt.problems.augmentation_policy import AugmentationPolicy

SIDES = (24, 37)  # neither square nor a power of two


def images(n: int = 6, channels: int = 3, sides: tuple[int, int] = SIDES) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *sides, channels), np.uint8)


def draw(n: int = 2000, seed: int = 0, may_mirror: bool = True, **strengths) -> Moves:
    return draw_moves(AugmentationPolicy(**strengths), n, SIDES, np.random.default_rng(seed), may_mirror=may_mirror)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_shifts_are_exact_and_repeat_the_border(channels: int) -> None:
    maps = identities(6)
    maps[:, :2, 2] = [[0, 0], [3, 0], [0, -5], [-7, 2], [40, 0], [1, 30]]
    batch = images(channels=channels)
    rows, columns = np.arange(SIDES[0]), np.arange(SIDES[1])
    for before, after, (x, y) in zip(batch, warp(batch, maps), maps[:, :2, 2].astype(int), strict=True):
        expected = before[np.clip(rows + y, 0, SIDES[0] - 1)][:, np.clip(columns + x, 0, SIDES[1] - 1)]
        np.testing.assert_array_equal(after, expected)


def test_quarter_turns_are_exact() -> None:
    batch = images(sides=(24, 24))
    turned = warp(batch, rotations(np.full(6, math.pi / 2)))
    # cos(π/2) is 6e-17, so that a pixel may be a hair below its value.
    assert np.abs(turned.astype(int) - np.rot90(batch, axes=(1, 2))).max() <= 1


def test_interpolation_keeps_a_linear_ramp() -> None:
    x, y = np.meshgrid(np.arange(60), np.arange(40))
    ramp = (2 * x + 3 * y).astype(np.uint8)[None, ..., None]
    turned = warp(ramp, rotations(np.array([0.3])))[0, ..., 0]
    cosine, sine = math.cos(0.3), math.sin(0.3)
    source_x = cosine * (x - 29.5) - sine * (y - 19.5) + 29.5
    source_y = sine * (x - 29.5) + cosine * (y - 19.5) + 19.5
    inside = (source_x > 1) & (source_x < 58) & (source_y > 1) & (source_y < 38)
    assert inside.mean() > 0.6
    assert np.abs(turned - (2 * source_x + 3 * source_y))[inside].max() <= 1  # Pillow rounds down


def test_images_that_do_not_move_are_returned_as_they_are() -> None:
    batch = images()
    assert draw(n=6).apply(batch) is batch
    assert draw(n=6, flip=1.0, may_mirror=False).apply(batch) is batch
    np.testing.assert_array_equal(draw(n=6, flip=1.0).apply(batch), batch[:, :, ::-1])


def test_strengths_are_the_largest_moves() -> None:
    moves = draw(flip=0.3, shift=0.25, rotate=20, zoom=0.25)
    assert moves.is_mirrored.mean() == pytest.approx(0.3, abs=0.04)
    scale = np.sqrt(np.linalg.det(moves.maps[:, :2, :2]))
    assert (scale.min(), scale.max()) == pytest.approx((0.8, 1.25), rel=0.01)
    angles = np.degrees(np.arctan2(moves.maps[:, 1, 0], moves.maps[:, 0, 0]))
    assert (angles.min(), angles.max()) == pytest.approx((-20, 20), rel=0.02)
    shifts = moves.maps[:, :2, 2]
    assert np.abs(shifts).max(axis=0).tolist() == [9, 6]  # a quarter of 37 and of 24, in whole pixels
    assert (shifts == np.rint(shifts)).all()


def test_crops_have_the_sizes_of_the_inception_network() -> None:
    moves = draw_moves(AugmentationPolicy(crop=0.92), 5000, (100, 100), np.random.default_rng(0), may_mirror=True).maps
    areas = moves[:, 0, 0] * moves[:, 1, 1]
    assert areas.min() == pytest.approx(0.08, abs=0.01)  # "between 8 % and 100 % of the image area"
    small = areas[areas < 0.75]  # of which each aspect ratio fits into the image
    np.testing.assert_allclose(np.percentile(small, [25, 50, 75]), [0.2475, 0.415, 0.5825], atol=0.02)  # "evenly"
    ratios = moves[:, 0, 0] / moves[:, 1, 1]
    assert (ratios.min(), ratios.max()) == pytest.approx((3 / 4, 4 / 3), rel=0.01)
    reach = (np.abs(moves[:, :2, 2]) / 100 + np.diagonal(moves[:, :2, :2], axis1=1, axis2=2) / 2).max()
    assert reach <= 0.5 + 1e-12  # within the image


def test_crops_read_no_pixel_of_another_image() -> None:
    batch = np.zeros((40, *SIDES, 3), np.uint8)
    batch[1::2] = 255
    for strengths in ({"crop": 0.92}, {"crop": 0.3}, {"crop": 0.5, "rotate": 20.0}):
        np.testing.assert_array_equal(warp(batch, draw(40, **strengths).maps), batch)


def test_targets_move_with_images_and_masks_stay_binary() -> None:
    batch = np.repeat(images(n=40, channels=1)[:, ::4, ::4].repeat(4, 1).repeat(4, 2), 2, axis=3)
    batch[..., 1] = np.where(batch[..., 1] > 60, 255, 0)
    moves = draw(n=40, flip=0.5, rotate=30, shift=0.2)
    moved = moves.apply_to_targets(batch, has_mask=True)
    np.testing.assert_array_equal(moved[..., :1], moves.apply(batch[..., :1]))
    assert set(np.unique(moved[..., 1])) == {0, 255}
    # A pixel that counts is made of pixels that count: all of them are above 60.
    assert moved[..., 0][moved[..., 1] == 255].min() >= 60
