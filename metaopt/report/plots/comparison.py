"""Figures of a comparison: the best so far of each strategy, and the test scores of retrained models."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.trajectory import TrajectoryPoint, anytime_trajectory
from metaopt.report.plots.equal_curves import Curve, draw_curves, explain_equal
from metaopt.report.plots.progress import time_unit
from metaopt.report.plots.score_axis import ScoreAxis, set_logarithmic
from metaopt.report.plots.series import Series, all_records, caption, line_style
from metaopt.report.plots.style import INK, add_title, write_figure, write_message, write_or_explain
from metaopt.trials.objective import Objective

Array = npt.NDArray[np.float64]

_SCORES = {
    "test_accuracy": "accuracy",
    "test_top3": "top-3 accuracy",
    "test_precision": "precision (macro)",
    "test_loss": "cross-entropy",
    "test_map": "mean average precision",
    "test_mae": "MAE",
    "test_r2": "R²",
    "test_psnr": "PSNR (dB)",
    "test_ssim": "SSIM",
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
        labels = [
            f"{each.label} ({len(runs)} seeds)" if len(runs) > 1 else each.label
            for each, runs in zip(series, trajectories, strict=True)
        ]
        values = [[_best_scores(points, objective) for points in runs] for runs in trajectories]
        efforts: list[Callable[[TrajectoryPoint], float]] = [
            lambda point: point.n_trials,
            lambda point: point.clock / seconds,
            lambda point: point.total_epochs,
        ]
        drawn = []
        for axes, effort in zip(panels, efforts, strict=False):
            at = [[np.array(list(map(effort, points)), float) for points in runs] for runs in trajectories]
            drawn.append(_draw_panel(axes, [on_common_grid(*each) for each in zip(at, values, strict=True)], labels))
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        axis = ScoreAxis.of(objective, np.concatenate([each.ravel() for each in drawn[0][1]]))
        axis.apply(panels[0])
        panels[0].set_ylabel(f"best {axis.label} so far")
        names = ("trials", f"search time ({unit})", "epochs trained, of all trials")
        for axes, name in zip(panels, names, strict=False):
            axes.set_xlabel(name)
            axes.set_xlim(left=0)
        handles, shown = panels[0].get_legend_handles_labels()
        figure.legend(handles, shown, loc="outside lower center", ncols=min(len(shown), 5) or 1)
        add_title(figure, "Best so far", _explain(series) + explain_equal(drawn[0][0], "trials"), caption(series))

    write_or_explain(all_records(series), path, (12, 4.6), draw, caption=caption(series))


def _best_scores(points: Sequence[TrajectoryPoint], objective: Objective) -> Array:
    """Return the (n,) best scores of a trajectory; NaN before the first feasible trial."""
    losses = [point.best_loss for point in points]
    return np.array([np.nan if loss is None else objective.value(loss) for loss in losses], float)


def _draw_panel(
    axes: Axes, series: Sequence[tuple[Array, Array]], labels: Sequence[str]
) -> tuple[list[Curve], list[Array]]:
    """Draw the line and the band of each strategy.

    Args:
        axes: the panel.
        series: for each strategy, (n,) positions and (runs, n) values.
        labels: label of each strategy.

    Returns:
        The lines, and the values of each strategy.
    """
    curves, styles = [], [line_style(index) for index in range(len(series))]
    for (grid, steps), label, style in zip(series, labels, styles, strict=True):
        curves.append(Curve(label, grid, np.median(steps, axis=0) if len(steps) else np.zeros(0)))
        if len(steps) > 1:
            low, high = steps.min(axis=0), steps.max(axis=0)
            axes.fill_between(grid, low, high, step="post", color=style["color"], alpha=0.16, linewidth=0, zorder=2)
    draw_curves(axes, curves, styles)
    return curves, [steps for _, steps in series]


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
    text = (
        "Feasible trials." if series[0].runs[0].objective.name == "loss" else "Feasible trials, on validation images."
    )
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
        write_message(path, "No study has a retrained model yet.", _caption(studies))
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
            if name == "test_loss":
                _set_loss_axis(axes, tested)
            axes.grid(False, axis="y")
        panels[0].set_yticks(rows, [_row_name(study) for study in tested])
        panels[0].set_ylim(-0.6, len(tested) - 0.4)
        text = "Bars: 95 % confidence intervals over test images."
        if any(study["test"]["means"] for study in tested):
            text += " Diamonds: means over seeds of the retraining, with Student's 95 % intervals."
        add_title(figure, "Retrained models on the test images", text, _caption(studies))

    write_figure(path, (max(2.5 * len(shown) + 2.2, 6.5), 1.6 + 0.42 * len(tested)), draw)


def _caption(studies: Sequence[dict[str, Any]]) -> str:
    """Return the data and the strategies of the rows; the studies are named beside their scores."""
    named = {"data": "data", "strategies": "strategy"}
    texts = {
        name: ", ".join(dict.fromkeys(study[key] for study in studies if study.get(key))) for name, key in named.items()
    }
    return " · ".join(f"{name} {text}" for name, text in texts.items() if text)


def _set_loss_axis(axes: Axes, studies: Sequence[dict[str, Any]]) -> None:
    """Make the axis of the losses logarithmic, if all ends of the intervals are above 0."""
    tests = [study["test"] for study in studies]
    found = [test[kind].get("test_loss") for test in tests for kind in ("scores", "means")]
    ends = [score[name] for score in found if score is not None for name in ("low", "value", "high")]
    if ends and min(ends) > 0:
        margin = (max(ends) / min(ends)) ** 0.06
        set_logarithmic(axes, "x", (min(ends) / margin, max(ends) * margin), max_ticks=4)


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
