"""The rungs of each bracket: one line a trial, from the budget where it began to that where it ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from metaopt.report.analysis.rungs import budget_unit, budgets, has_rungs, visits_of
from metaopt.report.analysis.scores import describe_metric, objective_of, succeeded
from metaopt.report.plots.series import look
from metaopt.report.plots.style import (
    GREY,
    INK,
    ORANGE,
    SEQUENTIAL,
    VERMILLION,
    clip_note,
    score_limits,
    title,
    write_message,
    write_or_explain,
)
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record

_MOST_COLUMNS = 3
# More brackets than this are not told apart by their colours: they are shaded from the first to the last.
_MOST_COLOURS = 7
# How far trials are moved sideways, as a share of the way from one rung to the next, so that they do not hide others.
_SPREAD = 0.3
_GOLDEN = 0.6180339887


@dataclass(frozen=True)
class Panel:
    """Brackets that begin at one budget.

    Attributes:
        begin: that budget.
        brackets: bracket (None where the scheduler has none) → its trials' records.
    """

    begin: int
    brackets: dict[int | None, list[Record]]


def rungs_figure(records: Sequence[Record], path: Path) -> None:
    """Draws the objective of each trial at each rung that it reached, a panel for the brackets that begin alike.

    Args:
        records: in any order; those without rungs are passed over.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    own = [record for record in records if not record.get("imported") and (visits_of(record) or not succeeded(record))]
    if not has_rungs(own):
        write_message(path, "No trial went on from one rung to the next, so there are no rungs to draw.")
        return
    panels = panels_of(own)
    n_columns = min(_MOST_COLUMNS, len(panels)) if len(panels) != 4 else 2
    n_rows = -(-len(panels) // n_columns)

    def draw(figure: Figure) -> None:
        objective = objective_of(own)
        grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
        shades = _shades(panels)
        best = best_record(own)
        scores = [objective.value(visit["loss"]) for record in own for visit in visits_of(record)]
        limits = score_limits(scores, objective.maximised)
        resources, unit = budgets(own), budget_unit(own)
        for axes, panel in zip(grid.flat, panels, strict=False):
            for bracket, members in panel.brackets.items():
                draw_bracket(axes, members, objective, shades[bracket], _gap(resources))
            _draw_best(axes, panel, best, objective, _gap(resources))
            _frame(axes, panel, resources, unit)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        grid[0, 0].set_ylim(limits)
        clip_note(grid[0, 0], sum(not limits[0] <= score <= limits[1] for score in scores), objective.maximised)
        for row in grid:
            row[0].set_ylabel(describe_metric(objective.name))
        for axes, panel in zip(grid.flat, panels, strict=False):
            _name_brackets(axes, panel, shades, objective)
        _legend(figure, own, shades)
        title(figure, "Rungs", _explain(own, panels, shades))

    size = (max(6.6 if n_columns == 1 else 4.1 * n_columns, 7.5), 0.9 + (4.4 if n_rows == 1 else 3.3 * n_rows))
    write_or_explain(own, path, size, draw)


def panels_of(records: Sequence[Record]) -> list[Panel]:
    """Those that begin at the smallest budget first; a trial that failed on its way goes with its bracket."""
    brackets: dict[int | None, list[Record]] = {}
    for record in sorted(records, key=lambda record: record["trial"]):
        brackets.setdefault(record.get("bracket"), []).append(record)
    begins = {}
    for bracket, members in brackets.items():
        first = Counter(visits_of(record)[0]["to"] for record in members if visits_of(record))
        if first:
            begins[bracket] = first.most_common(1)[0][0]
    return [
        Panel(begin, {bracket: brackets[bracket] for bracket in brackets if begins.get(bracket) == begin})
        for begin in sorted(set(begins.values()))
    ]


def _shades(panels: Sequence[Panel]) -> dict[int | None, Any]:
    """A colour for each bracket."""
    names = sorted(
        (bracket for panel in panels for bracket in panel.brackets), key=lambda b: (b is None, -1 if b is None else b)
    )
    if len(names) <= _MOST_COLOURS:
        return {bracket: look(index)["color"] for index, bracket in enumerate(names)}
    colours = matplotlib.colormaps[SEQUENTIAL](np.linspace(0, 0.85, len(names)))
    return dict(zip(names, map(tuple, colours), strict=True))


def _gap(resources: Sequence[int]) -> float:
    """The smallest factor from one budget to the next, as a logarithm."""
    return float(np.diff(np.log(resources)).min()) if len(resources) > 1 else 1.0


def _line(record: Record, objective: Objective, gap: float) -> np.ndarray:
    """(rungs, 2): where a trial is drawn; the same place aside of every rung."""
    aside = _SPREAD * gap * (record["trial"] * _GOLDEN % 1 - 0.5)
    visits = visits_of(record)
    places = np.exp(np.log([visit["to"] for visit in visits]) + aside)
    return np.stack([places, [objective.value(visit["loss"]) for visit in visits]], axis=1)


def draw_bracket(axes: Axes, members: Sequence[Record], objective: Objective, colour: Any, gap: float) -> None:
    """One line a trial of a bracket, with a dot at each rung.

    Args:
        axes: to draw on.
        members: the bracket's trials.
        objective: what the vertical axis shows.
        colour: of the bracket.
        gap: the smallest factor from one budget to the next, as a logarithm: trials are drawn a little aside by it.
    """
    lines = {record["trial"]: _line(record, objective, gap) for record in members if visits_of(record)}
    crowded = len(members) > 60
    going = [line for line in lines.values() if len(line) > 1]
    axes.add_collection(
        LineCollection(going, colors=[colour], linewidths=0.8 if crowded else 1.2, alpha=0.75, zorder=2)
    )
    _draw_dots(axes, [record for record in members if record["trial"] in lines], lines, colour, 12 if crowded else 20)
    _draw_failed(axes, [record for record in members if not succeeded(record)], lines)


def _draw_dots(axes: Axes, members: Sequence[Record], lines: dict[int, np.ndarray], colour: Any, size: float) -> None:
    """What went on is small, as its line is seen; what ended is a dot; what was trained to the end a large one."""
    if not members:
        return
    points = np.concatenate([lines[record["trial"]] for record in members])
    keeps = np.array([visit["feasible"] for record in members for visit in visits_of(record)], bool)
    sizes = size * np.array(
        [
            share
            for record in members
            for share in [0.35] * (len(visits_of(record)) - 1) + [1.8 if record.get("complete") else 1.0]
        ]
    )
    x, y = points.T
    axes.scatter(x[keeps], y[keeps], s=sizes[keeps], color=[colour], alpha=0.75, linewidths=0, zorder=3)
    hollow: dict[str, Any] = {"facecolors": "white", "edgecolors": [colour], "linewidths": 0.9, "zorder": 3}
    axes.scatter(x[~keeps], y[~keeps], s=np.maximum(sizes[~keeps], 10), **hollow)


def _draw_failed(axes: Axes, failed: Sequence[Record], lines: dict[int, np.ndarray]) -> None:
    """A cross at the last rung that a trial reached, or at the foot of the panel where it reached none."""
    look: dict[str, Any] = {"marker": "x", "s": 26, "color": VERMILLION, "linewidths": 1.3, "zorder": 4}
    for record in failed:
        if record["trial"] in lines:
            axes.scatter(*lines[record["trial"]][-1], **look)
        else:
            axes.scatter(max(record.get("epochs") or 0, 1), 0.02, transform=axes.get_xaxis_transform(), **look)


def _draw_best(axes: Axes, panel: Panel, best: Record | None, objective: Objective, gap: float) -> None:
    if best is None or all(best is not record for members in panel.brackets.values() for record in members):
        return
    x, y = _line(best, objective, gap)[-1]
    axes.scatter(x, y, marker="*", s=150, color=ORANGE, edgecolors=INK, linewidths=0.7, zorder=5)


def _frame(axes: Axes, panel: Panel, resources: Sequence[int], unit: str) -> None:
    axes.set_xscale("log")
    gap = _gap(resources)
    axes.set_xlim(resources[0] * np.exp(-0.35 * gap), resources[-1] * np.exp(0.35 * gap))
    axes.set_xticks(resources, [str(resource) for resource in resources])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(unit)
    trials = sum(map(len, panel.brackets.values()))
    names = [bracket for bracket in panel.brackets if bracket is not None]
    what = ""
    if names:
        shown = ", ".join(map(str, names)) if len(names) <= 5 else f"{names[0]}, {names[1]}, … {names[-1]}"
        what = f"bracket{'s' if len(names) > 1 else ''} {shown}: "
    text = f"{what}{trials} trial{'s' if trials > 1 else ''}"
    axes.set_title(text[:1].upper() + text[1:], loc="left", fontweight="bold")


def _name_brackets(axes: Axes, panel: Panel, shades: dict[int | None, Any], objective: Objective) -> None:
    """Which colour is which of a panel's brackets, as long as they can be told apart."""
    if 1 < len(panel.brackets) <= len(shades) <= _MOST_COLOURS:
        handles = [Line2D([], [], color=shades[bracket], linewidth=2) for bracket in panel.brackets]
        names = ["none" if bracket is None else str(bracket) for bracket in panel.brackets]
        # Where trials get to at the end if they go well is the other corner.
        corner: Any = "lower right" if objective.maximised else "upper right"
        axes.legend(handles, names, title="bracket", loc=corner)


def _legend(figure: Figure, records: Sequence[Record], shades: dict[int | None, Any]) -> None:
    """What the marks mean."""
    axes = figure.axes[0]
    mark = GREY if len(shades) > 1 else next(iter(shades.values()))
    axes.plot([], [], color=mark, marker="o", markersize=2.4, linewidth=1.2, label="goes on")
    axes.scatter([], [], s=16, color=mark, linewidths=0, label="ends or pauses")
    axes.scatter([], [], s=34, color=mark, linewidths=0, label="fully trained")
    if any(not visit["feasible"] for record in records for visit in visits_of(record)):
        axes.scatter([], [], s=18, facecolors="white", edgecolors=mark, linewidths=0.9, label="breaks a limit")
    if not all(map(succeeded, records)):
        axes.scatter([], [], s=26, marker="x", color=VERMILLION, linewidths=1.3, label="failed")
    if best_record(records) is not None:
        star: dict[str, Any] = {"marker": "*", "s": 130, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
        axes.scatter([], [], label="the best", **star)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _explain(records: Sequence[Record], panels: Sequence[Panel], shades: dict[int | None, Any]) -> str:
    resources = budgets(records)
    reached = [sum(any(v["to"] == r for v in visits_of(record)) for record in records) for r in resources]
    text = f"One line a trial. Trials at each rung: {', '.join(map(str, reached))}."
    if len(shades) > _MOST_COLOURS:
        text += " Colour: bracket, from the first (dark) to the last (light)."
    elif len(panels) > 1:
        text += " Colour: bracket."
    return text
