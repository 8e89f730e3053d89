"""Table of all trials: what the page sorts, filters and shows in detail."""

from collections.abc import Sequence
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


def record_row(data: StudyData, record: Record) -> dict[str, Any]:
    """Return the row of a trial: its cells by column, its active hyperparameters, and the file of its record."""
    values = record.result.values if record.has_loss else ()
    scores = {each.name: each.value(loss) for each, loss in zip(data.objectives, values, strict=False)}
    status = kind_of(record)
    return {
        "trial": record.trial,
        "status": "paused" if record.paused and status == "not fully trained" else status,
        "epochs": record.epochs,
        "params": record.params,
        "macs": record.macs,
        "seconds": round(record.seconds, 1),
        **scores,
        "point": active_hyperparameters(record.point),
        "file": file_name(record),
        "best_epoch": record.best_epoch,
        "violated": [name for name, distance in record.constraints.items() if distance > 0],
        "error": record.error,
        "parent": record.parent,
        "source": record.source,
    }


def running_row(trial: Trial) -> dict[str, Any]:
    """Return the row of a trial that is being trained and has no result yet."""
    counts = trial.counts
    return {
        "trial": trial.number,
        "status": "running",
        "epochs": trial.epochs,
        "params": counts.get("params"),
        "macs": counts.get("macs"),
        "seconds": round(sum(trial.seconds), 1),
        "point": active_hyperparameters(trial.point),
    }


def table_rows(study: Study, data: StudyData, trials: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Return the rows of the trials, by number.

    Args:
        study: the study.
        data: its data.
        trials: numbers of the trials, or None for all.
    """
    chosen = None if trials is None else set(trials)
    known = {record.trial for record in data.records}
    rows = [record_row(data, record) for record in data.records if chosen is None or record.trial in chosen]
    for trial in study.state.trials:
        if trial.status == "running" and trial.number not in known and (chosen is None or trial.number in chosen):
            rows.append(running_row(trial))
    return sorted(rows, key=lambda row: row["trial"])


def active_hyperparameters(point: Any) -> list[list[Any]]:
    """Return name and value of each hyperparameter of a point, which has active ones only; long texts are cut."""
    return [[name, _short(value)] for name, value in flatten_point(point)]


def retrain_command(study: Study, data: StudyData) -> dict[str, str] | None:
    """Return the command that retrains a trial, and the part of it that the record's file replaces.

    Returns:
        ``text`` and ``placeholder``; None for the study of a Python function.
    """
    if data.is_of_function:
        return None
    text = command("retrain", "--point", Path(study.folder) / _PLACEHOLDER, results=study.folder)
    return {"text": text, "placeholder": _PLACEHOLDER}


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…"
