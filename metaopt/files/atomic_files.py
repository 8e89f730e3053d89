"""Files that are complete or do not exist; names that fit, and advice where writing fails."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from metaopt.errors import ResultsNotWritable
from metaopt.terminal.commands import shown

# Errors of a file system that cannot sync: SMB, FUSE and shares of virtual machines. Nearly all of them sync files, and
# only the durability of a new name is lost; elsewhere also that of what was written shortly before a power cut.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_CANNOT_SYNC_A_FOLDER = (*_CANNOT_SYNC, errno.EBADF, errno.EISDIR, errno.EACCES, errno.EPERM)
_NAME_MAX = 255  # bytes, where the file system does not tell
_TOKEN_CHARACTERS = 8
_ABANDONED_AFTER_S = 86_400  # seconds; no process writes, tests and renames one file for so long
_TOKEN = re.compile(rf"[0-9a-f]{{{_TOKEN_CHARACTERS}}}")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ADVICE = {
    errno.EROFS: "The file system is read-only: choose another folder.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.EFBIG: "The file system cannot hold a file of this size: choose another folder.",
    errno.EMFILE: "Too many files are open: raise the limit, e.g. with `ulimit -n 4096`.",
    errno.ENFILE: "Too many files are open on this machine: close some programs.",
    errno.EIO: "The disk reports an error: check it.",
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "Choose another folder."),
    errno.EISDIR: "There is a folder of this name: remove it or choose another name.",
    errno.ENOENT: "Its folder does not exist: it may have been removed meanwhile.",
    **dict.fromkeys(_FULL, "Free some disk space or inodes, or choose another folder."),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "Make the folder writable or choose another one."),
}


# Reasons for which the system's own words mislead, as they do not speak of folders.
_REASONS = {
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "it is a file, not a folder",
}


def cannot_write(what: object, error: OSError, *more: str) -> ResultsNotWritable:
    """Return the error for something that cannot be written, with advice that fits its cause.

    Args:
        what: the file or folder, as a path or in words.
        error: the error of the system.
        more: further sentences.
    """
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    what = shown(what) if isinstance(what, Path) else what
    advice = _ADVICE.get(error.errno or 0, "")
    return ResultsNotWritable(" ".join(filter(None, [f"{what} cannot be written ({reason}).", advice, *more])))


def write_file(path: Path, write: Callable[[BinaryIO], object], *, private: bool = False) -> None:
    """Write a file, completely or not at all, even if the process is killed; missing folders are created.

    Args:
        path: the file; an existing one is replaced, and a link is replaced, not followed.
        write: writes the content into an open binary file, e.g. ``lambda file: figure.savefig(file, format="png")``.
        private: whether only its owner may read the file; otherwise the umask decides.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path)
        with create_temporary(path, private=private) as file, removed_on_error(file):
            write(file)
            file.flush()
            sync_file(file)
            os.replace(file.name, path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a file, see ``write_file``.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    write_file(path, lambda file: file.write(content))


def create_temporary(path: Path, suffix: str = ".tmp", *, private: bool = False) -> BinaryIO:
    """Create and open a file of a new name in the folder of a file that it will be renamed to.

    The name is random and the file did not exist before, so that neither two processes share one nor a link that
    someone else put there is followed. ``tempfile`` makes such files too, but without regard to the umask.

    Args:
        path: the final file; its name, cut if necessary, is part of the temporary name.
        suffix: end of the name.
        private: whether only its owner may read the file.

    Raises:
        OSError: The file cannot be created.
    """
    mode = 0o600 if private else 0o666
    while True:
        name = path.with_name(_temporary_name(path, secrets.token_hex(_TOKEN_CHARACTERS // 2), suffix))
        try:
            file = open(name, "xb+", opener=lambda file, flags: os.open(file, flags, mode))  # noqa: SIM115
        except FileExistsError:
            continue
        return cast(BinaryIO, file)


def is_temporary_of(name: str, path: Path, suffix: str = ".tmp") -> bool:
    """Return whether a name is one that ``create_temporary`` makes for a file."""
    token = name.removesuffix(suffix)[-_TOKEN_CHARACTERS:]
    return bool(_TOKEN.fullmatch(token)) and name == _temporary_name(path, token, suffix)


def remove_abandoned(path: Path, *suffixes: str) -> None:
    """Remove temporary files of a file that processes left behind which were killed, more than a day ago.

    Younger ones may belong to a process that runs at this moment. Failures are ignored.

    Args:
        path: the final file.
        suffixes: ends of the temporary names, by default ``.tmp``.
    """
    latest = time.time() - _ABANDONED_AFTER_S
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if not any(is_temporary_of(entry.name, path, suffix) for suffix in suffixes or (".tmp",)):
                continue
            if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < latest:
                os.unlink(entry.path)


def _temporary_name(path: Path, token: str, suffix: str) -> str:
    return fit_name(f".{path.name}", f".{token}{suffix}", path.parent)


@contextlib.contextmanager
def removed_on_error(file: BinaryIO) -> Iterator[None]:
    """Remove a temporary file if it is not complete."""
    try:
        yield
    except (Exception, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise


def fit_name(stem: str, suffix: str, folder: Path) -> str:
    """Return ``stem + suffix``, with the stem cut where the name would be too long for the file system.

    A cut stem ends in a digest of the whole one, so that different names stay different.
    """
    limit = name_limit(folder)
    room = limit - len(os.fsencode(suffix))
    encoded = os.fsencode(stem)
    if len(encoded) <= room:
        return stem + suffix
    digest = hashlib.blake2b(encoded, digest_size=4).hexdigest()
    cut = encoded[: max(1, room - len(digest) - 1)]
    # A character of several bytes is not cut in two; bytes that are no text stay as they are.
    while cut and (cut[-1] & 0xC0) == 0x80:
        cut = cut[:-1]
    if cut and cut[-1] >= 0xC0:
        cut = cut[:-1]
    return f"{os.fsdecode(cut)}-{digest}{suffix}"


def name_limit(folder: Path) -> int:
    """Return the maximum bytes of a file name in a folder, or in the nearest parent that exists."""
    if not hasattr(os, "pathconf"):  # Windows
        return _NAME_MAX
    for each in (folder, *folder.parents):
        try:
            limit = os.pathconf(each, "PC_NAME_MAX")
        except (OSError, ValueError):
            continue
        return limit if limit > 0 else _NAME_MAX
    return _NAME_MAX


def sync_file(file: BinaryIO) -> None:
    """Make the content of a file durable, where the file system can.

    Raises:
        OSError: The disk fails or is full.
    """
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the file system can.

    Raises:
        OSError: The disk fails.
    """
    if os.name == "nt":  # a directory cannot be opened there; renames are durable without
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)  # a folder may be writable but not readable
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_A_FOLDER:
            raise
