import numpy as np
import pytest

from metaopt.data.arrays import add_channel_axis, find_pixel_scale, from_arrays, resize, to_uint8
from metaopt.errors import UserError
from metaopt.outputs import class_outputs


def convert(images: np.ndarray) -> tuple[np.ndarray, list[str]]:
    scale, notes = find_pixel_scale(images, "x")
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
def test_pixels_become_uint8_and_scaling_is_noted(images, expected, noted) -> None:
    result, notes = convert(images)
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
def test_invalid_pixels_raise(images) -> None:
    with pytest.raises(UserError, match=r"Expected (0\.\.255|numbers)"):
        find_pixel_scale(images, "x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([-1.0, 1.0], r"-1\.\.1\. .* Values in -1\.\.1 become \(x \+ 1\) / 2"),
        ([0.0, np.nan], "not finite"),
        ([0.0, np.inf], "not finite"),
        ([0, 4000], r"Divide them by their white, e\.g\. 4,095"),
        ([-5, 250], r"-5\.\.250\. Expected"),
        ([0.0, 1.02, 0.5], r"clip them: numpy\.clip"),
    ],
)
def test_message_says_how_to_bring_pixels_into_range(values, message) -> None:
    with pytest.raises(UserError, match=message):
        find_pixel_scale(np.array([[values]]), "x")


def test_values_beyond_the_training_range_raise() -> None:
    with pytest.raises(UserError, match=r"outside 0\.\.1"):
        to_uint8(np.array([[[0.0, 255.0]]]), 255.0, "x_test")


def test_grey_images_get_a_channel_axis() -> None:
    assert add_channel_axis(np.zeros((2, 4, 5)), "x").shape == (2, 4, 5, 1)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((4, 16), "Expected"), ((0, 4, 4), "Expected"), ((2, 3, 32, 32), "channels seem to come first")],
)
def test_invalid_shapes_raise(shape, message) -> None:
    with pytest.raises(UserError, match=message):
        add_channel_axis(np.zeros(shape), "x")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_resize_crops_the_central_square(channels) -> None:
    images = np.zeros((3, 8, 16, channels), np.uint8)
    images[:, :, 4:12] = 200
    resized = resize(images, 4)
    assert resized.shape == (3, 4, 4, channels)
    assert (resized == 200).all()
    assert resize(images, None) is images


def test_from_arrays_resizes_and_keeps_the_labels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    labels = {"label": np.arange(6, dtype=np.int32) % 2}
    data = from_arrays(
        "pets",
        (images, labels),
        (images[:2], {"label": labels["label"][:2]}),
        class_outputs({"label": ["a", "b"]}),
        4,
        [],
    )
    assert data.shape == (4, 4, 3)
    assert data.images.batch([0])[0].shape == (1, 4, 4, 3)
    assert data.test is not None
    assert data.test.batch([1])[0].shape == (1, 4, 4, 3)
    assert data.images.labels["label"].tolist() == [0, 1] * 3
    assert (data.digests[:2] == data.test_digests).all()
    assert data.default_augmentation == "flip"


def test_the_fingerprint_never_changes() -> None:
    """Studies store it, so a later version must compute the same one."""
    images, labels = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1), {"label": np.array([0, 1], np.int32)}
    data = from_arrays("x", (images, labels), None, class_outputs({"label": ["a", "b"]}), 2, [])
    assert data.fingerprint == "81f7a05263978c743079f0ed751566ad"
