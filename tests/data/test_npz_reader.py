"""Targets of every kind in the arrays of a ``.npz`` file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metaopt.data.npz import load_npz
from metaopt.errors import UserError
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (20, 6, 6), np.uint8)
TAGS = RNG.integers(0, 2, (20, 3))
TAGS[:3] = [[0, 0, 0], [1, 1, 1], [1, 0, 1]]
MASK = np.zeros((20, 6, 6), bool)
MASK[:, 2:4] = True

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(**arrays) -> Path:
        np.savez(tmp_path / "a.npz", **{"x_train": X, **arrays})
        return tmp_path / "a.npz"

    return write


@pytest.mark.parametrize(
    ("targets", "output"),
    [
        (np.arange(20) % 3, ClassOutput(("0", "1", "2"))),
        ((np.arange(20) % 3).astype(float), ClassOutput(("0", "1", "2"))),
        (np.arange(20) / 7, NumberOutput(("label",))),
        (np.arange(20.0) * 10, NumberOutput(("label",))),
        (RNG.normal(size=(20, 2)), NumberOutput(("0", "1"))),
        (TAGS, LabelOutput(("0", "1", "2"))),
        (TAGS.astype(bool), LabelOutput(("0", "1", "2"))),
        (X, ImageOutput((6, 6, 1))),
        (np.stack([X] * 3, axis=3), ImageOutput((6, 6, 3))),
    ],
)
def test_type_and_shape_of_an_array_tell_the_kind(save: Save, targets, output) -> None:
    data = load_npz(save(y_train=targets), None)
    assert data.outputs == {"label": output}
    assert len(data.images.labels["label"]) == 20
    has_note = any(f"are read as {output.kind}" in note for note in data.notes)
    assert has_note == (output.kind != "classes")


def test_several_heads_have_kinds_and_names_of_their_own(save: Save) -> None:
    path = save(y_train=np.arange(20) % 2, y_train_age=np.arange(20) / 3, y_train_tags=TAGS, classes_tags=[*"abc"])
    outputs = load_npz(path, None).outputs
    expected = [ClassOutput(("0", "1")), NumberOutput(("age",)), LabelOutput(("a", "b", "c"))]
    assert list(outputs.values()) == expected


def test_the_user_names_a_kind(save: Save) -> None:
    path = save(y_train=np.arange(20) % 3)
    assert load_npz(path, None, {"label": "number"}).outputs == {"label": NumberOutput(("label",))}


def test_a_mask_says_which_pixels_count(save: Save) -> None:
    data = load_npz(save(y_train=X, m_train=MASK), None)
    assert data.outputs == {"label": ImageOutput((6, 6, 1), has_mask=True)}
    targets = data.images.labels["label"]
    assert targets.shape == (20, 6, 6, 2)
    assert (targets[..., 1] == MASK * 255).all()


def test_image_targets_are_resized_with_the_images(save: Save) -> None:
    data = load_npz(save(y_train=X, m_train=MASK), 3)
    assert data.outputs == {"label": ImageOutput((3, 3, 1), has_mask=True)}
    assert data.images.labels["label"].shape == (20, 3, 3, 2)
    assert set(np.unique(data.images.labels["label"][..., 1])) <= {0, 255}


def test_targets_count_in_the_fingerprint(save: Save) -> None:
    values = np.arange(20) / 7
    prints = {load_npz(save(y_train=each), None).fingerprint for each in (values, values + 1e-9, TAGS, 1 - TAGS)}
    assert len(prints) == 4


NUMBERS = np.arange(20) / 7
NAN = np.where(np.arange(20) == 4, np.nan, NUMBERS)
ONE_HOT = np.eye(3, dtype=int)[np.arange(20) % 3]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y_train": NAN}, "row 4, column 0 is nan"),
        ({"y_train": np.stack([NUMBERS, NAN], 1), "classes": ["age", "mass"]}, "row 4, column mass is nan"),
        ({"y_train": np.full(20, 1.5)}, "every label is 1.5"),
        ({"y_train": NUMBERS[:19]}, "Found 19 targets for 20 images"),
        ({"y_train": ONE_HOT}, "exactly one 1.*argmax.*label:labels"),
        ({"y_train": TAGS * np.array([1, 0, 1])}, "no image has the label 1"),
        ({"y_train": X[:, :5]}, "Expected 20 images of 6×6"),
        ({"y_train": X, "m_train": MASK[:, :5]}, r"Invalid shape of m_train in a.npz: \(20, 5, 6\)"),
        ({"y_train": X, "m_train": MASK & (np.arange(20) != 3)[:, None, None]}, "no pixel of image 3 counts"),
        ({"y_train": X, "m_train": RNG.random((20, 6, 6))}, "Invalid values in m_train"),
        ({"y_train": TAGS, "classes": ["a", "b"]}, "Found 2 names for 3 columns"),
        ({"y_train": NUMBERS, "x_test": X, "y_test": np.stack([NUMBERS] * 2, 1)}, r"Invalid shape of y_test"),
        ({"y_train": np.array(["1.5", "x"] * 10)}, "Invalid type of y_train"),
    ],
)
def test_invalid_targets_are_named(save: Save, arrays, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_npz(save(**arrays), None)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"lable": "number"}, "Target lable not found in a.npz. Did you mean label"),
        ({"label": "labels"}, "row 2, column 0 is 2. Expected 0 or 1"),
        ({"label": "none"}, "Remove y_train"),
    ],
)
def test_invalid_kinds_are_named(save: Save, targets, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_npz(save(y_train=np.arange(20) % 3), None, targets)
