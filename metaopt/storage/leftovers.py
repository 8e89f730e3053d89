"""Temporary files that killed searches left behind."""

import contextlib
import re
import time
from pathlib import Path

from metaopt.files.atomic_files import is_temporary_of
from metaopt.storage.record_files import is_record_name
from metaopt.storage.study import JOURNAL, pickle_path
from metaopt.storage.study_header import HEADER

_STARTED = time.time()
_INNER = re.compile(r"\.(.+)\.[0-9a-f]+\.tmp")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of a study that only the holder of its lock writes: call it while holding the lock.

    These are records, the header, the journal of a repair, and results.pkl. Files of other names stay, as do links,
    folders, and files that are younger than this process.
    """
    pickle = pickle_path(folder)
    inside = [path for path in folder.glob(".*.tmp") if _is_own(path)]
    beside = [path for path in pickle.parent.glob(".*.tmp") if is_temporary_of(path.name, pickle)]
    for path in (*inside, *beside):
        with contextlib.suppress(OSError):  # they are in nobody's way
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime < _STARTED:
                path.unlink()


def _is_own(path: Path) -> bool:
    """Return whether a path is a temporary file of one that the holder of the lock writes."""
    match = _INNER.fullmatch(path.name)
    if match is None:
        return False
    name = match[1]
    is_known = is_record_name(name) or name in (HEADER, JOURNAL) or name.startswith(f"{JOURNAL}.damaged")
    return is_known and is_temporary_of(path.name, path.with_name(name))
