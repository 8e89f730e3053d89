"""Panels of the rungs figure: which brackets share one, their colours, and the curves of their trials."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np

from metaopt.report.analysis.rungs import rung_results
from metaopt.report.plots.series import line_style
from metaopt.report.plots.style import SEQUENTIAL
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record

# More brackets than this cannot be distinguished by their colours: they are shaded from the first to the last.
MAX_COLOURS = 7


@dataclass(frozen=True)
class Panel:
    """Brackets that begin at the same budget.

    Attributes:
        begin: the budget.
        brackets: bracket (None where the scheduler has none) → records of its trials.
    """

    begin: int
    brackets: dict[int | None, list[Record]]


@dataclass(frozen=True)
class PanelLayout:
    """Common layout of all panels.

    Attributes:
        levels: rung levels, ascending.
        unit: unit of the levels.
        objective: the objective, on the vertical axis.
        colours: bracket → its colour.
    """

    levels: Sequence[int]
    unit: str
    objective: Objective
    colours: dict[int | None, Any]

    @property
    def gap(self) -> float:
        """Logarithm of the smallest factor from one rung to the next."""
        return float(np.diff(np.log(self.levels)).min()) if len(self.levels) > 1 else 1.0

    def curve(self, record: Record) -> np.ndarray:
        """Return the (rungs, 2) line of a trial: resource and score."""
        results = rung_results(record)
        return np.array([(result.resource, self.objective.value(result.values[0])) for result in results], float)


def group_into_panels(records: Sequence[Record]) -> list[Panel]:
    """Return the panels by the budget at which their brackets begin; a failed trial belongs to its bracket."""
    brackets: dict[int | None, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.trial):
        brackets.setdefault(record.bracket, []).append(record)
    begins = {}
    for bracket, members in brackets.items():
        first = Counter(rung_results(record)[0].resource for record in members if rung_results(record))
        if first:
            begins[bracket] = first.most_common(1)[0][0]
    return [
        Panel(begin, {bracket: brackets[bracket] for bracket in brackets if begins.get(bracket) == begin})
        for begin in sorted(set(begins.values()))
    ]


def bracket_colours(panels: Sequence[Panel]) -> dict[int | None, Any]:
    """Return a colour for each bracket."""
    names = sorted(
        (bracket for panel in panels for bracket in panel.brackets), key=lambda b: (b is None, -1 if b is None else b)
    )
    if len(names) <= MAX_COLOURS:
        return {bracket: line_style(index)["color"] for index, bracket in enumerate(names)}
    colours = matplotlib.colormaps[SEQUENTIAL](np.linspace(0, 0.85, len(names)))
    return dict(zip(names, map(tuple, colours), strict=True))
