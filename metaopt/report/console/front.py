"""Pareto front of a study with several objectives as JSON and as text, for ``metaopt best`` and the end of a search."""

from collections.abc import Mapping
from typing import Any

from metaopt.quantities import plural, size_text
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.storage.record_files import file_name
from metaopt.trials.constraints import IN_BYTES
from metaopt.trials.objective import find_objective
from metaopt.trials.record import Record, knee_record

_SHOWN = 30  # trials of a front in a table


def describe_front(study: StudyData) -> dict[str, Any]:
    """Describe the Pareto front of a study.

    Returns:
        A dict for JSON, empty under one objective: ``front``, the trials that no other one dominates, each with
        ``trial``, ``objectives`` (name → value in the user's sense) and ``record`` (name of its file), the best by the
        first objective first; and ``knee``, the number of the trial that is the best compromise.
    """
    if not study.further_objectives:
        return {}
    front = study.front
    knee = knee_record(front)
    rows = [
        {"trial": record.trial, "objectives": values_of(record, study), "record": file_name(record)} for record in front
    ]
    return {"front": rows, "knee": None if knee is None else knee.trial}


def values_of(record: Record, study: StudyData) -> dict[str, float]:
    """Return the values of a record in the user's sense: an accuracy is an accuracy."""
    values = zip(study.objectives, record.result.values, strict=True)
    return {objective.text: objective.value(loss) for objective, loss in values}


def summarise_front(description: Mapping[str, Any]) -> str:
    """Return the front of ``describe_front`` as a table, after a line break; "" under one objective."""
    front = description.get("front")
    if not front:
        return ""
    names = list(front[0]["objectives"])
    header = ["trial", *(metric_label(find_objective(name).name) for name in names), ""]
    rows = [
        [
            str(each["trial"]),
            *(_text(name, value) for name, value in each["objectives"].items()),
            _mark(each, description),
        ]
        for each in _shown(front, description["knee"])
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    hidden = len(front) - len(rows)
    more = f"\n… and {plural(hidden, 'more trial')}" if hidden else ""
    head = f"Pareto front: {plural(len(front), 'trial')}, which no other one dominates."
    return f"\n{head}\n" + "\n".join(line.rstrip() for line in lines) + more


def _shown(front: list[dict[str, Any]], knee: int) -> list[dict[str, Any]]:
    """Return at most ``_SHOWN`` trials, spread evenly over the front, the knee among them."""
    step = max(1.0, (len(front) - 1) / (_SHOWN - 1))
    kept = {round(number * step) for number in range(min(_SHOWN, len(front)))}
    return [each for index, each in enumerate(front) if index in kept or each["trial"] == knee]


def _mark(row: Mapping[str, Any], description: Mapping[str, Any]) -> str:
    return "knee" if row["trial"] == description["knee"] else ""


def _text(name: str, value: float) -> str:
    if name in IN_BYTES:
        return size_text(value)
    return f"{value:,.0f}" if name in ("params", "macs") else f"{value:.4g}"
