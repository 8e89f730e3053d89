"""Files with one signal. The module ``wave`` of Python writes the WAV files."""

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from metaopt.data.signal_file import SignalFileError, read_signal

SIGNAL = np.sin(np.linspace(0, 20, 100))[:, None] * [0.9, -0.5]


def write_wav(path: Path, width: int) -> None:
    """Write ``SIGNAL`` with integers of so many bytes."""
    scaled = np.rint(SIGNAL * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        data = (scaled + 128).astype(np.uint8).tobytes()
    else:
        data = b"".join(int(value).to_bytes(width, "little", signed=True) for value in scaled.ravel())
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(width)
        file.setframerate(16000)
        file.writeframes(data)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_integers_of_wav_files_become_shares(width: int, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", width)
    read = read_signal(tmp_path / "a.wav")
    assert (read.signal.shape, read.signal.dtype, read.rate) == ((100, 2), np.float32, 16000)
    assert np.abs(read.signal - SIGNAL).max() <= 2 ** (2 - 8 * width) + 1e-6


def test_floats_of_wav_files_are_exact(tmp_path: Path) -> None:
    from scipy.io import wavfile

    wavfile.write(tmp_path / "a.wav", 44100, SIGNAL.astype(np.float32) * 3)
    read = read_signal(tmp_path / "a.wav")
    assert (read.signal == SIGNAL.astype(np.float32) * 3).all()
    assert read.rate == 44100


@pytest.mark.parametrize("mark", [",", ";", "\t", "  "])
@pytest.mark.parametrize("head", [None, "left{}right", '"left"{}"right"'])
def test_csv_files_have_a_row_for_each_position(mark: str, head: str | None, tmp_path: Path) -> None:
    rows = [mark.join(f"{value:.9g}" for value in row) for row in SIGNAL]
    lines = rows if head is None else [head.format(mark), *rows]
    (tmp_path / "a.csv").write_text("\ufeff" + "\n".join(lines) + "\n\n", encoding="utf-8")
    read = read_signal(tmp_path / "a.csv")
    assert read.rate is None
    assert np.allclose(read.signal, SIGNAL, atol=1e-7)


def test_arrays_of_one_or_two_axes_are_signals(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SIGNAL)
    assert (read_signal(tmp_path / "a.npy").signal == SIGNAL.astype(np.float32)).all()
    np.save(tmp_path / "a.npy", np.arange(5))
    assert read_signal(tmp_path / "a.npy").signal.tolist() == [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.wav", b"", "the file is empty"),
        ("a.wav", b"RIFF", "."),
        ("a.wav", b"not a sound at all, but a text", "it is not a WAV file"),
        ("a.csv", b"a,b\n", "it has no row of numbers"),
        ("a.csv", b"1,2\n3\n", "line 2 has 1 cell. Expected 2"),
        ("a.csv", b"x,y\n1,2\n\n3,four\n", "line 4, column 2 is four. Expected a number"),
        ("a.csv", b"1,2\n3,\n", "line 2, column 2 is empty. Expected a number"),
        ("a.csv", b"1\nnan\n", "line 2, column 1 is nan. Expected a number"),
        ("a.csv", b"\xff\xfe1", "it is not UTF-8"),
        ("a.npy", b"\x93NUMPY", "."),
    ],
)
def test_damaged_files_are_errors(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SignalFileError, match=message) as caught:
        read_signal(tmp_path / name)
    assert str(caught.value)
    assert not str(caught.value).endswith(".")


def test_a_truncated_wav_file_is_read_as_far_as_it_goes_or_is_an_error(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 2)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:30])
    with pytest.raises(SignalFileError):
        read_signal(tmp_path / "a.wav")
    header = bytearray(whole)
    header[22:24] = struct.pack("<H", 0)  # no channels
    (tmp_path / "a.wav").write_bytes(header)
    with pytest.raises(SignalFileError):
        read_signal(tmp_path / "a.wav")
    with pytest.raises(SignalFileError, match="no such file"):
        read_signal(tmp_path / "absent.wav")
