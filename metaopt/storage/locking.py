"""Locks of a study: one search at a time writes to it.

Two locks are held: that of the file ``.lock``, which exists before a journal does, and that of the journal's own
descriptor. A program that removes ``.lock`` cannot admit a second search to the same journal.
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import filelock

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.terminal.commands import shown

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed and .lock is enough
    fcntl = None  # type: ignore[assignment]

# Errors of a file system that has no locks.
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


class Locked(Exception):
    """Another process holds the lock."""


def lock_folder(folder: Path) -> filelock.BaseFileLock:
    """Lock the folder of a study.

    Raises:
        Locked: Another process holds the lock.
        ResultsNotWritable: The folder cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Locked from None
    except NotImplementedError as error:  # as filelock says that the file system has no locks
        raise _no_locks(folder) from error
    except OSError as error:
        raise (_no_locks(folder) if error.errno in _WITHOUT_LOCKS else cannot_write(folder, error)) from error
    return lock


def _no_locks(folder: Path) -> ResultsNotWritable:
    missing = OSError(errno.ENOSYS, "its file system has no locks")
    return cannot_write(folder, missing, "Choose a folder on a local disk.")


def lock_file(file: BinaryIO) -> None:
    """Lock an open file until it is closed; does nothing where the file system has no locks.

    Raises:
        Locked: Another process, or another descriptor of this one, holds the lock.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Locked from None
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise


def require_unlocked(path: Path) -> None:
    """Check that nobody holds the lock of a file; a missing file is not locked.

    Raises:
        Locked: Somebody holds it.
    """
    try:
        with open(path, "rb") as file:
            lock_file(file)
    except OSError:
        return


@contextlib.contextmanager
def exclusive(folder: Path, journal: Path, done: str) -> Iterator[None]:
    """Hold the lock of a study on which no search may run.

    Args:
        folder: folder of the study.
        journal: its journal.
        done: what is done to the study, for the message, e.g. ``"deleted"``.

    Raises:
        UserError: A search is running on it.
        ResultsNotWritable: The folder cannot be written.
    """
    try:
        lock = lock_folder(folder)
        try:
            require_unlocked(journal)
            yield
        finally:
            lock.release()
    except Locked:
        raise UserError(f"A search is running on {shown(folder)}: stop it first. Nothing was {done}.") from None


def is_searched(folder: Path, journal: Path) -> bool:
    """Return whether a search holds one of the locks of a study."""
    try:
        require_unlocked(journal)
        if (folder / ".lock").exists():
            lock_folder(folder).release()
    except Locked:
        return True
    except ResultsNotWritable:  # a read-only folder, on which no search can run
        return False
    return False
