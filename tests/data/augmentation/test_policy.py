import numpy as np
import pytest

from metaopt.data.augmentation.policy import ImageTargets, vary
from metaopt.problems.augmentation_policy import AugmentationPolicy

ALL = AugmentationPolicy(
    flip=0.5,
    shift=0.2,
    rotate=20,
    zoom=0.2,
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
    randaugment_count=2,
    randaugment_magnitude=9,
)


def images(channels: int = 3) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (30, 4, 5, channels), np.uint8)
    return coarse.repeat(6, axis=1).repeat(6, axis=2)


def apply(batch: np.ndarray, policy: AugmentationPolicy, seed: int = 0, targets=(), may_mirror: bool = True):
    return vary(batch, targets, policy, np.random.default_rng(seed), may_mirror=may_mirror)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_variants_are_a_function_of_the_generator(channels: int) -> None:
    batch = images(channels)
    before = batch.copy()
    first, again, other = (apply(batch, ALL, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(batch, before)
    assert first.shape == batch.shape
    assert first.dtype == np.uint8
    assert (first != other).any(axis=(1, 2, 3)).mean() > 0.9
    assert (first != batch).any(axis=(1, 2, 3)).mean() > 0.9


def test_no_strength_changes_nothing() -> None:
    batch = images()
    assert apply(batch, AugmentationPolicy())[0] is batch


def test_targets_have_the_moves_and_not_the_colours() -> None:
    batch = images()
    varied, (moved,) = apply(batch, ALL, targets=[ImageTargets(batch, False)])
    assert (varied != moved).any()
    plain, _ = apply(batch, AugmentationPolicy(flip=0.5, shift=0.2), 3)
    same, (target,) = apply(batch, AugmentationPolicy(flip=0.5, shift=0.2), 3, [ImageTargets(batch, False)])
    np.testing.assert_array_equal(same, plain)
    np.testing.assert_array_equal(target, plain)


def test_the_variants_of_this_version_stay_the_same() -> None:
    # A trial that resumes under a later version must go on with the same batches.
    varied, _ = apply(images(), ALL)
    assert varied.sum(dtype=np.int64) == pytest.approx(7_674_405, rel=1e-6)  # a sine may differ in its last digit
