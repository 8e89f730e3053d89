"""Colours, compared with Pillow's ``ImageOps`` and ``ImageEnhance``, on which the papers' own code relies."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from metaopt.data.augmentation import colour
from metaopt.problems.augmentation_policy import AugmentationPolicy


def photographs(n: int = 5, channels: int = 3) -> np.ndarray:
    """Smooth images that do not use all values."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(20, 230, (n, 5, 6, channels)).astype(np.uint8)

    def enlarge(channel: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(channel).resize((40, 30), Image.Resampling.BICUBIC))

    return np.stack([np.stack([enlarge(image[..., c]) for c in range(channels)], axis=-1) for image in coarse])


def with_pillow(images: np.ndarray, change) -> np.ndarray:
    return np.stack([np.asarray(change(Image.fromarray(image))) for image in images])


def assert_equal_levels(found: np.ndarray, expected: np.ndarray, tolerance: int = 0) -> None:
    assert np.abs(found.astype(int) - expected).max() <= tolerance


def test_grey_equals_pillows() -> None:
    batch = photographs()
    assert_equal_levels(colour.to_grey(batch), with_pillow(batch, lambda image: image.convert("L")))


@pytest.mark.parametrize(
    ("tables", "change"),
    [
        (colour.autocontrast_tables, ImageOps.autocontrast),
        (colour.equalize_tables, ImageOps.equalize),
        (
            lambda images: colour.solarize_tables(images, np.full(len(images), 100)),
            lambda image: ImageOps.solarize(image, 100),
        ),
        (
            lambda images: colour.posterize_tables(images, np.full(len(images), 5)),
            lambda image: ImageOps.posterize(image, 5),
        ),
    ],
)
def test_tables_equal_pillows(tables, change) -> None:
    for batch in (photographs(), photographs(channels=1).repeat(3, 3), np.full((2, 9, 9, 3), 7, np.uint8)):
        assert_equal_levels(colour.apply_tables(batch, tables(batch)), with_pillow(batch, change))


@pytest.mark.parametrize("factor", [0.1, 0.7, 1.0, 1.4, 1.9])
def test_enhancements_equal_pillows(factor: float) -> None:
    batch = photographs()
    factors = np.full(len(batch), factor)

    def enhanced(kind) -> np.ndarray:
        return with_pillow(batch, lambda image: kind(image).enhance(factor))

    # Pillow rounds down, and the mean grey to a whole number.
    brightness = colour.apply_tables(batch, colour.brightness_tables(batch, factors))
    assert_equal_levels(brightness, enhanced(ImageEnhance.Brightness), 1)
    contrast = colour.apply_tables(batch, colour.contrast_tables(batch, factors))
    assert_equal_levels(contrast, enhanced(ImageEnhance.Contrast), 1)
    assert_equal_levels(colour.saturate(batch, factors), enhanced(ImageEnhance.Color), 1)
    assert_equal_levels(colour.sharpen(batch, factors), enhanced(ImageEnhance.Sharpness), 1)


def test_jitter_is_brightness_then_contrast_then_saturation() -> None:
    batch = photographs(n=60) // 2 + 50  # no step reaches 0 or 255, where Pillow clips each
    policy = AugmentationPolicy(brightness=0.1, contrast=0.2, saturation=0.3)
    found = colour.jitter(batch, policy, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    brightness, contrast, saturation = (rng.uniform(1 - each, 1 + each, 60) for each in (0.1, 0.2, 0.3))
    expected = [
        np.asarray(
            ImageEnhance.Color(
                ImageEnhance.Contrast(ImageEnhance.Brightness(Image.fromarray(image)).enhance(b)).enhance(c)
            ).enhance(s)
        )
        for image, b, c, s in zip(batch, brightness, contrast, saturation, strict=True)
    ]
    assert_equal_levels(found, np.stack(expected), 3)  # three roundings
    assert (found != batch).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_images_of_other_channels_have_no_saturation(channels: int) -> None:
    batch = photographs(channels=channels)
    assert colour.jitter(batch, AugmentationPolicy(saturation=0.5), np.random.default_rng(0)) is batch
    bright = colour.jitter(batch, AugmentationPolicy(brightness=0.2), np.random.default_rng(0))
    factors = np.random.default_rng(0).uniform(0.8, 1.2, len(batch))
    assert_equal_levels(bright, np.clip(np.rint(batch * factors[:, None, None, None]), 0, 255))


def test_tiny_images_are_not_sharpened() -> None:
    batch = photographs()[:, :2, :2]
    assert colour.sharpen(batch, np.full(len(batch), 1.9)) is batch
