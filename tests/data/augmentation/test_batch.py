"""Augmentation of batches without Keras: which augmentation counts, and the targets of each kind."""

import numpy as np
import pytest

from metaopt.data.augment import augment, cutout, mixup
from metaopt.data.augmentation import BatchAugmentation
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.problems import Training
from metaopt.problems.augmentation_policy import AugmentationPolicy

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 12, 12, 3), np.uint8)
CLASSES = {"label": ClassOutput(("cat", "dog"))}
TARGETS = {"label": np.arange(24) % 2}


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def with_policy(augmentation="none", outputs=CLASSES, **strengths) -> BatchAugmentation:
    return BatchAugmentation(augmentation, Training(augmentation=AugmentationPolicy(**strengths)), outputs)


@pytest.mark.parametrize("kind", ["none", "flip", "shift", "flip+shift+colour"])
def test_without_a_policy_the_data_set_decides(kind) -> None:
    made = BatchAugmentation(kind, Training(mixup=0.5, cutout=4), CLASSES)
    pixels, targets = made.vary(PIXELS, TARGETS, generator())
    np.testing.assert_array_equal(pixels, augment(PIXELS, kind, generator()))
    assert targets == TARGETS
    inputs, labels = PIXELS.astype(np.float32), {"label": np.eye(2, dtype=np.float32)[TARGETS["label"]]}
    np.testing.assert_array_equal(made.cover(inputs, generator()), cutout(inputs, 4, generator()))
    for found, expected in zip(
        made.mix(inputs, labels, generator()), mixup(inputs, labels, 0.5, generator()), strict=True
    ):
        np.testing.assert_equal(found, expected)


@pytest.mark.parametrize("kind", ["none", "shift"])
def test_images_are_mirrored_only_where_the_data_allow_it(kind) -> None:
    plain = with_policy(kind, flip=1.0).vary(PIXELS, TARGETS, generator())[0]
    np.testing.assert_array_equal(plain, PIXELS)
    for allowed in ("flip", "flip+shift", "flip+shift+colour"):
        mirrored = with_policy(allowed, flip=1.0).vary(PIXELS, TARGETS, generator())[0]
        np.testing.assert_array_equal(mirrored, PIXELS[:, :, ::-1])


def test_cutout_is_a_share_of_the_image() -> None:
    inputs = np.ones((24, 12, 20, 3), np.float32)
    covered = with_policy(cutout=0.5).cover(inputs, generator())
    np.testing.assert_array_equal(covered, cutout(inputs, 6, generator()))
    assert (with_policy(cutout=0.01).cover(inputs, generator()) == 0).any()  # at least one pixel
    assert with_policy().cover(inputs, generator()) is inputs


def test_every_kind_of_target_is_mixed_with_the_images() -> None:
    n = 24
    outputs = {
        "class": ClassOutput(tuple(map(str, range(n)))),
        "labels": LabelOutput(("a", "b")),
        "number": NumberOutput(("age",), (3.0,), (2.0,)),
        "image": ImageOutput((12, 12, 3), has_mask=True),
    }
    masks = np.where(np.random.default_rng(1).random((n, 12, 12, 1)) < 0.8, 255, 0).astype(np.uint8)
    targets = {
        "class": np.arange(n),
        "labels": np.stack([np.arange(n) % 2, np.arange(n) % 3 > 0], axis=1),
        "number": np.arange(n, dtype=float)[:, None],
        "image": np.concatenate([PIXELS, masks], axis=3),
    }
    encoded = {head: output.encode(targets[head]) for head, output in outputs.items()}
    inputs = PIXELS.astype(np.float32) / 255
    for strengths in ({"mixup": 1.0}, {"cutmix": 1.0}):
        made = with_policy(outputs=outputs, **strengths)
        mixed, labels = made.mix(inputs, encoded, generator(4))
        shares = labels["class"]
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert (shares.max(axis=1) < 1).any()
        for head in ("labels", "number"):
            np.testing.assert_allclose(labels[head], shares @ encoded[head], atol=1e-5)
        np.testing.assert_array_equal(labels["image"][..., :3], mixed)  # the targets are the images themselves
        assert set(np.unique(labels["image"][..., 3])) == {0, 1}
    # With mixup a pixel counts where it counts in both images.
    mixed, labels = with_policy(outputs=outputs, mixup=1.0).mix(inputs, encoded, generator(4))
    partners = [np.flatnonzero(row) for row in labels["class"]]
    both = np.stack([masks[rows].min(axis=0) for rows in partners]) > 0
    np.testing.assert_array_equal(labels["image"][..., 3:] > 0, both)


def test_image_targets_move_with_their_images() -> None:
    outputs = {"image": ImageOutput((12, 12, 3))}
    made = with_policy("flip", outputs, flip=0.5, rotate=30, crop=0.5, shift=0.1)
    pixels, targets = made.vary(PIXELS, {"image": PIXELS}, generator())
    np.testing.assert_array_equal(pixels, targets["image"])
    assert (pixels != PIXELS).any()
