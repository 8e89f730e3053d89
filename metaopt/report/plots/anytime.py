"""Anytime performance: the best score so far by epochs, by seconds and by trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from metaopt.report.analysis.rungs import has_rungs, rung_levels
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trajectory import TrajectoryPoint, anytime_trajectory
from metaopt.report.formatting import format_count
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SEQUENTIAL,
    VERMILLION,
    add_title,
    write_message,
    write_or_explain,
)
from metaopt.trials.objective import Objective

# Part of the sequential colours that is visible on white.
_DARK, _LIGHT = 0.0, 0.82
# More budgets than this cannot be distinguished by their colours.
_MAX_COLOURS = 7
_EPOCHS = "epochs trained, of all trials"

Colours = dict[int, tuple[str, tuple[float, ...] | str]]
"""Budget → its label and colour."""


@dataclass(frozen=True)
class Effort:
    """A measure of effort, one horizontal axis.

    Attributes:
        label: label of the axis.
        at: (n,) effort at each point of the trajectory.
        end: effort at the end of the search.
    """

    label: str
    at: np.ndarray
    end: float


def anytime_figure(study: StudyData, path: Path) -> None:
    """Draw the best score so far against the epochs that all trials were trained, the search time and the trials.

    The axes of effort are logarithmic, so that the first trials are as visible as the last. A trial counts when it
    pauses or ends, as its weights are available from then on. Imported trials are ignored.

    Args:
        study: the study.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    own = study.without_imported()
    if study.records and not own.records:
        write_message(path, "All trials were imported, and the order of their training is unknown.", study.caption)
        return

    def draw(figure: Figure) -> None:
        objective = own.objective
        trajectory = anytime_trajectory(own.records)
        efforts = _efforts(own, trajectory)
        panels = figure.subplots(1, len(efforts), sharey=True, squeeze=False)[0]
        colours = _budget_colours(own)
        for axes, effort in zip(panels, efforts, strict=True):
            _draw_trials(axes, trajectory, effort.at, objective, colours)
            _draw_best(axes, trajectory, effort, objective)
            _set_up_axes(axes, effort)
        full = max((record.epochs for record in own.records if record.complete), default=0)
        if efforts[0].label == _EPOCHS and full > 1:
            _mark_full_training(panels[0], full)
        scores = [objective.value(point.result.loss) for point in trajectory if point.result.loss is not None]
        axis = ScoreAxis.of(objective, scores)
        axis.apply(panels[0])
        axis.note_outside(panels[-1])
        handles, labels = panels[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 8))
        add_title(figure, "Anytime performance", _explain(own), own.caption)

    write_or_explain(own.records, path, (12, 4.6), draw, caption=own.caption)


def _efforts(study: StudyData, trajectory: Sequence[TrajectoryPoint]) -> list[Effort]:
    """Return the measures of effort that the records have."""
    epochs = np.array([point.total_epochs for point in trajectory], float)
    seconds = np.array([point.clock for point in trajectory])
    trials = np.array([point.n_trials for point in trajectory], float)
    # Includes the epochs of trials that failed after the last result, and of those in training.
    total = max(epochs[-1], sum(record.epochs for record in study.records))
    efforts = [
        Effort(_EPOCHS, epochs, float(total)),
        Effort("seconds of search", seconds, float(seconds.max())),
        Effort("trials", trials, float(trials[-1])),
    ]
    return [effort for effort in efforts if effort.at.max() > 0]


def _budget_colours(study: StudyData) -> Colours:
    """Return label and colour of each budget; empty where there are no rungs, or too many."""
    levels = rung_levels(study.records) if has_rungs(study.records) else []
    if not 1 < len(levels) <= _MAX_COLOURS:
        return {}
    shades = matplotlib.colormaps[SEQUENTIAL](np.linspace(_DARK, _LIGHT, len(levels)))
    unit = study.budget_unit.removesuffix("s")
    return {
        level: (f"after {level} {unit}{'s' if level > 1 else ''}", tuple(shade))
        for level, shade in zip(levels, shades, strict=True)
    }


