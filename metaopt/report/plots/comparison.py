"""Strategies side by side: the best so far by trials and by time, and the test scores of retrained models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.scores import describe_metric, objective_of
from metaopt.report.analysis.trajectory import Moment, moments
from metaopt.report.plots.progress import time_unit
from metaopt.report.plots.series import Series, look
from metaopt.report.plots.style import INK, score_limits, title, write_figure, write_message, write_or_explain
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record

Array = npt.NDArray[np.float64]

_SCORES = {
    "test_accuracy": "accuracy",
    "test_top3": "top-3 accuracy",
    "test_precision": "precision (macro)",
    "test_loss": "cross-entropy",
}


def best_so_far_figure(series: Sequence[Series], path: Path) -> None:
    """Draws the best score so far of each strategy, by trials, by search time and by the epochs trained.

    Over several seeds the line is the median, and the band reaches from the worst to the best. A line begins where
    every seed has a trial that keeps the limits, and ends where the first seed ends.

    Args:
        series: with one objective.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    records = [record for each in series for record in each.records]

    def draw(figure: Figure) -> None:
        objective = objective_of(records)
        courses = [[_course(run) for run in each.runs] for each in series]
        told = all(course[-1].spent for runs in courses for course in runs if course)
        panels = figure.subplots(1, 3 if told else 2, sharey=True)
        last = max((record["ended"] for record in records if record["ended"] is not None), default=0.0)
        seconds, unit = time_unit(last)
        shown: list[float] = []
        for index, (each, runs) in enumerate(zip(series, courses, strict=True)):
            by_trials = [np.array([moment.trials for moment in run], float) for run in runs]
            by_time = [np.array([moment.seconds for moment in run], float) / seconds for run in runs]
            values = [_best(run, objective) for run in runs]
            label = f"{each.label} ({len(runs)} seeds)" if len(runs) > 1 else each.label
            shown += _draw(panels[0], by_trials, values, label, index)
            _draw(panels[1], by_time, values, label, index)
            if told:
                _draw(
                    panels[2], [np.array([moment.spent for moment in run], float) for run in runs], values, label, index
                )
                panels[2].set_xlabel("epochs trained, of all trials")
        panels[0].set_xlabel("trials")
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        panels[1].set_xlabel(f"search time ({unit})")
        panels[0].set_ylabel(f"best {describe_metric(objective.name)} so far")
        for axes in panels:
            axes.set_xlim(left=0)
        if shown:
            panels[0].set_ylim(score_limits(shown, objective.maximised))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5) or 1)
        title(figure, "Best so far", _explain(series))

    write_or_explain(records, path, (12, 4.4), draw)


def _course(run: Sequence[Record]) -> list[Moment]:
    return moments([record for record in run if record["ended"] is not None])


def _best(run: Sequence[Moment], objective: Objective) -> Array:
    """(n,) best score at each moment; nan before the first trial that keeps the limits."""
    return np.array([np.nan if moment.best is None else objective.value(moment.best) for moment in run], float)


def _draw(axes: Axes, places: Sequence[Array], values: Sequence[Array], label: str, index: int) -> list[float]:
    """One strategy's line and band; returns the values that it goes through."""
    grid, steps = on_common_grid(places, values)
    style = look(index)
    middle = np.median(steps, axis=0) if len(steps) else np.zeros(0)
    axes.step(grid, middle, where="post", linewidth=1.7, label=label, zorder=3, **style)
    if len(steps) > 1:
        low, high = steps.min(axis=0), steps.max(axis=0)
        axes.fill_between(grid, low, high, step="post", color=style["color"], alpha=0.16, linewidth=0, zorder=2)
    return list(steps.ravel())


def on_common_grid(places: Sequence[Array], values: Sequence[Array]) -> tuple[Array, Array]:
    """Step functions of several runs at all their steps, where all of them have a value.

    Args:
        places: per run, (n,) ascending places of its steps.
        values: per run, (n,) value from each step on; nan before the first.

    Returns:
        (m,) places and (runs, m) values.
    """
    if not places or any(len(each) == 0 for each in places):
        return np.zeros(0), np.zeros((0, 0))
    end = min(each[-1] for each in places)
    grid = np.unique(np.concatenate([each[each <= end] for each in places]))
    grid = grid[grid >= max(each[0] for each in places)]
    steps = np.stack(
        [value[np.searchsorted(each, grid, side="right") - 1] for each, value in zip(places, values, strict=True)]
    )
    known = ~np.isnan(steps).any(axis=0)
    return grid[known], steps[:, known]


def _explain(series: Sequence[Series]) -> str:
    text = "Trials that keep the limits, on validation images."
    if all(len(each.runs) == 1 for each in series):
        return f"{text} One seed each: another seed would draw another line."
    return f"{text} Line: median over seeds; band: from the worst to the best; both end with the shortest search."


def final_scores_figure(studies: Sequence[dict[str, Any]], path: Path) -> None:
    """Draws the test scores of retrained models with their 95 % intervals.

    Args:
        studies: rows of ``side_by_side.compare``.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    tested = [study for study in studies if study["test"]]
    if not tested:
        write_message(path, "No study has a retrained model yet: `metaopt retrain` makes one.")
        return
    shown = [name for name in _SCORES if any(name in study["test"]["scores"] for study in tested)]
    groups = list(dict.fromkeys(study["group"] for study in studies))
    rows = np.arange(len(tested))[::-1]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, shown, strict=True):
            for row, study in zip(rows, tested, strict=True):
                _draw_score(axes, float(row), study["test"], name, look(groups.index(study["group"]))["color"])
            axes.set_title(_SCORES[name], loc="left", fontweight="bold")
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.grid(False, axis="y")
        panels[0].set_yticks(rows, [_name(study) for study in tested])
        panels[0].set_ylim(-0.6, len(tested) - 0.4)
        text = "Bars: 95 % intervals over test images."
        if any(study["test"]["means"] for study in tested):
            text += " Diamonds: means over seeds of the retraining, with Student's 95 % intervals."
        title(figure, "Retrained models on the test images", text)

    write_figure(path, (2.5 * len(shown) + 2.2, 1.4 + 0.42 * len(tested)), draw)


def _draw_score(axes: Axes, row: float, test: dict[str, Any], name: str, colour: str) -> None:
    score, mean = test["scores"].get(name), test["means"].get(name)
    if score is not None:
        _draw_interval(axes, row, score, marker="o", color=colour)
    if mean is not None:
        _draw_interval(axes, row - 0.25, mean, marker="D", color=INK)


def _draw_interval(axes: Axes, row: float, score: dict[str, float], **style: Any) -> None:
    ends = [[score["value"] - score["low"]], [score["high"] - score["value"]]]
    axes.errorbar([score["value"]], [row], xerr=ends, markersize=4.5, linewidth=1.6, capsize=0, **style)


def _name(study: dict[str, Any]) -> str:
    return study["study"] if study["study"].startswith(study["group"]) else f"{study['study']} ({study['group']})"
