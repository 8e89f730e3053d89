"""Temporary folders of this machine that several processes may hold, removed when none does any more, or that stay.

A holder has a shared lock on a file beside the folder. The kernel releases it however the process ends. A folder is
therefore never removed while it is in use, and the next call of ``remove_unused`` removes those of a crash.
"""

import atexit
import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LOCK = ".lock"
_held: dict[Path, int] = {}  # folder → descriptor of its lock


def hold(name: str) -> Path:
    """Return a folder of this name, created if needed, that exists until this process has ended or released it.

    Args:
        name: the same name is the same folder in all processes of this user on this machine.

    Raises:
        OSError: There is no room, or the system has no such locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "this system has no shared locks of files")
    root = _root()
    folder = root / name
    if folder in _held:
        return folder
    while True:
        _make_root()
        lock = root / f"{name}{_LOCK}"
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # the root was removed in between
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if _is_at(descriptor, lock):
            break
        os.close(descriptor)  # it was removed while this process waited
    if not _held:
        atexit.register(_release_all)
    _held[folder] = descriptor
    folder.mkdir(0o700, exist_ok=True)
    return folder


def lasting(name: str) -> Path:
    """Return a private folder of this name, created if needed, that stays when no process uses it.

    Raises:
        OSError: There is no room, or the folder of all folders is not private to this user.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "this system has no users with private temporary folders")
    folder = _make_root() / name
    folder.mkdir(0o700, exist_ok=True)
    return folder


def folder_of(name: str) -> Path:
    """Return where the folder of this name is, whether it exists or not; ``TMPDIR`` decides."""
    return _root() / name


def make_temporary() -> Path:
    """Return a new folder of this process, for ``discard``; one of a process that was killed is removed by the next."""
    try:
        return hold(f"temporary-{secrets.token_hex(8)}")
    except OSError:  # no room for the lock, or no locks
        return Path(tempfile.mkdtemp(prefix="metaopt-"))


def discard(folder: Path) -> None:
    """Remove a folder that only this process uses."""
    shutil.rmtree(folder, ignore_errors=True)
    release(folder)


def release(folder: Path) -> None:
    """Hold a folder no longer, and remove what nobody holds."""
    if folder in _held:
        os.close(_held.pop(folder))
    remove_unused()


def _release_all() -> None:
    while _held:
        os.close(_held.popitem()[1])
    remove_unused()


def remove_unused() -> None:
    """Remove the folders that no process holds; failures are ignored."""
    if fcntl is None:
        return
    root = _root()
    for lock in root.glob(f"*{_LOCK}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # also raises if this process holds it
                if _is_at(descriptor, lock):
                    shutil.rmtree(lock.with_name(lock.name.removesuffix(_LOCK)), ignore_errors=True)
                    lock.unlink()
            finally:
                os.close(descriptor)
    with contextlib.suppress(OSError):
        root.rmdir()


def _root() -> Path:
    owner = os.getuid() if hasattr(os, "getuid") else "user"  # on Windows, where no folder is made
    return Path(tempfile.gettempdir(), f"metaopt-{owner}")


def _make_root() -> Path:
    """Return the folder of all folders, created if needed, to which nobody else can write.

    Raises:
        PermissionError: It is a link, belongs to another user, or is open to others.
    """
    root = _root()
    root.mkdir(0o700, exist_ok=True)
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "it is not a private folder of this user", str(root))
    return root


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether an open file still has this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
