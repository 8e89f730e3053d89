"""Every look that a study ever took at its test images, in one file, so that a second one cannot pass for the first."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.storage.files import Files

FILE = "final_test.json"  # sorts before model_*.json, of which the last is to be the best
SCHEMA = 1

Measurement = dict[str, Any]


def read_measurements(folder: Path) -> list[Measurement]:
    """All measurements of a study so far, oldest first.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FILE
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["measurements"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}, which counts how often the test images were looked at, cannot be read ({error}): mend it or move"
            " it away."
        ) from error


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Where a study is retrained with several seeds at once, none of their measurements is lost within.

    Raises:
        ResultsNotWritable: the folder is read-only or the disk full.
    """
    lock = filelock.FileLock(folder / ".final_test.lock")
    try:
        lock.acquire()
    except OSError as error:
        raise ResultsNotWritable(
            f"{folder} cannot be written ({error.strerror}): make it writable, or free some space."
        ) from error
    try:
        yield
    finally:
        lock.release()


def add_measurement(folder: Path, measurement: Measurement) -> Path:
    """Adds one, durably, before anybody sees its scores.

    Returns:
        The file.

    Raises:
        ResultsNotWritable: the folder is read-only or the disk full.
    """
    content = {"schema": SCHEMA, "measurements": [*read_measurements(folder), measurement]}
    path = folder / FILE
    Files().replace(path, (json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n").encode())
    return path


def earlier_looks(measurements: list[Measurement]) -> str:
    """What is to be said before scores that are not the first; empty for the first."""
    if not measurements:
        return ""
    last = measurements[-1]
    value = last["scores"]["test_accuracy"]["value"]
    times = "once" if len(measurements) == 1 else f"{len(measurements)} times"
    return (
        f"The test images of this study were looked at {times} before (last on {last['at'][:10]}, accuracy"
        f" {value:.4f}): whoever picks a model, a seed or a number of epochs by test scores makes them optimistic."
        f" Report the first, or all of them; {FILE} keeps them."
    )
