"""Training images and their variants for a contact sheet."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metaopt.data import ArrayImages
from metaopt.data.augment import Augmentation
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput, Output
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.training_config import Training
from metaopt.report.analysis.augmented_images import MOST_IMAGES, augment_images, describe_augmentation

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 10, 3), np.uint8)


def data(output: Output, targets: Any, augment: Augmentation = "flip") -> Any:
    images = ArrayImages(PIXELS, {"label": np.asarray(targets)})
    return SimpleNamespace(outputs={"label": output}, train=images, augment=augment)


def classes(count: int = 10, augment: Augmentation = "flip") -> Any:
    names = tuple(f"class {number}" for number in range(count))
    return data(ClassOutput(names), np.arange(40) % count, augment)


@pytest.mark.parametrize(("count", "expected"), [(10, [0, 2, 4, 5, 7, 9]), (3, [0, 1, 2])])
def test_images_are_of_different_classes(count: int, expected: list[int]) -> None:
    found = augment_images(classes(count), [Training()])
    assert found.names == [f"class {number}" for number in expected]
    for image, name in zip(found.originals, found.names, strict=True):
        row = next(row for row in range(40) if (PIXELS[row] == image).all())
        assert name == f"class {row % count}"


def test_originals_are_the_same_whatever_the_augmentation() -> None:
    plain = augment_images(classes(augment="none"), [Training()])
    np.testing.assert_array_equal(plain.variants[0], plain.originals)
    assert (plain.shares == 1).all()
    policy = AugmentationPolicy(rotate=30, contrast=0.5)
    varied = augment_images(classes(), [Training(augmentation=policy)] * 3)
    np.testing.assert_array_equal(varied.originals, plain.originals)
    assert varied.variants.shape == (3, MOST_IMAGES, 8, 10, 3)
    assert (varied.variants[0] != varied.variants[1]).any()
    again = augment_images(classes(), [Training(augmentation=policy)] * 3)
    np.testing.assert_array_equal(varied.variants, again.variants)


def test_fixed_augmentations_are_shown_too() -> None:
    found = augment_images(classes(augment="flip"), [Training(cutout=4)])
    assert (found.variants[0] == 128).any(axis=(1, 2, 3)).all()  # cut out: 0 in the network, middle grey here
    mixed = augment_images(classes(augment="none"), [Training(mixup=1.0)] * 4)
    assert mixed.shares.min() < 0.9
    assert (mixed.variants[0] != mixed.originals).any()


@pytest.mark.parametrize(
    ("output", "targets", "name"),
    [
        (LabelOutput(("red", "round")), np.ones((40, 2)), "red, round"),
        (LabelOutput(("red", "round")), np.zeros((40, 2)), "no label"),
        (NumberOutput(("x", "y")), np.full((40, 2), 12.34567), "12.35, 12.35"),
        (ImageOutput((8, 10, 3)), PIXELS, ""),
    ],
)
def test_images_are_named_by_their_targets(output: Output, targets: Any, name: str) -> None:
    found = augment_images(data(output, targets), [Training()])
    assert found.names == [name] * MOST_IMAGES


@pytest.mark.parametrize(
    ("training", "augment", "text"),
    [
        (Training(), "none", "none"),
        (Training(), "flip+shift", "flip+shift"),
        (Training(cutout=8, mixup=0.2), "flip", "flip, mixup 0.2, cutout (pixels) 8"),
        (Training(augmentation=AugmentationPolicy(flip=0.5, rotate=12.345)), "flip", "flip 0.5, rotate 12.3"),
        (Training(augmentation=AugmentationPolicy(flip=0.5, rotate=12.345)), "none", "rotate 12.3"),
        (Training(augmentation=AugmentationPolicy(randaugment_count=2)), "shift", "randaugment count 2"),
    ],
)
def test_augmentations_are_described(training: Training, augment: Augmentation, text: str) -> None:
    assert describe_augmentation(classes(augment=augment), training) == text
