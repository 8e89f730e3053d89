"""Targets of ``metaopt export`` that a study is written to: tables, and what other libraries read."""

import sys
from argparse import Namespace, _ArgumentGroup
from collections.abc import Callable, Mapping
from pathlib import Path

from metaopt.errors import UserError
from metaopt.exchange.trial_table import make_table, write_csv, write_parquet
from metaopt.quantities import plural
from metaopt.storage.study import Study
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable

TARGETS: Mapping[str, str] = {
    "csv": "a table with a row for each trial",
    "parquet": "the same with the learning curves as lists; needs pyarrow",
}

_SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}


def add_flags(group: _ArgumentGroup) -> None:
    """Add no flags."""


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
    _WRITERS[arguments.to](study, output)
    print(printable(shown(output)))
    print(f"Exported: {plural(len(study.records), 'trial')}.", file=sys.stderr)


_WRITERS: dict[str, Callable[[Study, Path], None]] = {
    "csv": lambda study, path: write_csv(make_table(study), path),
    "parquet": lambda study, path: write_parquet(make_table(study), path),
}
