"""Volumes of a ``.npz`` file, which are read like signals of three axes."""

from pathlib import Path

import numpy as np
import pytest

from metaopt.data import DataSpec, load
from metaopt.data.npz import load_npz
from metaopt.data.signal_file import SignalFileError, read_volume
from metaopt.errors import UserError

RNG = np.random.default_rng(0)
VOLUMES = RNG.standard_normal((40, 4, 6, 5, 2)) * (1, 100) + (0, 7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.savez(tmp_path / "scans.npz", x_train=VOLUMES, y_train=np.arange(40) % 2)
    return tmp_path / "scans.npz"


def test_arrays_of_five_axes_are_volumes(file: Path) -> None:
    data = load(DataSpec(str(file)))
    assert data.input_shape == (4, 6, 5, 2)
    assert data.noun == "volume"
    assert "is read as volumes of 4×6×5 positions and 2 channels." in data.notes[0]
    assert any("holding out 8 volumes (20 %)" in note for note in data.notes)
    train = data.train.batch(range(len(data.train)))[0]
    assert data.standardization is not None
    assert data.standardization.mean == pytest.approx(train.mean(axis=(0, 1, 2, 3), dtype=float).tolist())
    scaled = data.standardization.apply(train)
    assert scaled.std(axis=(0, 1, 2, 3)) == pytest.approx([1, 1], abs=1e-3)


def test_volumes_without_channels_are_declared(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=VOLUMES[..., 0], y_train=np.arange(40) % 2, input="volume")
    data = load_npz(tmp_path / "a.npz", None)
    assert data.shape == (4, 6, 5, 1)


def test_a_value_that_is_no_number_is_named(tmp_path: Path) -> None:
    volumes = VOLUMES.copy()
    volumes[3, 1, 2, 4, 0] = np.nan
    np.savez(tmp_path / "a.npz", x_train=volumes, y_train=np.arange(40) % 2)
    with pytest.raises(UserError, match=r"volume 3, position \(1, 2, 4\), channel 0 is nan"):
        load_npz(tmp_path / "a.npz", None)


def test_volumes_have_a_size_of_their_own_and_no_shift(file: Path) -> None:
    with pytest.raises(UserError, match="The data are volumes, which keep their size"):
        load(DataSpec(str(file), image_size=3))
    assert load(DataSpec(str(file), augment="scale+noise")).augment == "scale+noise"
    with pytest.raises(UserError, match="Expected one of none, scale, noise, scale\\+noise for volumes"):
        load(DataSpec(str(file), augment="shift"))


def test_a_volume_is_read_from_its_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VOLUMES[0])
    assert np.allclose(read_volume(tmp_path / "a.npy", (4, 6, 5, 2)), VOLUMES[0])
    np.save(tmp_path / "b.npy", VOLUMES[0, ..., 0])
    assert read_volume(tmp_path / "b.npy", (4, 6, 5, 1)).shape == (4, 6, 5, 1)
    with pytest.raises(SignalFileError, match=r"its shape is \(4, 6, 5\). Expected \(4, 6, 5, 2\)"):
        read_volume(tmp_path / "b.npy", (4, 6, 5, 2))
    (tmp_path / "c.npy").write_bytes(b"no array")
    with pytest.raises(SignalFileError):
        read_volume(tmp_path / "c.npy", (4, 6, 5, 2))
