import os
import subprocess
import sys

import numpy as np
import pytest

from metaopt.data import DataSpec, load, resolve
from metaopt.errors import UserError


def loaded(data, **options):
    return load(resolve(DataSpec(str(data), **options), gpu=False)[0])


def test_auto_loads_the_digits() -> None:
    data = loaded("auto")
    assert data.input_shape == (8, 8, 1)
    assert data.classes == {"label": 10}
    assert data.augment == "none"
    assert (len(data.train), len(data.validation), len(data.test())) == (1151, 287, 359)


def test_an_npz_file_is_loaded(tmp_path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x_train=rng.integers(0, 256, (40, 6, 6), np.uint8), y_train=np.arange(40) % 4)
    data = loaded(tmp_path / "a.npz", image_size=4)
    assert data.input_shape == (4, 4, 1)
    assert len(data.train) == 24


def test_rectangular_images_stay_rectangular_on_request(make_folder, tmp_path) -> None:
    folder = make_folder({"a": 10, "b": 10}, size=(40, 18))
    data = loaded(folder, image_size="9x20", cache=str(tmp_path / "cache"))
    assert data.input_shape == data.train.batch([0])[0].shape[1:] == (9, 20, 3)
    assert any("central window of the aspect ratio 9:20 and resized to 9×20" in note for note in data.notes)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x_train=rng.integers(0, 256, (40, 6, 6), np.uint8), y_train=np.arange(40) % 4)
    assert loaded(tmp_path / "a.npz", image_size="4x6").input_shape == (4, 6, 1)
    assert loaded("digits", image_size="16x8").input_shape == (16, 8, 1)
    square = loaded(folder, image_size=9, cache=str(tmp_path / "cache"))
    assert loaded(folder, image_size="9x9").fingerprint == square.fingerprint != data.fingerprint


def test_images_of_any_number_of_channels_are_loaded(tmp_path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 6, 6, 7), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images, y_train=np.arange(40) % 4)
    data = loaded(tmp_path / "a.npz", image_size="4x6")
    assert (data.input_shape, data.augment) == ((4, 6, 7), "flip")
    for row, image in enumerate(images):
        (tmp_path / "b" / str(row % 2)).mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "b" / str(row % 2) / f"{row}.npy", image)
    data = loaded(tmp_path / "b")
    assert data.input_shape == (6, 6, 7)
    everything = data.everything().batch(range(len(data.everything())))[0]
    assert {image.tobytes() for image in everything} <= {image.tobytes() for image in images}
    np.save(tmp_path / "b" / "0" / "0.npy", images[0, ..., :5])
    with pytest.raises(UserError, match=r"different numbers of channels: .*has [57], .*has [57]\. Expected"):
        loaded(tmp_path / "b")


def test_arrays_beside_images_are_left_out(make_folder) -> None:
    folder = make_folder({"a": 5, "b": 5})
    before = loaded(folder).fingerprint
    np.save(folder / "a" / "features.npy", np.zeros((8, 8)))
    data = loaded(folder)
    assert data.fingerprint == before
    assert "Ignored in pets: 1 other file (.npy 1)." in data.notes


@pytest.mark.slow
def test_splits_are_the_same_in_another_process(make_folder, tmp_path) -> None:
    root = make_folder({"a": 10, "b": 10})
    data = loaded(root, cache=str(tmp_path / "cache"))
    code = (
        "from metaopt.data import DataSpec, load; "
        f"d = load(DataSpec({str(root)!r}, cache={str(tmp_path / 'cache')!r})); "
        "print(d.fingerprint, d.validation.batch([0])[0].sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.split() == [data.fingerprint, str(data.validation.batch([0])[0].sum())]


@pytest.mark.slow
def test_loading_imports_no_keras() -> None:
    code = (
        "import sys; from metaopt.data import DataSpec, load; load(DataSpec('digits')); "
        "print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.split() == ["False", "False"]


def test_an_invalid_folder_raises(make_folder) -> None:
    with pytest.raises(UserError, match="only one class folder"):
        loaded(make_folder({"a": 5}))


@pytest.mark.slow
def test_flowers17_is_loaded(shared, tmp_path) -> None:
    data = loaded(shared / "data" / "flowers17", cache=str(tmp_path / "cache"))
    assert data.description == {
        "name": "flowers17",
        "images": {"train": 816, "validation": 204, "test": 340},
        "input_shape": [16, 16, 3],
        "classes": {"label": 17},
        "augment": "flip",
    }
    assert data.class_names["label"] == [str(number) for number in range(1, 18)]
    assert data.notes[0].startswith("10 of the 340 test images are also among the training images")


@pytest.mark.slow
def test_unpacked_cifar10_is_loaded(shared, tmp_path) -> None:
    path = tmp_path / "cifar10.npz"
    subprocess.run([sys.executable, shared / "data" / "unpack_cifar10.py", path], check=True)
    data = loaded(path)
    assert data.classes == {"fine": 10, "coarse": 2}
    assert (len(data.train), len(data.validation), len(data.test())) == (40_000, 10_000, 10_000)
    assert data.class_names["fine"][:2] == ["airplane", "automobile"]
    assert (np.bincount(data.validation.labels["fine"]) == 1000).all()


def test_a_folder_with_skipped_images_is_that_without_them(make_folder, tmp_path) -> None:
    root = make_folder({"a": 10, "b": 10})
    (root / "a" / "3.png").write_bytes(b"")
    os.mkfifo(root / "b" / "pipe\n.png")
    with pytest.raises(UserError, match=r"3\.png: the file is empty \(and 1 more: (.|\n)*with skip_broken"):
        loaded(root)
    data = loaded(root, skip_broken=True)
    assert "Left out 2 images that cannot be read: a/3.png (the file is empty), b/pipe\n.png (it is" in data.notes[0]
    for name in ("a/3.png", "b/pipe\n.png"):
        (root / name).unlink()
    clean = loaded(root)
    assert clean.fingerprint == data.fingerprint
    assert (clean.train.batch(range(len(clean.train)))[0] == data.train.batch(range(len(data.train)))[0]).all()
    assert not any("Left out" in note for note in clean.notes)


def test_a_class_without_a_readable_image_raises(make_folder) -> None:
    root = make_folder({"a": 10, "b": 2})
    for path in (root / "b").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match="Too few images in class b of pets: 0"):
        loaded(root, skip_broken=True)


def test_too_little_memory_is_a_sentence(monkeypatch, tmp_path) -> None:
    def fail(*_) -> None:
        raise MemoryError

    monkeypatch.setattr("metaopt.data.load_builtin", fail)
    with pytest.raises(UserError, match="There is not enough memory for the images of digits"):
        loaded("digits")


def test_special_files_are_no_data_set(tmp_path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match=r"Expected a folder of class folders or a \.npz file"):
        loaded(tmp_path / "a.npz")
    with pytest.raises(UserError, match="loop does not exist"):
        loaded(tmp_path / "loop")
