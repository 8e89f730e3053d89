"""Rungs of each bracket: one line a trial, from the budget at which it began to that at which it ended."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from metaopt.report.analysis.rungs import has_rungs, rung_levels, rung_results
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.plots.bracket_panels import (
    MAX_COLOURS,
    Panel,
    PanelLayout,
    bracket_colours,
    group_into_panels,
)
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import (
    GREY,
    INK,
    ORANGE,
    VERMILLION,
    add_title,
    write_message,
    write_or_explain,
)
from metaopt.trials.record import Record, best_record

_MAX_COLUMNS = 3


def rungs_figure(study: StudyData, path: Path) -> None:
    """Draw the objective of each trial at each rung that it reached, a panel for the brackets that begin alike.

    Args:
        study: the study; trials without rungs are ignored.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    own = [record for record in study.without_imported().records if rung_results(record) or not record.has_loss]
    if not has_rungs(own):
        message = "No trial was promoted from one rung to the next, so there are no rungs to draw."
        write_message(path, message, study.caption)
        return
    panels = group_into_panels(own)
    n_columns = min(_MAX_COLUMNS, len(panels)) if len(panels) != 4 else 2
    n_rows = -(-len(panels) // n_columns)

    def draw(figure: Figure) -> None:
        layout = PanelLayout(rung_levels(own), study.budget_unit, study.objective, bracket_colours(panels))
        objective = study.objective
        grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
        best = best_record(own)
        for axes, panel in zip(grid.flat, panels, strict=False):
            for bracket, members in panel.brackets.items():
                draw_bracket(axes, members, layout, layout.colours[bracket])
            _draw_best(axes, panel, best, layout)
            _set_up_axes(axes, panel, layout)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        scores = [objective.value(result.values[0]) for record in own for result in rung_results(record)]
        axis = ScoreAxis.of(objective, scores)
        axis.apply(grid[0, 0])
        axis.note_outside(grid[0, 0])
        for row in grid:
            row[0].set_ylabel(axis.label)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _add_bracket_legend(axes, panel, layout)
        _add_legend(figure, own, layout)
        add_title(figure, "Rungs", _explain(own, panels, layout), study.caption)

    size = (max(6.6 if n_columns == 1 else 4.1 * n_columns, 7.5), 1.1 + (4.4 if n_rows == 1 else 3.3 * n_rows))
    write_or_explain(own, path, size, draw, caption=study.caption)


def draw_bracket(axes: Axes, members: Sequence[Record], layout: PanelLayout, colour: Any) -> None:
    """Draw one line for each trial of a bracket, with a dot at each rung.

    Args:
        axes: the panel.
        members: records of the bracket's trials.
        layout: layout of the figure.
        colour: colour of the bracket.
    """
    curves = {record.trial: layout.curve(record) for record in members if rung_results(record)}
    is_crowded = len(members) > 60
    promoted = [curve for curve in curves.values() if len(curve) > 1]
    axes.add_collection(
        LineCollection(promoted, colors=[colour], linewidths=0.8 if is_crowded else 1.2, alpha=0.75, zorder=2)
    )
    drawn = [record for record in members if record.trial in curves]
    _draw_dots(axes, drawn, curves, colour, 12 if is_crowded else 20)
    _draw_failed(axes, [record for record in members if not record.has_loss], curves)


def _draw_dots(axes: Axes, members: Sequence[Record], curves: dict[int, np.ndarray], colour: Any, size: float) -> None:
    """Draw a small dot where a trial was promoted, a larger one where it ended, the largest if fully trained."""
    if not members:
        return
    points = np.concatenate([curves[record.trial] for record in members])
    feasible = np.array([result.is_feasible for record in members for result in rung_results(record)], bool)
    sizes = size * np.array(
        [
            share
            for record in members
            for share in [0.35] * (len(rung_results(record)) - 1) + [1.8 if record.complete else 1.0]
        ]
    )
    x, y = points.T
    axes.scatter(x[feasible], y[feasible], s=sizes[feasible], color=[colour], alpha=0.75, linewidths=0, zorder=3)
    hollow: dict[str, Any] = {"facecolors": "white", "edgecolors": [colour], "linewidths": 0.9, "zorder": 3}
    axes.scatter(x[~feasible], y[~feasible], s=np.maximum(sizes[~feasible], 10), **hollow)


def _draw_failed(axes: Axes, failed: Sequence[Record], curves: dict[int, np.ndarray]) -> None:
    """Draw a cross at the last rung that a trial reached, or at the bottom of the panel where it reached none."""
    cross: dict[str, Any] = {"marker": "x", "s": 26, "color": VERMILLION, "linewidths": 1.3, "zorder": 4}
    for record in failed:
        if record.trial in curves:
            axes.scatter(*curves[record.trial][-1], **cross)
        else:
            axes.scatter(max(record.epochs, 1), 0.02, transform=axes.get_xaxis_transform(), **cross)


def _draw_best(axes: Axes, panel: Panel, best: Record | None, layout: PanelLayout) -> None:
    if best is None or all(best is not record for members in panel.brackets.values() for record in members):
        return
    x, y = layout.curve(best)[-1]
    axes.scatter(x, y, marker="*", s=150, color=ORANGE, edgecolors=INK, linewidths=0.7, zorder=5)


def _set_up_axes(axes: Axes, panel: Panel, layout: PanelLayout) -> None:
    axes.set_xscale("log")
    levels = layout.levels
    axes.set_xlim(levels[0] * np.exp(-0.35 * layout.gap), levels[-1] * np.exp(0.35 * layout.gap))
    axes.set_xticks(levels, [str(level) for level in levels])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(layout.unit)
    n_trials = sum(map(len, panel.brackets.values()))
    names = [bracket for bracket in panel.brackets if bracket is not None]
    prefix = ""
    if names:
        shown = ", ".join(map(str, names)) if len(names) <= 5 else f"{names[0]}, {names[1]}, … {names[-1]}"
        prefix = f"Bracket{'s' if len(names) > 1 else ''} {shown}: "
    axes.set_title(f"{prefix}{n_trials} trial{'s' if n_trials > 1 else ''}", loc="left", fontweight="bold")


def _add_bracket_legend(axes: Axes, panel: Panel, layout: PanelLayout) -> None:
    """Add a legend of the panel's brackets, if they can be distinguished by their colours."""
    if 1 < len(panel.brackets) <= len(layout.colours) <= MAX_COLOURS:
        handles = [Line2D([], [], color=layout.colours[bracket], linewidth=2) for bracket in panel.brackets]
        names = ["none" if bracket is None else str(bracket) for bracket in panel.brackets]
        # The curves of good trials end in the other corner.
        corner: Any = "lower right" if layout.objective.maximised else "upper right"
        axes.legend(handles, names, title="bracket", loc=corner)


def _add_legend(figure: Figure, records: Sequence[Record], layout: PanelLayout) -> None:
    """Add a legend of the marks."""
    axes = figure.axes[0]
    colour = GREY if len(layout.colours) > 1 else next(iter(layout.colours.values()))
    axes.plot([], [], color=colour, marker="o", markersize=2.4, linewidth=1.2, label="promoted")
    axes.scatter([], [], s=16, color=colour, linewidths=0, label="ended or paused")
    axes.scatter([], [], s=34, color=colour, linewidths=0, label="fully trained")
    if any(not result.is_feasible for record in records for result in rung_results(record)):
        axes.scatter([], [], s=18, facecolors="white", edgecolors=colour, linewidths=0.9, label="infeasible")
    if not all(record.has_loss for record in records):
        axes.scatter([], [], s=26, marker="x", color=VERMILLION, linewidths=1.3, label="failed")
    if best_record(records) is not None:
        star: dict[str, Any] = {"marker": "*", "s": 130, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
        axes.scatter([], [], label="best", **star)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _explain(records: Sequence[Record], panels: Sequence[Panel], layout: PanelLayout) -> str:
    reached = [
        sum(any(result.resource == level for result in rung_results(record)) for record in records)
        for level in layout.levels
    ]
    text = f"One line a trial. Trials at each rung: {', '.join(map(str, reached))}."
    if len(layout.colours) > MAX_COLOURS:
        text += " Colour: bracket, from the first (dark) to the last (light)."
    elif len(panels) > 1:
        text += " Colour: bracket."
    return text
