import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from metaopt.data.npz import load_npz
from metaopt.data.npz_archive import NpzArchive
from metaopt.errors import UserError

RNG = np.random.default_rng(0)


def arrays(n: int = 20, **others) -> dict[str, np.ndarray]:
    """Valid arrays; ``None`` removes one."""
    good = {"x_train": RNG.integers(0, 256, (n, 8, 8, 3), np.uint8), "y_train": np.arange(n) % 4}
    return {name: value for name, value in (good | others).items() if value is not None}


@pytest.fixture
def save(tmp_path):
    def save(**content) -> Path:
        np.savez(tmp_path / "a.npz", **content)
        return tmp_path / "a.npz"

    return save


def test_training_arrays_suffice(save) -> None:
    content = arrays()
    data = load_npz(save(**content), None)
    assert data.test is None
    assert data.class_names == {"label": ["0", "1", "2", "3"]}
    assert data.shape == (8, 8, 3)
    assert data.default_augmentation == "flip"
    assert (data.images.batch([2])[0] == content["x_train"][[2]]).all()
    assert data.notes == []


def test_test_split_class_names_and_two_heads(save) -> None:
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
    data = load_npz(path, None)
    assert data.class_names == {"fine": ["cat", "dog", "car", "bus"], "coarse": ["0", "1"]}
    assert data.test is not None
    assert data.test.labels["coarse"].tolist() == [0, 0, 1, 1]
    assert data.notes == ["Ignored in a.npz: readme."]


def test_each_split_has_the_scale_of_its_type(save) -> None:
    pixels = RNG.integers(0, 256, (4, 8, 8, 3), np.uint8)
    shares = (pixels / 255).astype(np.float32)
    one = load_npz(save(**arrays(x_test=shares, y_test=np.arange(4))), None)
    assert one.test is not None
    assert (one.test.batch(range(4))[0] == pixels).all()
    assert "The floats of x_test in a.npz are in 0..1; they are multiplied by 255" in one.notes[0]
    dark = (shares * 0.1).astype(np.float32)
    other = load_npz(save(**arrays(x_train=shares.repeat(5, axis=0), x_test=dark, y_test=np.arange(4))), None)
    assert other.test is not None
    assert (other.test.batch(range(4))[0] == np.rint(dark * np.float32(255))).all()


def test_another_head_is_added_to_label(save) -> None:
    path = save(**arrays(y_train_colour=np.arange(20) % 3, classes_colour=np.array(["red", "green", "blue"])))
    assert load_npz(path, None).class_names == {
        "label": ["0", "1", "2", "3"],
        "colour": ["red", "green", "blue"],
    }


def test_grey_floats_are_scaled_and_resized(save) -> None:
    data = load_npz(save(**arrays(x_train=RNG.random((20, 8, 10), np.float32))), 4)
    assert data.shape == (4, 4, 1)
    assert data.default_augmentation == "none"
    assert data.images.batch([0])[0].dtype == np.uint8
    assert "multiplied by 255" in data.notes[0]


def test_fingerprint_changes_with_the_content(save) -> None:
    content = arrays()
    first = load_npz(save(**content), None).fingerprint
    assert load_npz(save(**content), None).fingerprint == first
    assert load_npz(save(**content), 4).fingerprint != first
    content["x_train"][0, 0, 0, 0] ^= 1
    assert load_npz(save(**content), None).fingerprint != first


