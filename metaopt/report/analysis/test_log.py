"""Test log: every evaluation of a study on its test images, so that repeated tests are visible."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any

import filelock

from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.storage.files import Files
from metaopt.storage.versions import newer_file
from metaopt.terminal.commands import shown
from metaopt.trials.constraints import is_number
from metaopt.values.json_values import dump_json
from metaopt.values.safe_text import safe_repr

TEST_LOG = "final_test.json"  # sorts before model_*.json, of which the last is the best
SCHEMA = 1
_TEMPORARY = re.compile(r"\.final_test(\.json|_\d+\.npz)\.[0-9a-f]+\.tmp")

# Fields that may be missing, and their types.
_TYPES = {"seed": int, "predictions": dict, **dict.fromkeys(("at", "model", "sha256"), str)}

LogEntry = dict[str, Any]
"""One evaluation, with the keys that ``metaopt retrain`` writes."""


def read_test_log(folder: Path) -> list[LogEntry]:
    """Return the entries of a study's test log, oldest first.

    Raises:
        UserError: The file is damaged.
        NewerStudy: A later version wrote it.
    """
    path = folder / TEST_LOG
    try:
        content = json.loads(path.read_bytes())
        schema = content.get("schema", 1)
        if schema not in range(1, SCHEMA + 1):
            raise newer_file(path, schema, SCHEMA)
        return [_checked(entry) for entry in content["measurements"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"The test log {shown(path)} cannot be read ({error}). It records every use of the test images: repair the"
            " file or move it away."
        ) from error


def _checked(entry: Any) -> LogEntry:
    """Return an entry whose fields have the types that their readers expect.

    Raises:
        ValueError: One has another.
    """
    if not isinstance(entry, dict):
        raise ValueError("an entry is not an object")
    scores = entry.get("scores")
    if not isinstance(scores, dict) or not all(
        isinstance(score, dict) and is_number(score.get("value")) for score in scores.values()
    ):
        raise ValueError("the scores of an entry are not objects with a value")
    for name, kind in _TYPES.items():
        if not isinstance(entry.get(name), (kind, NoneType)):
            raise ValueError(f"the {name} of an entry is {safe_repr(entry.get(name)):.40}")
    return entry


@contextlib.contextmanager
def locked_test_log(folder: Path) -> Iterator[None]:
    """Lock the test log of a study, so that no entry is lost where several processes retrain at once.

    Raises:
        ResultsNotWritable: The folder is read-only or the disk is full.
    """
    lock = filelock.FileLock(folder / ".final_test.lock")
    try:
        lock.acquire()
    except OSError as error:
        raise cannot_write(folder / TEST_LOG, error) from error
    try:
        _remove_leftovers(folder)
        yield
    finally:
        lock.release()


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed processes left behind; only the holder of the lock writes such files."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".final_test*.tmp"):
            if _TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                path.unlink()


def append_to_test_log(folder: Path, entry: LogEntry) -> Path:
    """Append an entry, durably, before anybody sees its scores.

    Returns:
        The file.

    Raises:
        ResultsNotWritable: The folder is read-only or the disk is full.
        UserError: The file is damaged, or a later version wrote it.
    """
    content = {"schema": SCHEMA, "measurements": [*read_test_log(folder), entry]}
    path = folder / TEST_LOG
    Files().replace(path, dump_json(content, indent=1) + b"\n")
    return path
