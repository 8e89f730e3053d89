import json
from dataclasses import replace

import numpy as np
import pytest

from metaopt.data import load
from metaopt.data.arrays import from_arrays
from metaopt.data.dataset import split_data
from metaopt.data.spec import DataSpec
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import UserError
from metaopt.outputs import class_outputs


def unsplit(counts: list[int], test_counts: list[int] | None = None, **others) -> UnsplitData:
    """Random images, ``counts`` of each class."""
    rng = np.random.default_rng(0)

    def make_split(counts: list[int]):
        labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
        return rng.integers(0, 256, (len(labels), 4, 4, 3), np.uint8), {"label": labels}

    names = {"label": [f"c{label}" for label in range(len(counts))]}
    test = None if test_counts is None else make_split(test_counts)
    return replace(from_arrays("pets", make_split(counts), test, class_outputs(names), None, []), **others)


def counts(images) -> list[int]:
    return np.bincount(images.labels["label"]).tolist()


def pixels(images) -> set[bytes]:
    return {image.tobytes() for image in images.batch(np.arange(len(images)))[0]}


def test_an_existing_test_split_is_kept() -> None:
    data = split_data(unsplit([50, 100], [10, 10]), DataSpec("x"))
    assert (counts(data.train), counts(data.validation), counts(data.test())) == ([40, 80], [10, 20], [10, 10])
    assert data.notes == []
    assert data.classes == {"label": 2}
    assert pixels(data.train) | pixels(data.validation) == pixels(data.everything())
    assert len(data.everything()) == 150


def test_a_missing_test_split_is_held_out_first() -> None:
    data = split_data(unsplit([50, 100]), DataSpec("x"))
    assert (counts(data.train), counts(data.validation), counts(data.test())) == ([32, 64], [8, 16], [10, 20])
    splits = [pixels(split) for split in (data.train, data.validation, data.test())]
    assert len(set.union(*splits)) == 150
    assert not pixels(data.everything()) & pixels(data.test())
    assert data.notes == ["No test split found in pets; holding out 30 images (20 %) for testing."]


def test_splits_do_not_depend_on_augmentation() -> None:
    first, second = (split_data(unsplit([50, 100]), DataSpec("x", augment=kind)) for kind in ("none", "flip"))
    assert pixels(first.validation) == pixels(second.validation)
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("test_counts", [None, [5, 5]])
def test_an_existing_validation_split_is_kept(test_counts) -> None:
    own = np.array([0, 1, 40])
    data = split_data(unsplit([20, 30], test_counts, validation=own), DataSpec("x"))
    assert counts(data.validation) == [2, 1]
    assert counts(data.train) == ([18, 29] if test_counts else [14, 23])
    assert len(data.everything()) == len(data.train) + 3


@pytest.mark.parametrize(
    ("chosen", "default", "expected"),
    [
        ("auto", "flip", "flip"),
        ("auto", "none", "none"),
        ("none", "flip", "none"),
        ("shift", "flip", "shift"),
        ("flip+shift", "none", "flip+shift"),
    ],
)
def test_augmentation_is_the_given_one_or_the_default(chosen, default, expected) -> None:
    data = split_data(unsplit([10, 10], default_augmentation=default), DataSpec("x", augment=chosen))
    assert data.augment == data.spec.augment == expected


def test_description_is_json() -> None:
    data = split_data(unsplit([50, 100]), DataSpec("x"))
    assert json.loads(json.dumps(data.description)) == {
        "name": "pets",
        "images": {"train": 96, "validation": 24, "test": 30},
        "input_shape": [4, 4, 3],
        "classes": {"label": 2},
        "augment": "flip",
    }


