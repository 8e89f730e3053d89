"""Trials of a CSV file as events that import them: that of ``metaopt export``, of a data frame, or written by hand."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaopt.errors import UserError, hint
from metaopt.exchange.flat_points import read_cell, unescape
from metaopt.exchange.named_values import read_named
from metaopt.exchange.trial_table import POINT
from metaopt.files.regular_file import open_regular
from metaopt.spaces import Space
from metaopt.spaces.nodes import Choice, Dict, Value
from metaopt.storage.importing import value_event
from metaopt.storage.journal import Event
from metaopt.terminal.commands import shown
from metaopt.trials.constraints import is_number
from metaopt.trials.objective import Objective

PARAMS = "params_"
"""Prefix of the hyperparameters in a data frame of Optuna."""

_MOST_BYTES = 200_000_000
_STATUS = ("status", "state")
_OK, _FAILED = ("ok", "complete", "completed"), ("fail", "failed", "error")
_UNFINISHED = ("pruned", "running", "waiting", "paused", "rejected", "suspended", "new")
_LOSS, _VALUE = "loss", "value"


@dataclass(frozen=True)
class _Columns:
    """Meaning of the columns of a file: column → name of a hyperparameter, and objective → column."""

    point: Mapping[str, str]
    values: Mapping[str, str]
    status: str | None


def csv_events(
    path: Path, space: Space, objectives: Sequence[Objective], defaults: Mapping[str, Any]
) -> Iterator[Event]:
    """Yield an event for each row of a trial that ended; rows of unfinished trials are left out.

    Hyperparameters are columns named by labels of the space or paths in its points, perhaps with the prefix ``space.``
    or ``params_``. The value of an objective is in the column of its name; that of a single one also in ``value``, or
    as a number to be minimised in ``loss``. ``status`` or ``state`` tells ``ok`` from ``fail``.

    Args:
        path: the file; UTF-8, with a line of column names.
        space: space of the study.
        objectives: its objectives.
        defaults: see ``Problem.defaults``.

    Raises:
        UserError: The file cannot be read, lacks a column, or a row is no trial of the space.
    """
    names, rows = _read(path)
    columns = _find_columns(path, names, space, objectives)
    for number, row in enumerate(rows, start=2):
        source = f"{shown(path)}, line {number}"
        status = _find_status(row, columns, source)
        if status == "unfinished" or row.get("complete", "").lower() == "false":
            continue
        losses = [] if status == "fail" else [_read_loss(row, each, columns, source) for each in objectives]
        given = {name: read_cell(row[column]) for column, name in columns.point.items() if row.get(column)}
        empty = tuple([name for column, name in columns.point.items() if not row.get(column)])
        try:
            vals = read_named(space, given, defaults, empty)
        except UserError as error:
            raise UserError(f"{source}: {error}") from error
        yield value_event(space, vals, dict(zip(objectives, losses, strict=False)), source)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the names of the columns and the rows.

    Raises:
        UserError: It is no table.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UserError(f"{shown(path)} is larger than {_MOST_BYTES:,} bytes, so it is not a table of trials.")
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        names = list(reader.fieldnames or ())
        rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{shown(path)} cannot be read as a table ({reason}). Expected CSV in UTF-8.") from error
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{shown(path)} has two columns {twice!r}.")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            expected = f"Expected {len(names)} cells, as in its first line."
            raise UserError(
                f"{shown(path)}, line {number}: {'Too many' if None in row else 'Too few'} cells. {expected}"
            )
    return names, rows


def _find_columns(path: Path, names: Sequence[str], space: Space, objectives: Sequence[Objective]) -> _Columns:
    """Return the meaning of the columns.

    Raises:
        UserError: There is no column of hyperparameters, or of an objective.
    """
    for prefix in (POINT, PARAMS):
        point = {name: name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        if point:
            break
    else:
        keys = {str(key) for key, _ in space.root.items} if isinstance(space.root, Dict) else set()
        point = {name: name for name in names if name in space.by_label or unescape(name.split(".")[0]) in keys}
    if not point and isinstance(space.root, Value | Choice) and "point" in names:
        point = {"point": "point"}
    if not point:
        raise UserError(
            f"{shown(path)} has no column of a hyperparameter: its columns are {', '.join(names[:20]) or 'none'}."
            f" Expected labels of the space, such as {', '.join(space.labels[:3])}, or paths after"
            f" {POINT}."
        )
    values = {}
    for objective in objectives:
        known = (objective.name, *((_VALUE, _LOSS) if len(objectives) == 1 else ()))
        column = next((name for name in known if name in names and name not in point), None)
        if column is None:
            raise UserError(
                f"{shown(path)} has no column {objective.name}, which is the study's objective."
                f" {hint(objective.name, names)}"
            )
        values[objective.name] = column
    return _Columns(point, values, next((name for name in _STATUS if name in names), None))


def _find_status(row: Mapping[str, str], columns: _Columns, source: str) -> str:
    """Return ``ok``, ``fail`` or ``unfinished``.

    Raises:
        UserError: The status is unknown.
    """
    text = "" if columns.status is None else row[columns.status].strip()
    status = text.lower().rpartition(".")[2]  # TrialState.COMPLETE
    if status in _OK or not status:
        return "unfinished" if not status and not any(row[column] for column in columns.values.values()) else "ok"
    if status in _FAILED:
        return "fail"
    if status in _UNFINISHED:
        return "unfinished"
    raise UserError(f"{source}: Unknown {columns.status}: {text}. Expected ok or fail.")


def _read_loss(row: Mapping[str, str], objective: Objective, columns: _Columns, source: str) -> float:
    """Return the loss of a row.

    Raises:
        UserError: It has none that is finite.
    """
    column = columns.values[objective.name]
    try:
        value = json.loads(row[column])
    except ValueError:
        value = None
    if not is_number(value):
        raise UserError(f"{source}: Invalid value for {column}: {row[column] or 'none'}. Expected a finite number.")
    return float(value) if column == _LOSS or not objective.maximised else -float(value)
