"""Signals in arrays."""

import re

import numpy as np
import pytest

from metaopt.data import DataSpec, load
from metaopt.data.npz import load_npz
from metaopt.data.signal_arrays import fit_length, infer_input, to_signals
from metaopt.errors import UserError

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 4


@pytest.mark.parametrize(
    ("shape", "dtype", "found"),
    [
        ((9, 50), np.float32, "signal"),
        ((9, 50), np.uint8, "signal"),
        ((9, 50, 3), np.float64, "signal"),
        ((9, 128, 9), np.int16, "signal"),
        ((9, 64, 16), np.float32, "signal"),
        ((9, 64, 17), np.float32, "image"),
        ((9, 63, 16), np.float32, "image"),
        ((9, 8, 8), np.float32, "image"),
        ((9, 28, 28), np.uint8, "image"),
        ((9, 50, 3), np.uint8, "image"),  # as in earlier versions
        ((9, 50, 3), bool, "image"),
        ((9, 50, 3, 1), np.float32, "image"),
        ((9, 5, 6, 7, 1), np.float32, "volume"),
    ],
)
def test_axes_and_types_tell_signals_from_images(shape, dtype, found) -> None:
    assert infer_input(np.zeros(shape, dtype)) == found


def test_signals_are_cut_to_their_centre_or_padded() -> None:
    signals = np.arange(1, 11, dtype=np.float32).reshape(1, 10, 1)
    assert fit_length(signals, 5)[0, :, 0].tolist() == [3, 4, 5, 6, 7]
    assert fit_length(signals[0], 13)[:, 0].tolist() == [0, *range(1, 11), 0, 0]
    assert fit_length(signals, 10) is not None
    assert (fit_length(signals, 10) == signals).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 4, 5, 6)), r"Invalid shape of x: \(3, 4, 5, 6\). Expected \(n, length\) or"),
        (np.zeros((3, 0)), "Invalid shape of x"),
        (np.zeros((3, 4), complex), "Invalid type of x: complex128"),
        (np.array([["a", "b"]]), "Invalid type of x"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), "signal 1, position 1, channel 0 is nan"),
        (np.array([[1.0, 1e300]]), "signal 0, position 1, channel 0 is 1e"),
    ],
)
def test_arrays_that_are_no_signals_are_refused(values, message) -> None:
    with pytest.raises(UserError, match=message):
        to_signals(values, "x")


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "a.npz", **{"y_train": LABELS, **arrays})
        return tmp_path / "a.npz"

    return write


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 2)])
@pytest.mark.parametrize("dtype", [np.float64, np.int16])
def test_signals_of_a_file_are_read_and_said(save, shape, dtype) -> None:
    values = (1000 * RNG.standard_normal(shape)).astype(dtype)
    data = load(DataSpec(str(save(x_train=values))))
    whole = values.reshape(40, 30, -1).astype(np.float32)
    assert data.input_shape == whole.shape[1:]
    assert data.augment == "none"
    assert any(f"of shape {shape}, is read as signals of 30 positions" in note for note in data.notes)
    read, labels = data.train.batch(range(len(data.train)))
    assert read.dtype == np.float32
    rows = {signal.tobytes(): label for signal, label in zip(whole, LABELS, strict=True)}
    assert [rows[signal.tobytes()] for signal in read] == labels["label"].tolist()
    assert data.standardization is not None
    assert data.standardization.mean == pytest.approx(read.mean(axis=(0, 1), dtype=np.float64).tolist(), rel=1e-5)


def test_the_file_may_say_what_it_holds(save) -> None:
    values = RNG.random((40, 30, 2))
    assert len(load_npz(save(x_train=values), None).shape) == 2
    image = load_npz(save(x_train=values, input="image"), None)
    assert image.shape == (30, 2, 1)
    assert not any("Ignored" in note for note in image.notes)
    assert load_npz(save(x_train=RNG.random((40, 8, 8)), input="signal"), None).shape == (8, 8)
    with pytest.raises(UserError, match=r"Invalid value of input in a.npz: sound. Expected signal, image or volume"):
        load_npz(save(x_train=values, input="sound"), None)


def test_image_size_is_the_length_of_signals(save) -> None:
    path = save(x_train=RNG.random((40, 30)))
    whole, cut = load_npz(path, None), load_npz(path, 20)
    assert (whole.shape, cut.shape) == ((30, 1), (20, 1))
    assert whole.fingerprint != cut.fingerprint
    assert load_npz(path, 20).fingerprint == cut.fingerprint
    with pytest.raises(UserError, match=r"image_size: 20x30. The data are signals: expected one integer"):
        load_npz(path, "20x30")


def test_a_test_split_of_signals_has_their_shape(save) -> None:
    values = RNG.random((40, 30))
    data = load_npz(save(x_train=values, x_test=values[:8], y_test=LABELS[:8]), None)
    assert data.test is not None
    assert len(data.test) == 8
    with pytest.raises(UserError, match=r"Invalid signal shape of x_test in a.npz: \(29, 1\). Expected \(30, 1\)"):
        load_npz(save(x_train=values, x_test=values[:8, :29], y_test=LABELS[:8]), None)
    with pytest.raises(UserError, match="x_test"):
        load_npz(save(x_train=values, y_test=LABELS[:8]), None)


def test_signals_take_every_kind_of_target_but_images(save) -> None:
    values = RNG.random((40, 30))
    data = load_npz(save(x_train=values, y_train_level=values.mean(axis=1)), None)
    assert [output.kind for output in data.outputs.values()] == ["classes", "number"]
    with pytest.raises(UserError, match="Target label holds images, but the inputs are signals"):
        load_npz(save(x_train=values, y_train=np.zeros((40, 30, 30), np.uint8)), None)


@pytest.mark.parametrize(("shape", "augment"), [((40, 30), "flip"), ((40, 6, 6), "shift+noise")])
def test_augmentation_of_the_other_kind_is_refused(save, shape, augment) -> None:
    message = f"Invalid value for augment: {augment}. Expected one of none"
    with pytest.raises(UserError, match=re.escape(message)):
        load(DataSpec(str(save(x_train=RNG.random(shape))), augment=augment))
