import pickle
from pathlib import Path

import numpy as np
import pytest

from metaopt.data.npz import npz_source
from metaopt.errors import UserError

RNG = np.random.default_rng(0)


def arrays(n: int = 20, **others) -> dict[str, np.ndarray]:
    """Arrays as they should be; ``None`` takes one out."""
    good = {"x_train": RNG.integers(0, 256, (n, 8, 8, 3), np.uint8), "y_train": np.arange(n) % 4}
    return {name: value for name, value in (good | others).items() if value is not None}


@pytest.fixture
def save(tmp_path):
    def save(**content) -> Path:
        np.savez(tmp_path / "a.npz", **content)
        return tmp_path / "a.npz"

    return save


def test_the_least_that_is_needed(save) -> None:
    content = arrays()
    source = npz_source(save(**content), None)
    assert source.test is None
    assert source.class_names == {"label": ["0", "1", "2", "3"]}
    assert source.shape == (8, 8, 3)
    assert source.advice == "flip"
    assert (source.images.batch([2])[0] == content["x_train"][[2]]).all()
    assert source.notes == []


def test_test_part_names_and_two_heads(save) -> None:
    path = save(
        **arrays(
            x_test=RNG.integers(0, 256, (4, 8, 8, 3), np.uint8),
            y_test=np.arange(4),
            y_train_coarse=np.arange(20) % 4 // 2,
            y_test_coarse=np.arange(4) // 2,
            classes=np.array(["cat", "dog", "car", "bus"]),
            readme=np.array("hello"),
        )
    )
    source = npz_source(path, None)
    assert source.class_names == {"fine": ["cat", "dog", "car", "bus"], "coarse": ["0", "1"]}
    assert source.test is not None
    assert source.test.labels["coarse"].tolist() == [0, 0, 1, 1]
    assert source.notes == ["Left out of a.npz: readme."]


def test_each_part_has_the_scale_of_its_type(save) -> None:
    pixels = RNG.integers(0, 256, (4, 8, 8, 3), np.uint8)
    shares = (pixels / 255).astype(np.float32)
    one = npz_source(save(**arrays(x_test=shares, y_test=np.arange(4))), None)
    assert one.test is not None
    assert (one.test.batch(range(4))[0] == pixels).all()
    assert "x_test in a.npz has floats in 0..1, which are multiplied by 255" in one.notes[0]
    dark = (shares * 0.1).astype(np.float32)
    other = npz_source(save(**arrays(x_train=shares.repeat(5, axis=0), x_test=dark, y_test=np.arange(4))), None)
    assert other.test is not None
    assert (other.test.batch(range(4))[0] == np.rint(dark * np.float32(255))).all()


def test_another_head_goes_beside_label(save) -> None:
    path = save(**arrays(y_train_colour=np.arange(20) % 3, classes_colour=np.array(["red", "green", "blue"])))
    assert npz_source(path, None).class_names == {
        "label": ["0", "1", "2", "3"],
        "colour": ["red", "green", "blue"],
    }


def test_grey_floats_of_another_size(save) -> None:
    source = npz_source(save(**arrays(x_train=RNG.random((20, 8, 10), np.float32))), 4)
    assert source.shape == (4, 4, 1)
    assert source.advice == "none"
    assert source.images.batch([0])[0].dtype == np.uint8
    assert "multiplied by 255" in source.notes[0]


def test_the_fingerprint_changes_with_the_content(save) -> None:
    content = arrays()
    first = npz_source(save(**content), None).fingerprint
    assert npz_source(save(**content), None).fingerprint == first
    assert npz_source(save(**content), 4).fingerprint != first
    content["x_train"][0, 0, 0, 0] ^= 1
    assert npz_source(save(**content), None).fingerprint != first


OBJECTS = np.array([{"a": 1}] * 20, dtype=object)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"x_train": None}, r"no array x_train \(it has y_train\)"),
        ({"y_train": None}, "no array y_train"),
        ({"y_train": np.arange(7)}, "7 labels for 20 images"),
        ({"y_train": OBJECTS}, "y_train in a.npz cannot be read: it holds Python objects"),
        ({"y_train": np.arange(20) % 4 + 1}, "lacks 0"),
        ({"x_train": np.zeros((20, 64))}, r"shape \(20, 64\)"),
        ({"x_train": np.full((20, 8, 8), 3000)}, "3000"),
        ({"x_test": np.zeros((2, 8, 8, 3), np.uint8)}, "no array y_test"),
        ({"y_test": np.zeros(2)}, "no array x_test"),
        ({"x_test": np.zeros((2, 8, 8, 1), np.uint8), "y_test": np.zeros(2)}, "they must agree"),
        ({"x_test": np.zeros((2, 8, 8, 3), np.uint8), "y_test": np.array([0, 4])}, "label 4, but the training"),
        ({"x_test": np.zeros((2, 8, 8, 3), bool), "y_test": np.zeros(2)}, "type bool, but x_train uint8"),
        ({"y_train_label": np.arange(20) % 4}, "y_train and y_train_label, which are both called label"),
        ({"y_train_coarse": np.zeros(20)}, "y_train_coarse in a.npz has 1 class"),
        ({"classes": np.array(["a", "b"])}, "only 2 names"),
    ],
)
def test_bad_arrays(save, others, message) -> None:
    with pytest.raises(UserError, match=message):
        npz_source(save(**arrays(**others)), None)


def test_files_that_are_no_npz(tmp_path, save) -> None:
    path = tmp_path / "b.npz"
    for data in (b"", b"no zip", pickle.dumps({"x_train": 1}), save(**arrays()).read_bytes()[:500]):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"b\.npz cannot be read as a \.npz"):
            npz_source(path, None)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="holds a single array"):
        npz_source(path, None)


def test_a_damaged_array(tmp_path, save) -> None:
    path = save(**arrays())
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"x_train in a\.npz cannot be read: it is damaged"):
        npz_source(path, None)


def test_nothing_is_unpickled(tmp_path, save) -> None:
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    content = arrays(classes=np.array([Malicious()], dtype=object))
    with pytest.raises(UserError, match="Python objects"):
        npz_source(save(**content), None)
    assert not (tmp_path / "harm").exists()