OBJECTS = np.array([{"a": 1}] * 20, dtype=object)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"x_train": None}, r"Array x_train not found in a\.npz.* are: y_train\."),
        ({"y_train": None}, "Array y_train not found"),
        ({"y_train": np.arange(7)}, "7 labels for 20 images"),
        ({"y_train": OBJECTS}, "Cannot read y_train in a.npz: it holds Python objects"),
        ({"y_train": np.arange(20) % 4 + 1}, "Missing labels in y_train in a.npz: 0"),
        ({"x_train": np.full((20, 8, 8), 3000)}, "3000"),
        ({"x_test": np.zeros((2, 8, 8, 3), np.uint8)}, "Array y_test not found"),
        ({"y_test": np.zeros(2)}, "Array x_test not found"),
        (
            {"x_test": np.zeros((2, 8, 8, 1), np.uint8), "y_test": np.zeros(2)},
            r"Invalid image shape of x_test in a\.npz: \(8, 8, 1\)",
        ),
        (
            {"x_test": np.zeros((2, 8, 8, 3), np.uint8), "y_test": np.array([0, 4])},
            "Unknown label 4 in y_test in a.npz",
        ),
        (
            {"x_test": np.zeros((2, 8, 8, 3), bool), "y_test": np.zeros(2)},
            "Invalid type of x_test in a.npz: bool. Expected uint8",
        ),
        ({"y_train_label": np.arange(20) % 4}, "y_train and y_train_label in a.npz, two arrays for the head label"),
        ({"y_train_coarse": np.zeros(20)}, "Found 1 class in y_train_coarse in a.npz"),
        ({"classes": np.array(["a", "b"])}, "Found 2 class names"),
    ],
)
def test_invalid_arrays_raise(save, others, message) -> None:
    with pytest.raises(UserError, match=message):
        load_npz(save(**arrays(**others)), None)


def test_files_of_other_formats_raise(tmp_path, save) -> None:
    path = tmp_path / "b.npz"
    for data in (b"", b"no zip", pickle.dumps({"x_train": 1}), save(**arrays()).read_bytes()[:500]):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"Cannot read .*b\.npz as a \.npz file"):
            load_npz(path, None)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="Found a single array"):
        load_npz(path, None)


