"""A study as a table with one row for each trial, as CSV or Parquet."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from metaopt.errors import UserError
from metaopt.exchange.flat_points import flatten, write_cell
from metaopt.files.atomic_files import write_bytes, write_file
from metaopt.storage.study import Study
from metaopt.trials.constraints import LATENCY
from metaopt.trials.record import Record

POINT = "space."
"""Prefix of the columns of hyperparameters, which are paths in the point."""
BEST, HISTORY, DISTANCE = "best.", "history.", "constraint "

_SAME = ("complete", "paused", "imported", "model_based", "parent", "epochs", "best_epoch", "params", "macs")
_LATER = ("seconds", "ended", "bracket", "device", "source")


@dataclass(frozen=True)
class TrialTable:
    """Rows of trials.

    Attributes:
        columns: names of all columns, in their order.
        rows: column → value of each trial, by number; a value that a trial lacks is left out.
        histories: metric → a value per epoch of each trial.
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    histories: tuple[dict[str, list[Any]], ...]


def make_table(study: Study) -> TrialTable:
    """Return the trials of a study that ended or are paused.

    Columns, in this order: number and outcome of the trial; the value of each objective in the user's sense; what it
    was trained with; ``constraint TEXT``, the distance to each constraint, above 0 where it is violated;
    ``best.METRIC``, the metrics of the best epoch; ``space.PATH``, the hyperparameters.
    """
    records = study.records
    rows = tuple([_row(record, study) for record in records])
    names = list(dict.fromkeys(name for row in rows for name in row))
    groups = (DISTANCE, BEST, POINT)
    columns = [name for name in names if not name.startswith(groups)]
    columns += [name for group in groups for name in sorted(names) if name.startswith(group)]
    histories = tuple([dict(record.history) for record in records])
    return TrialTable(tuple(columns), rows, histories)


def _row(record: Record, study: Study) -> dict[str, Any]:
    row: dict[str, Any] = {"trial": record.trial, "status": record.status}
    losses = record.result.values or [None] * len(study.objectives)
    for objective, loss in zip(study.objectives, losses, strict=False):
        row[objective.name] = None if loss is None else objective.value(loss)
    row["feasible"] = record.is_feasible
    row |= {name: getattr(record, name) for name in _SAME}
    row[LATENCY] = (record.latency or {}).get("median_ms")
    row |= {name: getattr(record, name) for name in _LATER}
    row |= {name: record.failure.get(name) for name in ("cause", "error")}
    row["violation"] = record.violation
    row |= {f"{DISTANCE}{text}": distance for text, distance in record.constraints.items()}
    if record.best_epoch is not None:
        row |= {f"{BEST}{name}": value for name, value in record.metrics(record.best_epoch).items()}
    known = {name: value for name, value in row.items() if value is not None}
    return known | {f"{POINT}{path}": value for path, value in flatten(record.point).items()}


def write_csv(table: TrialTable, path: Path) -> None:
    """Write a table as CSV (RFC 4180, UTF-8), with an empty cell for a value that a trial lacks.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([write_cell(row[name]) if name in row else "" for name in table.columns])
    write_bytes(path, text.getvalue().encode("utf-8", "backslashreplace"))


def write_parquet(table: TrialTable, path: Path) -> None:
    """Write a table as Parquet, with the learning curves as lists in the columns ``history.METRIC``.

    Raises:
        UserError: pyarrow is not installed.
        ResultsNotWritable: The file cannot be written.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            f"Parquet needs pyarrow, which cannot be imported ({error}): pip install pyarrow. CSV needs nothing."
        ) from error
    columns = {name: _typed([row.get(name) for row in table.rows]) for name in table.columns}
    metrics = dict.fromkeys(name for history in table.histories for name in history)
    for name in metrics:
        columns[f"{HISTORY}{name}"] = pyarrow.array(
            [history.get(name) for history in table.histories], pyarrow.list_(pyarrow.float64())
        )
    written = pyarrow.table(columns)

    def write(file: BinaryIO) -> None:
        pyarrow.parquet.write_table(written, file)

    write_file(path, write)


def _typed(values: Sequence[Any]) -> list[Any]:
    """Return the values of a column in one type: numbers, booleans, or the texts of cells."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in known) or all(type(value) is int for value in known):
        return list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else write_cell(value) for value in values]
