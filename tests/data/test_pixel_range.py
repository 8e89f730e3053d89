"""Ranges of pixels."""

import numpy as np
import pytest

from metaopt.data.pixel_range import Brightness, choose_bits, cut_to_8_bits


@pytest.mark.parametrize(
    ("brightest", "bits"), [(0, 8), (255, 8), (256, 10), (1023, 10), (4095, 12), (4096, 14), (16_384, 16), (65_535, 16)]
)
def test_bits_hold_the_brightest_pixel(brightest: int, bits: int) -> None:
    assert choose_bits(brightest) == bits


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_pixels_beyond_the_bits_become_white(kind: str) -> None:
    pixels = np.array([0, 15, 16, 4095, 4096, 65_535], kind)
    assert cut_to_8_bits(pixels, 12).tolist() == [0, 0, 1, 255, 255, 255]
    assert cut_to_8_bits(pixels, 16).tolist() == [0, 0, 0, 15, 16, 255]


def test_dark_images_are_noted_by_the_share_of_their_pixels() -> None:
    images = np.full((4, 100, 100, 1), 15, np.uint8)
    brightness = Brightness()
    brightness.add(images)
    assert brightness.notes("x")[0].startswith("No pixel of x reaches 64 of 255 (the brightest is 15), so the images")
    images[0, :3, :10] = 255  # as by hot pixels: 30 of 40,000
    brightness = Brightness()
    brightness.add(images)
    assert brightness.notes("x")[0].startswith("Only 0.07% of the pixels of x reach 64 of 255 (the brightest is 255)")
    images[0, :5, :10] = 255
    brightness = Brightness()
    brightness.add(images)
    assert brightness.notes("x") == Brightness().notes("x") == []
