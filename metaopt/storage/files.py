"""Durable file operations.

Everything that a study writes goes through one ``Files`` object. Crash tests use one that fails at a given operation
and then loses all data that was not synced, or part of it.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from metaopt.files.atomic_files import cannot_write, create_temporary, removed_on_error, sync_file, sync_folder


class Files:
    """File operations of a study on the real file system.

    ``append`` and ``replace`` are durable when they return. Any ``OSError`` on the way (read-only folder, full disk) is
    raised as ``ResultsNotWritable``, naming the file.
    """

    def open_journal(self, path: Path) -> tuple[BinaryIO, bool]:
        """Open a file to append to it; create it where it is missing, which the first ``append`` makes durable.

        Returns:
            The file, and whether it is new.
        """
        with _writing(path):
            is_new = not path.exists() or not path.stat().st_size
            return cast(BinaryIO, open(path, "ab+", buffering=0)), is_new

    def append(self, file: BinaryIO, data: bytes, *, is_new: bool = False) -> None:
        """Append bytes to an open file and sync it, and the name of a new file, too."""
        with _writing(Path(file.name)):
            self._write(file, data)
            self._sync(file)
            if is_new:
                self._sync_folder(Path(file.name).parent)

    def cut(self, file: BinaryIO, size: int) -> None:
        """Truncate an open file to ``size`` bytes."""
        with _writing(Path(file.name)):
            self._truncate(file, size)
            self._sync(file)

    def replace(self, path: Path, data: bytes) -> None:
        """Replace the content of a file, completely or not at all, even if the machine stops.

        A link is replaced, not followed.
        """
        with _writing(path):
            self.write_aside(path, lambda file: self._write(file, data))

    def write_aside(
        self,
        path: Path,
        write: Callable[[BinaryIO], object],
        find_path: Callable[[BinaryIO], Path] | None = None,
    ) -> Path:
        """Write a file under a temporary name and rename it, so that it is complete or does not exist.

        The file is durable when the method returns.

        Args:
            path: the final path, or one in the same folder of which the temporary name is made.
            write: writes the content into the open file.
            find_path: returns the final path. It is called with the synced file, positioned at the start.

        Returns:
            The final path.

        Raises:
            OSError: The file cannot be written.
        """
        with create_temporary(path) as file, removed_on_error(file):
            write(file)
            self.sync(file)
            file.seek(0)
            final = path if find_path is None else find_path(file)
            self._rename(Path(file.name), final)
        self._sync_folder(final.parent)
        return final

    def sync(self, file: BinaryIO) -> None:
        """Write the buffers of an open file to disk.

        Raises:
            OSError: The file cannot be written.
        """
        file.flush()
        self._sync(file)

    def make_folder(self, folder: Path) -> None:
        """Create a folder and its parents durably; an existing folder is left as it is.

        Raises:
            OSError: The folder cannot be created.
        """
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            self._sync_folder(path.parent)

    def rename(self, path: Path, target: Path) -> None:
        """Rename a file within its folder, in place of a file of that name."""
        with _writing(path):
            self._rename(path, target)
            self._sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file if it exists; not synced, since only derived files are removed."""
        with _writing(path), contextlib.suppress(FileNotFoundError):
            self._unlink(path)

    # Single steps; the crash tests make each of them fail.

    def _write(self, file: BinaryIO, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[file.write(view) or 0 :]

    def _sync(self, file: BinaryIO) -> None:
        sync_file(file)

    def _truncate(self, file: BinaryIO, size: int) -> None:
        file.truncate(size)

    def _rename(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def _unlink(self, path: Path) -> None:
        os.unlink(path)

    def _sync_folder(self, folder: Path) -> None:
        sync_folder(folder)


class Unsynced(Files):
    """File operations without syncing, for simulations, where syncing would take most of the time.

    After a crash of the machine the files may be incomplete.
    """

    def _sync(self, file: BinaryIO) -> None:
        pass

    def _sync_folder(self, folder: Path) -> None:
        pass


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Convert an error of the file system to a ``ResultsNotWritable`` that names the file."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error, "All finished trials are saved; start the search again then.") from error
