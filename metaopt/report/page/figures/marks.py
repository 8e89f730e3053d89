"""Marks of trials: one trace for each kind of trial, the same in every figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from metaopt.report.page.panel import MANY, scatter
from metaopt.report.plots.style import BLUE, GREY, INK, ORANGE, SKY, VERMILLION
from metaopt.trials.record import Record

Values = npt.NDArray[np.float64]

# Kind of a trial → colour and symbol. The symbols differ, so that no kind is told by its colour alone.
_MARKS = {
    "completed": (BLUE, "circle"),
    "not fully trained": (SKY, "circle"),
    "infeasible": (BLUE, "circle-open"),
    "imported": (GREY, "diamond"),
    "failed": (VERMILLION, "x-thin-open"),
}


def kind_of(record: Record) -> str:
    """Return the kind of a trial, a key of the legend."""
    if not record.has_loss:
        return "failed"
    if not record.is_feasible:
        return "infeasible"
    if record.imported:
        return "imported"
    return "completed" if record.complete else "not fully trained"


def trial_marks(records: Sequence[Record], x: Values, y: Values, best: Record | None, hover: str) -> list[Any]:
    """Return a trace for each kind of trial, and one for the best.

    Args:
        records: records of the n trials.
        x: (n,) horizontal positions; NaN where there is none.
        y: (n,) vertical positions, likewise.
        best: the best trial, or None.
        hover: template of the text at the pointer; ``customdata`` is the number of the trial.
    """
    kinds = np.array([kind_of(record) for record in records])
    numbers = np.array([record.trial for record in records])
    trace, size = scatter(len(records)), 7 if len(records) <= MANY else 4
    traces: list[Any] = []
    for kind, (colour, symbol) in _MARKS.items():
        chosen = (kinds == kind) & ~np.isnan(x) & ~np.isnan(y)
        if not chosen.any():
            continue
        marker = {"color": colour, "symbol": symbol, "size": size, "opacity": 0.75, "line": {"width": 1.3}}
        traces.append(_points(trace, kind, x[chosen], y[chosen], numbers[chosen], hover, marker))
    at = [index for index, record in enumerate(records) if record is best and not np.isnan(x[index] + y[index])]
    if at:
        marker = {"color": ORANGE, "symbol": "star", "size": 15, "line": {"width": 1, "color": INK}}
        traces.append(_points(go.Scatter, "best", x[at], y[at], numbers[at], hover, marker).update(cliponaxis=False))
    return traces


def _points(trace: Any, name: str, x: Values, y: Values, numbers: Any, hover: str, marker: dict[str, Any]) -> Any:
    return trace(
        x=x, y=y, customdata=numbers, mode="markers", name=name, hovertemplate=hover, marker=marker, showlegend=True
    )
