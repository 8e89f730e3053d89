"""Checkpoint directories of a user's own function under a strategy that forks trials.

The function keeps any files in the directory of its trial. The directory of a fork begins as a copy of that of its
source, as it was after the epochs at which it is forked. As the source may train on meanwhile, its files at the
beginning of each job are kept beside the others, in ``.forks/<epochs>``.
"""

import contextlib
import shutil
from pathlib import Path

from metaopt.engine.jobs import ForkOf, Job

KEPT = ".forks"


def prepare_directory(job: Job, directory: Path) -> None:
    """Prepare the directory of a trial for a job.

    Args:
        job: the job.
        directory: its directory, which exists.

    Raises:
        RuntimeError: The files of a forked trial are gone.
        OSError: The disk is full or fails.
    """
    if isinstance(job.origin, ForkOf) and not any(directory.iterdir()):
        _copy(_find_source(job.origin), directory)
    kept = directory / KEPT
    if job.kept_epochs and not (now := kept / f"{job.kept_epochs[-1]:06d}").exists():
        _copy(directory, now)
    with contextlib.suppress(FileNotFoundError):
        for each in kept.iterdir():
            if each.name not in {f"{epochs:06d}" for epochs in job.kept_epochs}:
                shutil.rmtree(each, ignore_errors=True)


def _find_source(origin: ForkOf) -> Path:
    """Return the directory with the files of a forked trial after the epochs at which it is forked.

    Raises:
        RuntimeError: It is gone.
    """
    if origin.checkpoint is not None:
        directory = Path(origin.checkpoint)
        kept = directory / KEPT / f"{origin.epochs:06d}"
        if kept.is_dir():
            return kept
        if directory.is_dir():
            return directory
    raise RuntimeError(f"The state of trial {origin.trial} after epoch {origin.epochs} is gone; it cannot be forked.")


def _copy(source: Path, target: Path) -> None:
    """Copy the files of a directory; the copy is complete, or does not exist."""
    aside = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(source, aside, ignore=shutil.ignore_patterns(KEPT))
    if target.is_dir():
        target.rmdir()
    aside.rename(target)
