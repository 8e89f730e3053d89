"""Folders of files with signals."""

import wave
from pathlib import Path

import numpy as np
import pytest

from metaopt.data import DataSpec, load
from metaopt.errors import UserError

RNG = np.random.default_rng(0)


def write_wav(path: Path, length: int = 50, rate: int = 8000, channels: int = 1) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = RNG.integers(-30000, 30000, (length, channels), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return samples / np.float32(2**15)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty sounds of two classes."""
    for row in range(20):
        write_wav(tmp_path / "sounds" / ("dog" if row % 2 else "cat") / f"{row}.wav")
    return tmp_path / "sounds"


def test_sounds_in_class_folders_are_loaded(folder: Path) -> None:
    data = load(DataSpec(str(folder)))
    assert (data.input_shape, data.classes, data.sample_rate) == ((50, 1), {"label": 2}, 8000)
    assert "Read from sounds: 20 signals of 50 positions and 1 channel, 8,000 samples per second." in data.notes
    assert (len(data.train), len(data.validation), len(data.test())) == (12, 4, 4)
    assert load(DataSpec(str(folder))).fingerprint == data.fingerprint
    write_wav(folder / "cat" / "0.wav")
    assert load(DataSpec(str(folder))).fingerprint != data.fingerprint


def test_signals_of_different_lengths_get_their_median(folder: Path) -> None:
    short = write_wav(folder / "cat" / "0.wav", length=30)
    data = load(DataSpec(str(folder)))
    assert data.input_shape == (50, 1)
    assert any("of 30 to 50 positions, are cut to their centre or padded with zeros to 50" in x for x in data.notes)
    everything = np.concatenate([data.everything().batch(range(16))[0], data.test().batch(range(4))[0]])
    padded = np.pad(short, ((10, 10), (0, 0)))
    assert any(np.array_equal(padded, signal) for signal in everything)
    assert load(DataSpec(str(folder), image_size=24)).input_shape == (24, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 16000}, r"different sample rates: .*0.wav has 16000 Hz, .*wav has 8000 Hz. Convert them"),
        ({"channels": 2}, r"different numbers of channels: .*0.wav has 2, .*wav has 1. Convert them"),
    ],
)
def test_signals_that_do_not_fit_together_are_refused(folder: Path, options, message) -> None:
    write_wav(folder / "cat" / "0.wav", **options)
    with pytest.raises(UserError, match=message):
        load(DataSpec(str(folder)))


def test_unreadable_sounds_are_named_or_left_out(folder: Path) -> None:
    (folder / "cat" / "0.wav").write_bytes(b"")
    (folder / "dog" / "1.wav").write_bytes(b"")
    with pytest.raises(UserError, match=r"0.wav: the file is empty \(and 1 more: dog/1.wav\).*skip_broken"):
        load(DataSpec(str(folder)))
    data = load(DataSpec(str(folder), skip_broken=True))
    (note,) = [note for note in data.notes if "Left out" in note]
    assert note.startswith("Left out 2 files that cannot be read: cat/0.wav (the file is empty), dog/1.wav (")
    for name in ("cat/0.wav", "dog/1.wav"):
        (folder / name).unlink()
    assert load(DataSpec(str(folder))).fingerprint == data.fingerprint


def test_tables_named_by_labels_are_signals(tmp_path: Path) -> None:
    lines = ["file,weight,split"]
    for row in range(20):
        np.savetxt(tmp_path / f"{row}.csv", RNG.random((40, 3)), delimiter=",")
        lines.append(f"{row}.csv,{row / 7},{'test' if row > 15 else 'train'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    data = load(DataSpec(str(tmp_path)))
    assert (data.input_shape, len(data.test())) == ((40, 3), 4)
    assert data.outputs["weight"].kind == "number"
    assert not any("does not name" in note or "Ignored" in note for note in data.notes)


def test_split_folders_of_sounds_are_splits(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for row in range(count):
            for name in ("a", "b"):
                write_wav(tmp_path / split / name / f"{row}.wav")
    data = load(DataSpec(str(tmp_path)))
    assert (len(data.train), len(data.validation), len(data.test())) == (12, 4, 6)


def test_notes_speak_of_signals(folder: Path) -> None:
    notes = load(DataSpec(str(folder))).notes
    assert any(note.startswith("No test split found in") and "signals (20 %) for testing" in note for note in notes)
    assert not any("images" in note for note in notes)


def test_sounds_beside_images_are_left_out(folder: Path, make_folder) -> None:
    images = make_folder({"cat": 5, "dog": 5}, root="sounds")
    data = load(DataSpec(str(images)))
    assert data.input_shape == (8, 8, 3)
    assert "Ignored in sounds: 20 other files (.wav 20)." in data.notes