def _draw_trials(
    axes: Axes, trajectory: Sequence[TrajectoryPoint], at: np.ndarray, objective: Objective, colours: Colours
) -> None:
    losses = [point.result.loss for point in trajectory]
    values = np.array([np.nan if loss is None else objective.value(loss) for loss in losses])
    is_shown = at > 0
    size = 17 if len(trajectory) <= 150 else 8
    known = colours or {-1: ("trial", BLUE)}
    levels = np.array([point.result.resource if point.result.resource in colours else -1 for point in trajectory])
    best = np.array([np.inf if point.best_loss is None else point.best_loss for point in trajectory])
    is_improvement = best < np.append(np.inf, best[:-1])
    for level, (label, colour) in known.items():
        chosen = is_shown & (levels == level) & ~np.isnan(values)
        axes.scatter(at[chosen], values[chosen], s=size, color=[colour], alpha=0.6, linewidths=0, label=label)
        chosen &= is_improvement  # drawn again above the line
        axes.scatter(at[chosen], values[chosen], s=26, color=[colour], edgecolors=INK, linewidths=0.7, zorder=5)
    other = is_shown & (levels == -1) & ~np.isnan(values) & bool(colours)
    if other.any():
        axes.scatter(at[other], values[other], s=size, color=GREY, alpha=0.6, linewidths=0, label="ended between rungs")
    failed = is_shown & np.isnan(values)
    if failed.any():
        # At the bottom of the panel, as a failed trial has no score.
        bottom = np.full(int(failed.sum()), 0.02)
        cross: dict[str, Any] = {"marker": "x", "s": 18, "color": VERMILLION, "linewidths": 1.1}
        axes.scatter(at[failed], bottom, transform=axes.get_xaxis_transform(), label="failed", **cross)


def _draw_best(axes: Axes, trajectory: Sequence[TrajectoryPoint], effort: Effort, objective: Objective) -> None:
    values = np.array([np.nan if p.best_loss is None else objective.value(p.best_loss) for p in trajectory])
    is_shown = (effort.at > 0) & ~np.isnan(values)
    if not is_shown.any():
        return
    x, y = effort.at[is_shown], values[is_shown]
    x, y = np.append(x, max(effort.end, x[-1])), np.append(y, y[-1])
    axes.step(x, y, where="post", color="white", linewidth=3.4, zorder=3)  # a rim, for contrast to the trials
    axes.step(x, y, where="post", color=INK, linewidth=1.6, label="best so far", zorder=4)
    last = int(np.argmax(y == y[-1]))
    star: dict[str, Any] = {"marker": "*", "s": 140, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
    axes.scatter(x[last], y[last], zorder=6, label="best", **star)


def _set_up_axes(axes: Axes, effort: Effort) -> None:
    axes.set_xlabel(effort.label)
    axes.set_xscale("log")
    low, high = float(effort.at[effort.at > 0].min()), max(effort.end, float(effort.at.max()))
    margin = max(high / low, 1.5) ** 0.04
    axes.set_xlim(low / margin, high * margin)
    # Ticks at 1, 2 and 5 of each decade, or on a long axis at the decades, so that none overlap.
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 2000 else (1.0,), numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _mark_full_training(axes: Axes, epochs: int) -> None:
    """Mark the effort of one full training, if it is within the panel."""
    if not axes.get_xlim()[0] <= epochs <= axes.get_xlim()[1]:
        return
    axes.axvline(epochs, color=GREY, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    at_left = np.log(epochs / axes.get_xlim()[0]) < 0.08 * np.log(axes.get_xlim()[1] / axes.get_xlim()[0])
    where: dict[str, Any] = {
        "xy": (epochs, 0.98),
        "xycoords": axes.get_xaxis_transform(),
        "textcoords": "offset points",
    }
    side: dict[str, Any] = {"xytext": (3, 0), "ha": "left"} if at_left else {"xytext": (-3, 0), "ha": "right"}
    text = f"one full training, {epochs} epochs"
    axes.annotate(text, **where, **side, va="top", rotation=90, color=GREY, fontsize=7.5)


def _explain(study: StudyData) -> str:
    text = "Line: the best feasible trial" if study.constraints else "Line: the best trial"
    when = "pauses or ends" if has_rungs(study.records) else "ends"
    return f"{text}; dots: the score of a trial each time that one {when}. Logarithmic axis of effort."
