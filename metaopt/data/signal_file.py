"""Reading of one file with a signal: WAV, CSV, or a ``.npy`` array."""

import io
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import digest
from metaopt.data.image_file import MAX_FILE_BYTES, ImageFileError
from metaopt.data.signal_arrays import VOLUME, SignalArray, to_signals
from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.quantities import plural, size_text

WAV_SUFFIXES = {".wav"}
CSV_SUFFIXES = {".csv"}

_DELIMITERS = ",;\t"
_WAV_STARTS = (b"RIFF", b"RIFX", b"RF64")
_INTEGERS = {np.dtype("int16"): 2.0**15, np.dtype("int32"): 2.0**31}  # 24 bits fill the upper ones of 32


class SignalFileError(ImageFileError):
    """A file of a signal that cannot be read; the message is the reason without the name of the file."""


class SignalFile(NamedTuple):
    """A signal as read from a file.

    Attributes:
        signal: ``(length, channels)``.
        file_digest: digest of the bytes of the file.
        rate: positions per second, or None if the file does not tell.
    """

    signal: SignalArray
    file_digest: int
    rate: int | None = None


def read_signal(path: Path) -> SignalFile:
    """Read the signal in a file.

    A WAV file has integers of 8 to 32 bits, which become −1..1, or floats. A CSV file has one row for each position and
    one column for each channel, separated by commas, semicolons, tabs or spaces; a first row of names is left out. A
    ``.npy`` file has the shape (length,) or (length, channels).

    Raises:
        SignalFileError: The file is empty, too large or no regular file, or holds no such signal.
        UserError: There is not enough memory.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise SignalFileError(f"the file has {size_text(size)}. Expected at most {size_text(MAX_FILE_BYTES)}")
            content = file.read()
        if not content:
            raise SignalFileError("the file is empty")
        suffix, rate = path.suffix.lower(), None
        if suffix in CSV_SUFFIXES:
            values = _read_csv(content)
        elif suffix == ".npy":
            values = np.load(io.BytesIO(content), allow_pickle=False)
        else:
            rate, values = _read_wav(content)
        if values.ndim not in (1, 2):
            raise SignalFileError(f"its shape is {values.shape}. Expected (length,) or (length, channels)")
        return SignalFile(to_signals(values.reshape(1, len(values), -1), "it")[0], digest(content), rate)
    except SignalFileError:
        raise
    except MemoryError:
        raise UserError(f"Not enough memory to read {path}.") from None
    except UserError as error:
        raise SignalFileError(str(error).rstrip(".")) from error
    except OSError as error:
        raise SignalFileError((error.strerror or str(error)).lower()) from error
    except Exception as error:  # the parsers raise exceptions of nearly every type for damaged files
        raise SignalFileError(str(error).rstrip(".") or type(error).__name__) from error


def read_volume(path: Path, shape: tuple[int, ...]) -> SignalArray:
    """Read the volume in a ``.npy`` file.

    Args:
        path: the file.
        shape: its expected shape, (depth, height, width, channels); a single channel may have no axis.

    Raises:
        SignalFileError: The file holds no such volume.
        UserError: There is not enough memory.
    """
    try:
        with open_regular(path) as file:
            values = np.load(io.BytesIO(file.read()), allow_pickle=False)
        if values.shape != shape and (*values.shape, 1) != shape:
            raise SignalFileError(f"its shape is {values.shape}. Expected {shape}")
        return to_signals(values.reshape(1, *shape), "it", VOLUME)[0]
    except SignalFileError:
        raise
    except MemoryError:
        raise UserError(f"Not enough memory to read {path}.") from None
    except OSError as error:
        raise SignalFileError((error.strerror or str(error)).lower()) from error
    except Exception as error:  # the parser raises exceptions of nearly every type for damaged files
        raise SignalFileError(str(error).rstrip(".") or type(error).__name__) from error


def _read_wav(content: bytes) -> tuple[int, npt.NDArray[Any]]:
    """Return the sample rate and the samples as floats.

    Raises:
        SignalFileError: It is another kind of file.
    """
    from scipy.io import wavfile  # takes a tenth of a second to import

    if content[:4] not in _WAV_STARTS:
        raise SignalFileError("it is not a WAV file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks of other programs
        rate, values = wavfile.read(io.BytesIO(content))
    if values.dtype == np.uint8:
        return int(rate), (values.astype(np.float32) - 128) / 128
    if values.dtype in _INTEGERS:
        return int(rate), (values / _INTEGERS[values.dtype]).astype(np.float32)
    return int(rate), values


def _read_csv(content: bytes) -> npt.NDArray[np.float64]:
    """Return the numbers of a table, ``(rows, columns)``.

    Raises:
        SignalFileError: A cell is no finite number, or a row has another number of cells; the message names it.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SignalFileError("it is not UTF-8") from error
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    delimiter = next((mark for mark in _DELIMITERS if rows and mark in rows[0][1]), None)
    cells = [(number, [cell.strip().strip('"') for cell in line.split(delimiter)]) for number, line in rows]
    if cells and all(_parse(cell) is None for cell in cells[0][1]):
        cells = cells[1:]
    if not cells:
        raise SignalFileError("it has no row of numbers")
    table = np.empty((len(cells), len(cells[0][1])))
    for row, (number, texts) in enumerate(cells):
        if len(texts) != table.shape[1]:
            found = plural(len(texts), "cell")
            raise SignalFileError(f"line {number} has {found}. Expected {table.shape[1]}, as before")
        for column, text in enumerate(texts):
            value = _parse(text)
            if value is None or not np.isfinite(value):
                raise SignalFileError(f"line {number}, column {column + 1} is {text or 'empty'}. Expected a number")
            table[row, column] = value
    return table


def _parse(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
