"""Table of all trials: what the page sorts, filters and shows in detail."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from metaopt.report.analysis.features import flatten_point
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.report.page.figures.marks import kind_of
from metaopt.storage.record_files import file_name
from metaopt.storage.study import Study
from metaopt.terminal.commands import command
from metaopt.trials.record import Record
from metaopt.trials.trial import Trial

# Stands for the name of a record in a command. A record's name needs no quotes in a shell, as this one.
_PLACEHOLDER = "RECORD.json"

_MAX_LETTERS = 80  # of a value


def table_columns(data: StudyData) -> list[dict[str, str]]:
    """Return the columns, each with ``name``, ``label`` and ``kind``: ``number``, ``count`` or ``text``."""
    objectives = [
        {"name": each.name, "label": metric_label(each.name), "kind": "count" if each.is_count else "number"}
        for each in data.objectives
    ]
    columns = [
        {"name": "trial", "label": "trial", "kind": "number"},
        {"name": "status", "label": "status", "kind": "text"},
        *objectives,
        {"name": "epochs", "label": "epochs", "kind": "number"},
        {"name": "params", "label": "parameters", "kind": "count"},
        {"name": "macs", "label": "MACs", "kind": "count"},
        {"name": "seconds", "label": "seconds", "kind": "number"},
    ]
    names = [column["name"] for column in columns]
    return [column for index, column in enumerate(columns) if column["name"] not in names[:index]]


def table_rows(study: Study, data: StudyData, trials: Collection[int] | None = None) -> dict[str, Any]:
    """Return the rows of the trials, by number.

    Args:
        study: the study.
        data: its data.
        trials: numbers of the trials, or None for all.

    Returns:
        ``names`` of hyperparameters; ``rows``, each with its cells by column, its active hyperparameters as pairs of an
        index into ``names`` and a value, and, as far as they are known, ``file`` of its record, ``best_epoch``,
        ``violated`` constraints, ``error``, ``parent`` and ``source``.
    """
    known = {record.trial for record in data.records}
    rows = [_record_row(data, record) for record in data.records if trials is None or record.trial in trials]
    rows += [
        _running_row(trial)
        for trial in study.state.trials
        if trial.status == "running" and trial.number not in known and (trials is None or trial.number in trials)
    ]
    numbers: dict[str, int] = {}
    for row in rows:
        row["point"] = [
            (numbers.setdefault(name, len(numbers)), _short(value)) for name, value in flatten_point(row["point"])
        ]
    return {"names": list(numbers), "rows": sorted(rows, key=lambda row: row["trial"])}


def _record_row(data: StudyData, record: Record) -> dict[str, Any]:
    values = record.result.values if record.has_loss else ()
    status = kind_of(record)
    if record.discard is not None and status == "not fully trained":
        status = record.discard.text
    cells = {
        "trial": record.trial,
        "status": "paused" if record.paused and status == "not fully trained" else status,
        **{each.name: _rounded(each.value(loss)) for each, loss in zip(data.objectives, values, strict=False)},
        "epochs": record.epochs,
        "params": record.params,
        "macs": record.macs,
        "seconds": round(record.seconds, 1),
        "file": file_name(record),
        "best_epoch": record.best_epoch,
        "violated": [name for name, distance in record.constraints.items() if distance > 0] or None,
        "error": record.error,
        "parent": record.parent,
        "source": record.source,
    }
    return {**_known(cells), "point": record.point}


def _running_row(trial: Trial) -> dict[str, Any]:
    """Return the row of a trial that is being trained, or was when its search was interrupted, without a result."""
    cells = {
        "trial": trial.number,
        "status": "running",
        "epochs": trial.epochs,
        "params": trial.counts.get("params"),
        "macs": trial.counts.get("macs"),
        "seconds": round(sum(trial.seconds), 1),
    }
    return {**_known(cells), "point": trial.point}


def _known(cells: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cells.items() if value is not None}


def retrain_command(study: Study, data: StudyData) -> dict[str, str] | None:
    """Return the command that retrains a trial, and the part of it that the record's file replaces.

    Returns:
        ``text`` and ``placeholder``; None for the study of a Python function.
    """
    if data.is_of_function:
        return None
    text = command("retrain", "--point", Path(study.folder) / _PLACEHOLDER, results=study.folder)
    return {"text": text, "placeholder": _PLACEHOLDER}


def _rounded(number: float) -> float:
    """Return a number with six digits; the record has all of them."""
    return float(f"{number:.6g}")


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return _rounded(value)
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    return text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…"
