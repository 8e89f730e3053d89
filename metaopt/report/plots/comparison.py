"""Figures of a comparison: the best so far of each strategy, and the test scores of retrained models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.trajectory import TrajectoryPoint, anytime_trajectory
from metaopt.report.formatting import metric_label
from metaopt.report.plots.progress import time_unit
from metaopt.report.plots.series import Series, all_records, line_style
from metaopt.report.plots.style import INK, add_title, score_limits, write_figure, write_message, write_or_explain
from metaopt.trials.objective import Objective

Array = npt.NDArray[np.float64]

_SCORES = {
    "test_accuracy": "accuracy",
    "test_top3": "top-3 accuracy",
    "test_precision": "precision (macro)",
    "test_loss": "cross-entropy",
}


def best_so_far_figure(series: Sequence[Series], path: Path) -> None:
    """Draw the best score so far of each strategy, by trials, by search time and by the epochs trained.

    With several seeds the line is the median, and the band reaches from the worst to the best. A line begins where the
    searches of all seeds have a feasible trial, and ends where the shortest search ends.

    Args:
        series: series with one objective.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """

    def draw(figure: Figure) -> None:
        objective = series[0].runs[0].objective
        trajectories = [[anytime_trajectory(run.records) for run in each.runs] for each in series]
        has_epochs = all(points[-1].total_epochs for runs in trajectories for points in runs if points)
        panels = figure.subplots(1, 3 if has_epochs else 2, sharey=True)
        last = max((points[-1].clock for runs in trajectories for points in runs if points), default=0.0)
        seconds, unit = time_unit(last)
        shown: list[float] = []
        for index, (each, runs) in enumerate(zip(series, trajectories, strict=True)):
            label = f"{each.label} ({len(runs)} seeds)" if len(runs) > 1 else each.label
            values = [_best_scores(points, objective) for points in runs]
            efforts = [
                [np.array([point.n_trials for point in points], float) for points in runs],
                [np.array([point.clock for point in points], float) / seconds for points in runs],
                [np.array([point.total_epochs for point in points], float) for points in runs],
            ]
            for axes, at in zip(panels, efforts, strict=False):
                drawn = _draw_series(axes, at, values, label, index)
                shown += drawn if axes is panels[0] else []
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        panels[0].set_ylabel(f"best {metric_label(objective.name)} so far")
        names = ("trials", f"search time ({unit})", "epochs trained, of all trials")
        for axes, name in zip(panels, names, strict=False):
            axes.set_xlabel(name)
            axes.set_xlim(left=0)
        if shown:
            panels[0].set_ylim(score_limits(shown, objective.maximised))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5) or 1)
        add_title(figure, "Best so far", _explain(series))

    write_or_explain(all_records(series), path, (12, 4.4), draw)


def _best_scores(points: Sequence[TrajectoryPoint], objective: Objective) -> Array:
    """Return the (n,) best scores of a trajectory; NaN before the first feasible trial."""
    losses = [point.best_loss for point in points]
    return np.array([np.nan if loss is None else objective.value(loss) for loss in losses], float)


def _draw_series(axes: Axes, at: Sequence[Array], values: Sequence[Array], label: str, index: int) -> list[float]:
    """Draw the line and the band of one strategy, and return their values."""
    grid, steps = on_common_grid(at, values)
    style = line_style(index)
    middle = np.median(steps, axis=0) if len(steps) else np.zeros(0)
    axes.step(grid, middle, where="post", linewidth=1.7, label=label, zorder=3, **style)
    if len(steps) > 1:
        low, high = steps.min(axis=0), steps.max(axis=0)
        axes.fill_between(grid, low, high, step="post", color=style["color"], alpha=0.16, linewidth=0, zorder=2)
    return list(steps.ravel())


def on_common_grid(at: Sequence[Array], values: Sequence[Array]) -> tuple[Array, Array]:
    """Return the step functions of several runs at all their steps, where all of them have a value.

    Args:
        at: per run, (n,) ascending positions of its steps.
        values: per run, (n,) value from each step on; NaN before the first.

    Returns:
        (m,) positions and (runs, m) values.
    """
    if not at or any(len(each) == 0 for each in at):
        return np.zeros(0), np.zeros((0, 0))
    end = min(each[-1] for each in at)
    grid = np.unique(np.concatenate([each[each <= end] for each in at]))
    grid = grid[grid >= max(each[0] for each in at)]
    steps = np.stack(
        [value[np.searchsorted(each, grid, side="right") - 1] for each, value in zip(at, values, strict=True)]
    )
    known = ~np.isnan(steps).any(axis=0)
    return grid[known], steps[:, known]


def _explain(series: Sequence[Series]) -> str:
    text = "Feasible trials, on validation images."
    if all(len(each.runs) == 1 for each in series):
        return f"{text} One seed each: the lines vary from seed to seed."
    return f"{text} Line: median over seeds; band: from the worst to the best; both end with the shortest search."


def evaluation_figure(studies: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the test scores of retrained models with their 95 % confidence intervals.

    Args:
        studies: rows ``studies`` of ``compare``.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    tested = [study for study in studies if study["test"]]
    if not tested:
        write_message(path, "No study has a retrained model yet.")
        return
    shown = [name for name in _SCORES if any(name in study["test"]["scores"] for study in tested)]
    groups = list(dict.fromkeys(study["group"] for study in studies))
    rows = np.arange(len(tested))[::-1]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, shown, strict=True):
            for row, study in zip(rows, tested, strict=True):
                colour = line_style(groups.index(study["group"]))["color"]
                _draw_score(axes, float(row), study["test"], name, colour)
            axes.set_title(_SCORES[name], loc="left", fontweight="bold")
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.grid(False, axis="y")
        panels[0].set_yticks(rows, [_row_name(study) for study in tested])
        panels[0].set_ylim(-0.6, len(tested) - 0.4)
        text = "Bars: 95 % confidence intervals over test images."
        if any(study["test"]["means"] for study in tested):
            text += " Diamonds: means over seeds of the retraining, with Student's 95 % intervals."
        add_title(figure, "Retrained models on the test images", text)

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


def _row_name(study: dict[str, Any]) -> str:
    return study["study"] if study["study"].startswith(study["group"]) else f"{study['study']} ({study['group']})"
