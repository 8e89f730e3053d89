"""How good the best model was at each moment of a search: by epochs, by seconds and by trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from metaopt.report.analysis.rungs import budget_unit, budgets, has_rungs
from metaopt.report.analysis.scores import describe_metric, objective_of
from metaopt.report.analysis.trajectory import Moment, moments
from metaopt.report.console.progress_state import count
from metaopt.report.plots.style import (
    BLUE,
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
from metaopt.trials.record import Record

# Of the sequential colours, so that the lightest is still seen on white.
_DARK, _LIGHT = 0.0, 0.82
# More budgets than this are not told apart by their colours.
_MOST_COLOURS = 7
_EPOCHS = "epochs trained, of all trials"


def anytime_figure(records: Sequence[Record], path: Path) -> None:
    """Draws the best score so far against the epochs that all trials were trained, the search time and the trials.

    The axes of effort are logarithmic: the first trials are seen as well as the last. A trial counts from when it
    pauses or ends, since from then on its weights can be had.

    Args:
        records: in any order; imported ones are passed over.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    own = [record for record in records if not record.get("imported")]
    if records and not own:
        write_message(path, "All trials were trained elsewhere, and nothing tells in what order.")
        return

    def draw(figure: Figure) -> None:
        objective = objective_of(own)
        course = moments(own)
        efforts = _efforts(own, course)
        panels = figure.subplots(1, len(efforts), sharey=True, squeeze=False)[0]
        colours = _colours(own)
        for axes, (label, places, end) in zip(panels, efforts, strict=True):
            _draw_trials(axes, course, places, objective, colours)
            _draw_best(axes, course, places, end, objective)
            _frame(axes, label, places, end)
        full = max((record["epochs"] for record in own if record.get("complete")), default=0)
        if efforts[0][0] == _EPOCHS and full > 1:
            _mark_full(panels[0], full)
        scores = [objective.value(moment.loss) for moment in course if moment.loss is not None]
        limits = score_limits(scores, objective.maximised)
        panels[0].set_ylim(limits)
        clip_note(panels[-1], sum(not limits[0] <= score <= limits[1] for score in scores), objective.maximised)
        panels[0].set_ylabel(describe_metric(objective.name))
        handles, labels = panels[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 8))
        title(figure, "The best at every moment", _explain(own))

    write_or_explain(own, path, (12, 4.4), draw)


def _efforts(records: Sequence[Record], course: Sequence[Moment]) -> list[tuple[str, np.ndarray, float]]:
    """What a search spends: name, (n,) how much at each moment, and at the end; those that the records tell."""
    spent = np.array([moment.spent for moment in course], float)
    seconds = np.array([moment.seconds or 0.0 for moment in course])
    trials = np.array([moment.trials for moment in course], float)
    # Epochs of trials that failed last, and of those that go on now, are spent as well.
    total = max(spent[-1], sum(record.get("epochs") or 0 for record in records))
    efforts = [
        (_EPOCHS, spent, float(total)),
        ("seconds of search", seconds, float(seconds.max())),
        ("trials", trials, float(trials[-1])),
    ]
    return [effort for effort in efforts if effort[1].max() > 0]


def _colours(records: Sequence[Record]) -> dict[int, tuple[str, tuple[float, ...] | str]]:
    """Budget → its label and colour; empty where there are no rungs, or too many."""
    resources = budgets(records) if has_rungs(records) else []
    if not 1 < len(resources) <= _MOST_COLOURS:
        return {}
    shades = matplotlib.colormaps[SEQUENTIAL](np.linspace(_DARK, _LIGHT, len(resources)))
    unit = budget_unit(records).removesuffix("s")
    return {
        resource: (f"after {resource} {unit}{'s' if resource > 1 else ''}", tuple(shade))
        for resource, shade in zip(resources, shades, strict=True)
    }


