"""Targets of ``metaopt export`` that a study is written to: tables, and what other libraries read."""

import os
import sys
from argparse import Namespace, _ArgumentGroup
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from metaopt.cli.study_inputs import study_problem
from metaopt.errors import StudyMismatch, UserError
from metaopt.exchange.trial_table import make_table, write_csv, write_parquet
from metaopt.files.atomic_files import cannot_write
from metaopt.quantities import plural
from metaopt.spaces import Space, compile_space
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.trackers.factory import find_tracker
from metaopt.trackers.tracker import TrackedStudy, replay

if TYPE_CHECKING:
    from metaopt.trackers.optuna_journal import OptunaTracker
    from metaopt.trackers.tensorboard_log import TensorBoardTracker

TARGETS: Mapping[str, str] = {
    "csv": "a table with a row for each trial",
    "parquet": "the same with the learning curves as lists; needs pyarrow",
    "optuna": "a journal of Optuna, with distributions, intermediate values and constraints",
    "tensorboard": "a folder of runs with their curves and hyperparameters",
}

_SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "optuna": "_optuna.log", "tensorboard": "_tensorboard"}


def add_flags(group: _ArgumentGroup) -> None:
    """Add the flags of these targets."""
    space = (
        "for optuna: the problem's file, which is run for the distributions; needed where no file near the study has"
        " the text that the study holds"
    )
    group.add_argument("--space", metavar="FILE", help=space)


def run(arguments: Namespace) -> None:
    """Write the trials of a study, and print the path on stdout.

    Raises:
        UserError: There is no study, it has no trials, the output exists, or a library is missing.
    """
    study = Study.load(arguments.results)
    if not study.records:
        raise UserError(f"No trial of the study in {shown(study.folder)} has ended, so there is nothing to export.")
    output = arguments.output or absolute(f"{study.folder.resolve().name}{_SUFFIXES[arguments.to]}")
    if output.exists() or output.is_symlink():
        raise UserError(f"{shown(output)} exists already. Remove it, or choose another name with --output.")
    _WRITERS[arguments.to](study, output, arguments.space)
    print(printable(shown(output)))
    print_wrapped(f"Exported: {plural(len(study.records), 'trial')}.", file=sys.stderr)


def _write_optuna(study: Study, path: Path, given: str | None) -> None:
    """Write a journal; where the space is not known, with ranges of the values."""
    tracker = cast("type[OptunaTracker]", find_tracker("optuna"))
    space: Space | None = None
    try:
        space = compile_space(study_problem(study, given).space)
    except UserError as error:
        if given is not None:
            raise
        print_wrapped(
            f"note: The parameters have the ranges of their values, since the space is not known: {error}",
            file=sys.stderr,
        )
    if space is not None and not study.holds_space(space):
        if given is not None:
            raise StudyMismatch(f"The space of {given} is not the one that was searched in {shown(study.folder)}.")
        space = None
    points = [record.point for record in study.records]
    with completed(path) as temporary:
        replay(study, tracker(TrackedStudy.of(study, space), temporary, points))


def _write_tensorboard(study: Study, path: Path, given: str | None) -> None:  # noqa: ARG001
    tracker = cast("type[TensorBoardTracker]", find_tracker("tensorboard"))
    with completed(path) as temporary:
        replay(study, tracker(TrackedStudy.of(study, None), temporary))


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """Give a path to write to, which is renamed once all is written.

    Raises:
        ResultsNotWritable: It cannot be written.
    """
    try:
        with TemporaryDirectory(prefix=f".{path.name[:100]}.", dir=path.parent) as folder:
            yield Path(folder, "export")
            os.rename(Path(folder, "export"), path)
    except OSError as error:
        raise cannot_write(path, error) from error


_WRITERS: dict[str, Callable[[Study, Path, str | None], None]] = {
    "csv": lambda study, path, _: write_csv(make_table(study), path),
    "parquet": lambda study, path, _: write_parquet(make_table(study), path),
    "optuna": _write_optuna,
    "tensorboard": _write_tensorboard,
}
