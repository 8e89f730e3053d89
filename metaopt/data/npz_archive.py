"""Arrays of a ``.npz`` file, read with checks of what its headers promise.

``numpy.load`` reserves what the header of an array asks for, whatever the file holds. Here the shape is compared with
the bytes in the archive, and with the free memory, before anything is read. Nothing is unpickled.
"""

import math
import zipfile
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import psutil

from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.quantities import size_text

_SUFFIX = ".npy"
_MAGIC = b"\x93NUMPY"


class NpzArchive:
    """An open ``.npz`` file.

    Args:
        path: the file.

    Attributes:
        names: names of its arrays, in their order.

    Raises:
        UserError: it is not a ``.npz`` file, or holds two arrays of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open_file(path)
        self._zip = _open_zip(self._file, path)
        self.names = [entry.filename.removesuffix(_SUFFIX) for entry in self._zip.infolist() if not entry.is_dir()]
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            self._close()
            raise UserError(f"Found several arrays {twice[0]} in {path.name}. Expected one; write the file again.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        self._zip.close()
        self._file.close()  # an archive leaves a file open that it did not open itself

    def read(self, name: str) -> npt.NDArray[Any]:
        """Read an array.

        Raises:
            KeyError: there is none of this name.
            UserError: it is damaged, packed or encrypted in a way that Python cannot unpack, holds Python objects, or
                is larger than the free memory.
        """
        where = f"{name} in {self.path.name}"
        entry = next(entry for entry in self._zip.infolist() if entry.filename.removesuffix(_SUFFIX) == name)
        try:
            return self._read(entry, where)
        except UserError:
            raise
        except MemoryError:
            raise UserError(f"There is not enough memory for {where}.") from None
        except Exception as error:  # the unpackers and the parser of the header raise exceptions of nearly every type
            raise UserError(f"Cannot read {where}: {_reason(error)}. Write the file again.") from error

    def _read(self, entry: zipfile.ZipInfo, where: str) -> npt.NDArray[Any]:
        with self._zip.open(entry) as file:
            shape, is_fortran, dtype = _read_header(file)
            if dtype.hasobject:
                raise ValueError("it holds Python objects")
            count = math.prod(shape)
            size = count * dtype.itemsize
            held = entry.file_size - file.tell()
            if size != held:
                raise ValueError(f"its header promises {size:,} bytes, but it has {held:,}")
            free = psutil.virtual_memory().available
            if size > free:
                raise UserError(
                    f"There is not enough memory for {where}: it takes {size_text(size)}, and {size_text(free)} are"
                    " free. Use smaller images or fewer of them, or a folder of image files."
                )
            array = np.empty(count, dtype)
            if size:
                _fill(file, array.view(np.uint8).data)
            if file.read(1):  # reads to the end, where the checksum is compared
                raise ValueError("it is damaged")
        return array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)


def _fill(file: IO[bytes], target: memoryview) -> None:
    position = 0
    while position < len(target):
        part = file.read(min(2**20, len(target) - position))
        if not part:
            raise ValueError("it is truncated")
        target[position : position + len(part)] = part
        position += len(part)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"its format has version {version[0]}.{version[1]}")


def _reason(error: Exception) -> str:
    """Return the reason why an array cannot be read."""
    text = str(error)
    if isinstance(error, NotImplementedError):
        return "its compression is not supported (numpy.savez and numpy.savez_compressed write one that is)"
    if isinstance(error, RuntimeError) and "encrypted" in text:
        return "it is encrypted"
    if isinstance(error, ValueError) and text.startswith("it"):
        return text
    return "it is damaged"


def _open_file(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error


def _open_zip(file: BinaryIO, path: Path) -> zipfile.ZipFile:
    """Open an archive; its file is closed if it is none."""
    try:
        if file.read(len(_MAGIC)) == _MAGIC:
            raise UserError(
                f"Found a single array in {path}. Expected a .npz file; create it with numpy.savez(x_train=…,"
                " y_train=…)."
            )
        return zipfile.ZipFile(file)
    except UserError:
        file.close()
        raise
    except Exception as error:  # a damaged directory of the archive raises exceptions of many types
        file.close()
        known = isinstance(error, OSError) and error.strerror
        reason = known or "it is damaged or of another format"
        raise UserError(f"Cannot read {path} as a .npz file: {reason}. Create it with numpy.savez.") from error