def header_of(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    """Return the header of an array without the array."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()


def write_members(path: Path, *members: tuple[str, bytes], **options) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def labels() -> tuple[str, bytes]:
    out = io.BytesIO()
    np.save(out, np.arange(20) % 4)
    return "y_train.npy", out.getvalue()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((10**9, 1000, 1000, 3), "its header promises 3,000,000,000,000,000 bytes, but it has 0"),
        ((10**30, 3, 3), "its header promises 9,"),
        ((20, 8, 8, 3), "its header promises 3,840 bytes, but it has 0"),
        ((-1, 8, 8, 3), "its header promises|it is damaged"),
    ],
)
def test_shape_that_the_file_does_not_hold_raises(tmp_path, shape, reason) -> None:
    path = write_members(tmp_path / "a.npz", ("x_train.npy", header_of(shape)), labels())
    with pytest.raises(UserError, match=rf"Cannot read x_train in a\.npz: ({reason})"):
        load_npz(path, None)


def test_array_larger_than_the_free_memory_raises(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=3_000))
    path = write_members(tmp_path / "a.npz", ("x_train.npy", header_of((20, 8, 8, 3)) + bytes(3840)), labels())
    with pytest.raises(
        UserError, match=r"not enough memory for x_train in a\.npz: it takes 3\.8 kB, and 3\.0 kB are free"
    ):
        load_npz(path, None)


def patched(path: Path, local: int, central: int, change: Callable[[bytearray, int], object]) -> Path:
    """Change a field of every member in both headers of an archive."""
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = 0
        while (at := data.find(mark, at)) >= 0:
            change(data, at + offset)
            at += 4
    path.write_bytes(data)
    return path


def test_members_that_cannot_be_unpacked_raise(save) -> None:
    deflate64 = patched(save(**arrays()), 8, 10, lambda data, at: struct.pack_into("<H", data, at, 9))
    with pytest.raises(UserError, match=r"Cannot read x_train in a\.npz: its compression is not supported"):
        load_npz(deflate64, None)
    encrypted = patched(save(**arrays()), 6, 8, lambda data, at: data.__setitem__(at, data[at] | 1))
    with pytest.raises(UserError, match=r"Cannot read x_train in a\.npz: it is encrypted"):
        load_npz(encrypted, None)


@pytest.mark.parametrize(
    "content", [b"", b"no array", b"\x93NUMPY\x09\x00", b"\x93NUMPY\x01\x00\x05\x00{((((", header_of((2,), "|O")]
)
def test_members_that_are_no_arrays_raise(tmp_path, content) -> None:
    path = write_members(tmp_path / "a.npz", ("x_train.npy", content), labels())
    with pytest.raises(UserError, match=r"Cannot read x_train in a\.npz: it"):
        load_npz(path, None)


def test_two_arrays_of_one_name_raise(tmp_path) -> None:
    for other in ("y_train.npy", "y_train"):
        path = write_members(tmp_path / "a.npz", labels(), (other, labels()[1]))
        with pytest.raises(UserError, match=r"Found several arrays y_train in a\.npz"):
            load_npz(path, None)


def test_every_flipped_byte_is_found_or_harmless(save) -> None:
    path = save(**arrays(4, y_train=np.array([0, 1, 0, 1])))
    data, seen = path.read_bytes(), 0
    whole = load_npz(path, None).fingerprint
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        try:
            assert load_npz(path, None).fingerprint == whole
        except UserError:
            seen += 1
    assert seen > len(data) / 7 / 2


def test_arrays_of_every_order_type_and_compression_are_read(tmp_path) -> None:
    content = {
        "x_train": np.asfortranarray(RNG.integers(0, 256, (20, 8, 8, 3), np.uint8)),
        "y_train": (np.arange(20) % 4).astype(">i2"),
        "classes": np.array(["a", "b", "c", "Ä"]),
        "date": np.array("2020-01-01", "M8[D]"),
        "nothing": np.zeros((0, 3)),
    }
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "a.npz", **content)
        with NpzArchive(tmp_path / "a.npz") as archive:
            assert archive.names == list(content)
            for name, array in content.items():
                assert (archive.read(name) == array).all()
                assert archive.read(name).shape == array.shape
        assert load_npz(tmp_path / "a.npz", None).class_names == {"label": ["a", "b", "c", "Ä"]}


def test_only_regular_files_are_opened(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(UserError, match=r"pipe\.npz: it is a named pipe"):
        load_npz(tmp_path / "pipe.npz", None)


def test_a_damaged_array_raises(tmp_path, save) -> None:
    path = save(**arrays())
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"Cannot read x_train in a\.npz: it is damaged"):
        load_npz(path, None)


def test_nothing_is_unpickled(tmp_path, save) -> None:
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    content = arrays(classes=np.array([Malicious()], dtype=object))
    with pytest.raises(UserError, match="Python objects"):
        load_npz(save(**content), None)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("train", "test", "noted"),
    [
        (np.uint8([[0, 1]]), np.uint8([[0, 1]]), ["x_train"]),
        (np.uint8([[0, 255]]), np.uint8([[0, 1]]), ["x_test"]),
        (np.uint8([[0, 255]]), np.float32([[0, 1]]), []),
        (np.float32([[0, 255]]), np.float32([[0, 1]]), ["x_test"]),
        (np.int32([[0, 15]]), None, ["x_train"]),
    ],
)
def test_nearly_black_arrays_are_noted(save, train, test, noted) -> None:
    content = {"x_train": np.tile(train, (20, 4, 4)), "y_train": np.arange(20) % 4}
    if test is not None:
        content |= {"x_test": np.tile(test, (4, 4, 4)), "y_test": np.arange(4)}
    notes = [note for note in load_npz(save(**content), None).notes if "nearly black" in note]
    assert [note.split(" in a.npz")[0].split()[-1] for note in notes] == noted


def test_the_file_is_closed_after_reading(save) -> None:
    with NpzArchive(save(**arrays())) as archive:
        archive.read("x_train")
    file = archive._file
    assert file.closed