def test_images_shared_between_splits_are_noted() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 4, 4, 3), np.uint8)
    images[1::2] = images[::2]  # each occurs twice, so some copies fall into different splits
    labels = {"label": np.repeat([0, 1], 20).astype(np.int32)}
    test = (images[:3], {"label": np.array([0, 0, 1], np.int32)})
    data = split_data(
        from_arrays("pets", (images, labels), test, class_outputs({"label": ["a", "b"]}), None, []), DataSpec("x")
    )
    assert data.notes[0].startswith("3 of the 3 test images are also among the training images")
    assert "validation images are also among the training images" in data.notes[1]


@pytest.mark.parametrize(
    ("counts", "test_counts", "message"),
    [
        (
            [9, 1],
            [1, 1],
            "Too few images in class c1 of pets: 1. Expected at least 2, one each for training and validation. Add",
        ),
        ([9, 2], None, "c1 of pets: 2. Expected at least 3, one each for training and validation and testing."),
        ([1, 9, 1, 1], [1, 1, 1, 1], r"class c0 .* The same holds for 2 other classes\."),
    ],
)
def test_a_class_with_too_few_images_raises(counts, test_counts, message) -> None:
    with pytest.raises(UserError, match=message):
        split_data(unsplit(counts, test_counts), DataSpec("x"))


@pytest.mark.parametrize(("least", "test_counts"), [(2, [1, 1]), (3, None)])
def test_smallest_classes_that_can_be_split(least, test_counts) -> None:
    data = split_data(unsplit([least, least], test_counts), DataSpec("x"))
    assert counts(data.train) == counts(data.validation) == counts(data.test()) == [1, 1]


def test_a_single_fold_is_the_existing_split() -> None:
    data = split_data(unsplit([50, 100], [10, 10]), DataSpec("x"))
    assert data.folds(1) == [(data.train, data.validation)]


def test_folds_cover_training_and_validation_images() -> None:
    data = split_data(unsplit([50, 100], [10, 10]), DataSpec("x"))
    folds = data.folds(3)
    assert folds is data.folds(3)
    assert set.union(*(pixels(fold.validation) for fold in folds)) == pixels(data.everything())
    for fold in folds:
        assert not pixels(fold.train) & pixels(fold.validation)
        assert len(fold.train) == 100
        assert counts(fold.validation)[0] in (16, 17)
    again = split_data(unsplit([50, 100], [10, 10]), DataSpec("x")).folds(3)
    assert [pixels(fold.validation) for fold in again] == [pixels(fold.validation) for fold in folds]


def test_a_split_seed_changes_validation_and_folds_only() -> None:
    usual, seeded, again = (split_data(unsplit([50, 100]), DataSpec("x", split_seed=seed)) for seed in (None, 0, 0))
    assert pixels(seeded.test()) == pixels(usual.test())
    assert pixels(seeded.validation) != pixels(usual.validation)
    assert counts(seeded.validation) == counts(usual.validation)
    assert pixels(seeded.folds(3)[0].validation) != pixels(usual.folds(3)[0].validation)
    assert pixels(again.validation) == pixels(seeded.validation)
    assert seeded.fingerprint == again.fingerprint != usual.fingerprint


def test_more_folds_than_images_of_a_class_raise() -> None:
    data = split_data(unsplit([50, 4], [10, 10]), DataSpec("x"))
    assert len(data.folds(4)) == 4
    with pytest.raises(UserError) as raised:
        data.folds(5)
    assert str(raised.value) == (
        "Invalid value for folds: 5. Expected at most 4, because class c1 of pets has only 4 training and validation"
        " images. Use fewer folds, add images, or remove the class."
    )


def test_a_calibration_split_is_held_out_on_request() -> None:
    digits = load(DataSpec("digits"))
    assert digits.calibration() is None
    assert len(digits.for_retraining()) == 1438
    calibrated = digits.with_calibration(0.25)
    held = calibrated.calibration()
    assert held is not None
    assert len(held) + len(calibrated.for_retraining()) == 1438
    shares = np.bincount(held.labels["label"]) / np.bincount(digits.everything().labels["label"])
    assert (abs(shares - 0.25) < 0.01).all()
    assert digits.calibration() is None