def _draw_trials(
    axes: Axes,
    course: Sequence[Moment],
    places: np.ndarray,
    objective: Objective,
    colours: dict[int, tuple[str, tuple[float, ...] | str]],
) -> None:
    values = np.array([np.nan if moment.loss is None else objective.value(moment.loss) for moment in course])
    shown = places > 0
    size = 17 if len(course) <= 150 else 8
    known = colours or {-1: ("trial", BLUE)}
    of_rung = np.array([moment.to if moment.to in colours else -1 for moment in course])
    losses = np.array([np.inf if moment.best is None else moment.best for moment in course])
    better = losses < np.append(np.inf, losses[:-1])
    for resource, (label, colour) in known.items():
        chosen = shown & (of_rung == resource) & ~np.isnan(values)
        axes.scatter(places[chosen], values[chosen], s=size, color=[colour], alpha=0.6, linewidths=0, label=label)
        chosen &= better  # once more, as the line runs over them
        axes.scatter(places[chosen], values[chosen], s=26, color=[colour], edgecolors=INK, linewidths=0.7, zorder=5)
    other = shown & (of_rung == -1) & ~np.isnan(values) & bool(colours)
    if other.any():
        axes.scatter(places[other], values[other], s=size, color=GREY, alpha=0.6, linewidths=0, label="ended between")
    failed = shown & np.isnan(values)
    if failed.any():
        # At the foot of the panel, as a failed trial has no score.
        foot = np.full(int(failed.sum()), 0.02)
        cross: dict[str, Any] = {"marker": "x", "s": 18, "color": VERMILLION, "linewidths": 1.1}
        axes.scatter(places[failed], foot, transform=axes.get_xaxis_transform(), label="failed", **cross)


def _draw_best(axes: Axes, course: Sequence[Moment], places: np.ndarray, end: float, objective: Objective) -> None:
    values = np.array([np.nan if moment.best is None else objective.value(moment.best) for moment in course])
    shown = (places > 0) & ~np.isnan(values)
    if not shown.any():
        return
    x, y = places[shown], values[shown]
    x, y = np.append(x, max(end, x[-1])), np.append(y, y[-1])
    axes.step(x, y, where="post", color="white", linewidth=3.4, zorder=3)  # a rim, to stand out from the trials
    axes.step(x, y, where="post", color=INK, linewidth=1.6, label="best so far", zorder=4)
    last = int(np.argmax(y == y[-1]))
    star: dict[str, Any] = {"marker": "*", "s": 140, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
    axes.scatter(x[last], y[last], zorder=6, label="the best reached", **star)


def _frame(axes: Axes, label: str, places: np.ndarray, end: float) -> None:
    axes.set_xlabel(label)
    axes.set_xscale("log")
    low, high = float(places[places > 0].min()), max(end, float(places.max()))
    margin = max(high / low, 1.5) ** 0.04
    axes.set_xlim(low / margin, high * margin)
    # On a short axis 1, 2 and 5 of each decade, on a long one the decades, so that there are ticks and none overlap.
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 2000 else (1.0,), numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: count(place)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _mark_full(axes: Axes, epochs: int) -> None:
    """Where the effort of one full training ends, if that is in view."""
    if not axes.get_xlim()[0] <= epochs <= axes.get_xlim()[1]:
        return
    axes.axvline(epochs, color=GREY, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    where: dict[str, Any] = {"xy": (epochs, 0.98), "xycoords": axes.get_xaxis_transform(), "xytext": (-3, 0)}
    text = f"one full training, {epochs} epochs"
    axes.annotate(
        text, **where, textcoords="offset points", ha="right", va="top", rotation=90, color=GREY, fontsize=7.5
    )


def _explain(records: Sequence[Record]) -> str:
    limited = any(record.get("constraints") for record in records)
    text = "Line: the best trial that keeps the limits" if limited else "Line: the best trial"
    when = "each time that a trial pauses or ends" if has_rungs(records) else "each time that a trial ends"
    return f"{text}; dots: {when}, how good it is. Effort on a logarithmic axis."
