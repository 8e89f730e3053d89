"""Checkpoint files on their way between the disk of the driver and that of a node without a shared folder.

A checkpoint directory is small beside the data, and its files are written once, so that only those that are new or
changed since the last look travel.
"""

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from metaopt.files.atomic_files import write_bytes


@dataclass(frozen=True)
class FileChanges:
    """Changes of a directory.

    Attributes:
        written: path within the directory → content of the files that are new or changed.
        removed: paths of the files that are gone.
    """

    written: dict[str, bytes] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def apply(self, directory: Path) -> None:
        """Make the changes in a directory; each file is durable and complete, and old ones are removed last.

        A state names the file of its best weights, which comes first by the order of names.

        Raises:
            ResultsNotWritable: A file cannot be written.
        """
        for name in sorted(self.written):
            write_bytes(directory / name, self.written[name])
        for name in self.removed:
            with contextlib.suppress(OSError):
                (directory / name).unlink()


class WatchedDirectory:
    """Directory whose changes are read one after the other.

    Args:
        directory: the directory, which need not exist yet; what it holds now is no change.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known = _stamps(directory)

    def take_changes(self) -> FileChanges:
        """Return what has changed since the last call."""
        now = _stamps(self._directory)
        written = _read(self._directory, (name for name, stamp in now.items() if self._known.get(name) != stamp))
        removed = tuple(name for name in self._known if name not in now)
        self._known = now
        return FileChanges(written, removed)


def read_directory(directory: Path) -> dict[str, bytes]:
    """Return the content of the files of a directory by their paths in it; empty if there is none."""
    return _read(directory, _stamps(directory))


def write_directory(directory: Path, files: dict[str, bytes]) -> None:
    """Replace a directory by one with these files.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    shutil.rmtree(directory, ignore_errors=True)
    FileChanges(files).apply(directory)


def _read(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    found = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # replaced meanwhile
            found[name] = (directory / name).read_bytes()
    return found


def _stamps(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Path within a directory → inode, size and time of each file; temporary files and links do not count."""
    stamps = {}
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                status = path.stat()
                stamps[path.relative_to(directory).as_posix()] = status.st_ino, status.st_size, status.st_mtime_ns
    return stamps
