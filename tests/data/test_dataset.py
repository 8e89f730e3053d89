import json
from dataclasses import replace

import numpy as np
import pytest

from metaopt.data.arrays import array_source
from metaopt.data.dataset import assemble
from metaopt.data.source import Source
from metaopt.data.spec import DataSpec
from metaopt.errors import UserError


def source(counts: list[int], test_counts: list[int] | None = None, **others) -> Source:
    """Random images with so many of each class."""
    rng = np.random.default_rng(0)

    def part(counts: list[int]):
        labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
        return rng.integers(0, 256, (len(labels), 4, 4, 3), np.uint8), {"label": labels}

    names = {"label": [f"c{label}" for label in range(len(counts))]}
    test = None if test_counts is None else part(test_counts)
    return replace(array_source("pets", part(counts), test, names, None, []), **others)


def counts(images) -> list[int]:
    return np.bincount(images.labels["label"]).tolist()


def pixels(images) -> set[bytes]:
    return {image.tobytes() for image in images.batch(np.arange(len(images)))[0]}


def test_a_test_part_of_its_own_is_kept() -> None:
    data = assemble(source([50, 100], [10, 10]), DataSpec("x"))
    assert (counts(data.train), counts(data.validation), counts(data.test())) == ([40, 80], [10, 20], [10, 10])
    assert data.notes == []
    assert data.classes == {"label": 2}
    assert pixels(data.train) | pixels(data.validation) == pixels(data.everything())
    assert len(data.everything()) == 150


def test_without_a_test_part_20_percent_are_one_first() -> None:
    data = assemble(source([50, 100]), DataSpec("x"))
    assert (counts(data.train), counts(data.validation), counts(data.test())) == ([32, 64], [8, 16], [10, 20])
    parts = [pixels(part) for part in (data.train, data.validation, data.test())]
    assert len(set.union(*parts)) == 150
    assert not pixels(data.everything()) & pixels(data.test())
    assert data.notes == ["There is no test part, so 30 images are set aside as one."]


def test_the_parts_do_not_depend_on_anything_else() -> None:
    first, second = (assemble(source([50, 100]), DataSpec("x", augment=kind)) for kind in ("none", "flip"))
    assert pixels(first.validation) == pixels(second.validation)
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("test_counts", [None, [5, 5]])
def test_a_validation_part_of_its_own_is_kept(test_counts) -> None:
    own = np.array([0, 1, 40])
    data = assemble(source([20, 30], test_counts, validation=own), DataSpec("x"))
    assert counts(data.validation) == [2, 1]
    assert counts(data.train) == ([18, 29] if test_counts else [14, 23])
    assert len(data.everything()) == len(data.train) + 3


@pytest.mark.parametrize(
    ("chosen", "advice", "expected"),
    [
        ("auto", "flip", "flip"),
        ("auto", "none", "none"),
        ("none", "flip", "none"),
        ("shift", "flip", "shift"),
        ("flip+shift", "none", "flip+shift"),
    ],
)
def test_augmentation_is_the_users_choice_or_the_datas_advice(chosen, advice, expected) -> None:
    data = assemble(source([10, 10], advice=advice), DataSpec("x", augment=chosen))
    assert data.augment == data.spec.augment == expected


def test_the_description_is_json() -> None:
    data = assemble(source([50, 100]), DataSpec("x"))
    assert json.loads(json.dumps(data.description)) == {
        "name": "pets",
        "images": {"train": 96, "validation": 24, "test": 30},
        "input_shape": [4, 4, 3],
        "classes": {"label": 2},
        "augment": "flip",
    }


def test_the_same_picture_in_two_parts_is_said() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 4, 4, 3), np.uint8)
    images[1::2] = images[::2]  # each occurs twice, so some copies fall apart
    labels = {"label": np.repeat([0, 1], 20).astype(np.int32)}
    test = (images[:3], {"label": np.array([0, 0, 1], np.int32)})
    data = assemble(array_source("pets", (images, labels), test, {"label": ["a", "b"]}, None, []), DataSpec("x"))
    assert data.notes[0].startswith("3 of the 3 test images are also among the training images")
    assert "validation images are also among the training images" in data.notes[1]


@pytest.mark.parametrize(
    ("counts", "test_counts", "message"),
    [
        ([9, 1], [1, 1], "class c1 of pets has 1 training image, but needs at least 2: one to train on, one to val"),
        ([9, 2], None, "class c1 of pets has 2 training images, but needs at least 3: .* one to test with;"),
        ([1, 9, 1, 1], [1, 1, 1, 1], r"class c0 .* \(and 2 other classes have too few as well\)"),
    ],
)
def test_a_class_with_too_few_images_is_named(counts, test_counts, message) -> None:
    with pytest.raises(UserError, match=message):
        assemble(source(counts, test_counts), DataSpec("x"))


@pytest.mark.parametrize(("least", "test_counts"), [(2, [1, 1]), (3, None)])
def test_the_fewest_images_that_can_be_split(least, test_counts) -> None:
    data = assemble(source([least, least], test_counts), DataSpec("x"))
    assert counts(data.train) == counts(data.validation) == counts(data.test()) == [1, 1]


def test_a_single_fold_is_the_parts_as_they_are() -> None:
    data = assemble(source([50, 100], [10, 10]), DataSpec("x"))
    assert data.folds(1) == [(data.train, data.validation)]


def test_folds_are_of_train_and_validation_together() -> None:
    data = assemble(source([50, 100], [10, 10]), DataSpec("x"))
    folds = data.folds(3)
    assert folds is data.folds(3)
    assert set.union(*(pixels(fold.validation) for fold in folds)) == pixels(data.everything())
    for fold in folds:
        assert not pixels(fold.train) & pixels(fold.validation)
        assert len(fold.train) == 100
        assert counts(fold.validation)[0] in (16, 17)
    again = assemble(source([50, 100], [10, 10]), DataSpec("x")).folds(3)
    assert [pixels(fold.validation) for fold in again] == [pixels(fold.validation) for fold in folds]


def test_a_class_with_fewer_images_than_folds_is_named() -> None:
    data = assemble(source([50, 4], [10, 10]), DataSpec("x"))
    assert len(data.folds(4)) == 4
    with pytest.raises(UserError) as refused:
        data.folds(5)
    assert str(refused.value) == (
        "--folds 5 needs at least 5 images of each class, but c1 of pets has 4 to train on and to validate with: use"
        " --folds 4 or fewer, add images, or leave the class out."
    )
