import numpy as np
import pytest

from metaopt.data.arrays import pixel_scale, resize, to_uint8, with_channels
from metaopt.errors import UserError


def converted(images: np.ndarray) -> tuple[np.ndarray, list[str]]:
    scale, notes = pixel_scale(images, "x")
    return to_uint8(images, scale, "x"), notes


@pytest.mark.parametrize(
    ("images", "expected", "noted"),
    [
        (np.array([[[0, 255]]], np.uint8), [0, 255], False),
        (np.array([[[False, True]]]), [0, 255], False),
        (np.array([[[0, 255]]], np.int64), [0, 255], True),
        (np.array([[[0.0, 0.5, 1.0]]]), [0, 128, 255], True),
        (np.array([[[0.0, 16.0]]], np.float32), [0, 16], True),
    ],
)
def test_pixels_become_uint8_and_guesses_are_said(images, expected, noted) -> None:
    result, notes = converted(images)
    assert result.dtype == np.uint8
    assert result.ravel().tolist() == expected
    assert bool(notes) == noted


@pytest.mark.parametrize(
    "images",
    [
        np.array([[[-0.5, 0.5]]]),
        np.array([[[0, 65535]]], np.uint16),
        np.array([[[0.0, np.nan]]]),
        np.array([[["a"]]]),
        np.array([[[1j]]]),
    ],
)
def test_other_values_are_refused(images) -> None:
    with pytest.raises(UserError, match=r"must be (in 0\.\.255|numbers)"):
        pixel_scale(images, "x")


def test_the_test_images_keep_to_the_scale_of_the_training_images() -> None:
    with pytest.raises(UserError, match=r"outside 0\.\.1"):
        to_uint8(np.array([[[0.0, 255.0]]]), 255.0, "x_test")


def test_grey_images_get_a_channel() -> None:
    assert with_channels(np.zeros((2, 4, 5)), "x").shape == (2, 4, 5, 1)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((4, 16), "must be"), ((0, 4, 4), "must be"), ((2, 3, 32, 32), "channels seem to come first")],
)
def test_other_shapes_are_refused(shape, message) -> None:
    with pytest.raises(UserError, match=message):
        with_channels(np.zeros(shape), "x")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_resizing_cuts_the_central_square(channels) -> None:
    images = np.zeros((3, 8, 16, channels), np.uint8)
    images[:, :, 4:12] = 200
    resized = resize(images, 4)
    assert resized.shape == (3, 4, 4, channels)
    assert (resized == 200).all()
    assert resize(images, None) is images
