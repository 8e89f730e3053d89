"""Test log: every evaluation of a study on its test images, so that repeated tests are visible."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.json_values import dump_json
from metaopt.storage.files import Files

TEST_LOG = "final_test.json"  # sorts before model_*.json, of which the last is the best
SCHEMA = 1

LogEntry = dict[str, Any]
"""One evaluation, with the keys that ``metaopt retrain`` writes."""


def read_test_log(folder: Path) -> list[LogEntry]:
    """Return the entries of a study's test log, oldest first.

    Raises:
        UserError: The file is damaged.
    """
    path = folder / TEST_LOG
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["measurements"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The test log {path} cannot be read ({error}). It records every use of the test images: repair the file or"
            " move it away."
        ) from error


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
        raise ResultsNotWritable(
            f"Cannot write to {folder} ({error.strerror}): make it writable, or free some space."
        ) from error
    try:
        yield
    finally:
        lock.release()


def append_to_test_log(folder: Path, entry: LogEntry) -> Path:
    """Append an entry, durably, before anybody sees its scores.

    Returns:
        The file.

    Raises:
        ResultsNotWritable: The folder is read-only or the disk is full.
        UserError: The file is damaged.
    """
    content = {"schema": SCHEMA, "measurements": [*read_test_log(folder), entry]}
    path = folder / TEST_LOG
    Files().replace(path, dump_json(content, indent=1) + b"\n")
    return path
