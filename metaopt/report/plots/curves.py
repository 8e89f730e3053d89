"""Learning curves: validation and training of every trial over its epochs, and of the best trial together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
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
from metaopt.trials.objective import Objective, is_maximised
from metaopt.trials.record import Record, best_record

# (training, validation) metrics of the same quantity; the first pair that a history has is drawn.
_LOSSES = (("train", "val_loss"), ("loss", "val_total_loss"), ("loss", "val_loss"))
_ACCURACIES = (("accuracy", "val_accuracy"),)

TRAINING_LOSSES = ("train", "loss")
"""Training loss of a trial; the first one that a history has is drawn."""


def learning_curves(study: StudyData, path: Path) -> None:
    """Draw one line a trial for validation and one for training, the best highlighted, and both of the best together.

    Args:
        study: the study; trials without a history are ignored.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    drawn = [record for record in study.with_loss if shown_metric(record, study.objective)]
    if not drawn and study.with_loss:
        write_message(path, "The trials report no epochs, so there are no learning curves.", study.caption)
        return

    def draw(figure: Figure) -> None:
        # Where all trials are imported, the best of them is highlighted, although it is never the study's best.
        best = best_record(drawn) or min(drawn, key=lambda record: record.result.values)
        metric = shown_metric(best, study.objective) or "loss"
        training = next((name for name in TRAINING_LOSSES if name != metric and best.history.get(name)), None)
        grid = figure.add_gridspec(2, 2, width_ratios=(1.6, 1))
        rows = slice(None) if training is None else 0
        upper = figure.add_subplot(grid[rows, 0])
        _draw_trials(upper, drawn, best, metric)
        upper.set_title(f"Validation of all trials; red: the best, trial {best.trial}", loc="left", fontweight="bold")
        if training is None:
            upper.set_xlabel("epoch")
        else:
            lower = figure.add_subplot(grid[1, 0], sharex=upper)
            _draw_trials(lower, drawn, best, training)
            lower.set(xlabel="epoch", ylabel="training loss")
            lower.set_title("Training of all trials", loc="left", fontweight="bold")
            upper.tick_params(labelbottom=False)
        _draw_pairs(figure, grid, best)
        count = f"{len(drawn)} trial{'s' if len(drawn) > 1 else ''}"
        is_mixed = len({record.imported for record in drawn}) > 1
        detail = "lighter is better; dots: best epochs" + ("; dashed: imported" if is_mixed else "")
        add_title(figure, "Learning curves", f"{count}, {detail}.", study.caption)

    write_or_explain(study.records, path, (11, 6.2), draw, caption=study.caption)


def shown_metric(record: Record, objective: Objective) -> str | None:
    """Return the objective, otherwise the validation accuracy or loss, otherwise the loss; None without a history."""
    names = (objective.name, "val_accuracy", "val_loss", "loss")
    return next((name for name in names if record.history.get(name)), None)


def _draw_pairs(figure: Figure, grid: GridSpec, best: Record) -> None:
    """Draw training and validation of the best trial, a panel for the loss and one for the accuracy."""
    pairs = [next((pair for pair in known if pair[1] in best.history), None) for known in (_LOSSES, _ACCURACIES)]
    shown = [pair for pair in pairs if pair is not None]
    axes = None
    for row, (training, validation) in enumerate(shown):
        axes = figure.add_subplot(grid[row if len(shown) > 1 else slice(None), 1], sharex=axes)
        _draw_best(axes, best, training, validation)
        if row == 0:
            axes.set_title(f"Trial {best.trial}, training and validation", loc="left", fontweight="bold")
        if row + 1 < len(shown):
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel("epoch")


def _draw_trials(axes: Axes, records: Sequence[Record], best: Record, metric: str) -> None:
    """Draw a metric of all trials that have it over their epochs."""
    drawn = [record for record in records if record.history.get(metric)]
    lines = [_curve(record.history[metric]) for record in drawn]
    # Coloured by rank, so that outliers do not make all others look alike.
    losses = np.array([record.result.values[0] for record in drawn])
    order = np.argsort(np.argsort(-losses)) / max(len(drawn) - 1, 1)
    styles: list[Any] = ["--" if record.imported and not best.imported else "-" for record in drawn]
    collection = LineCollection(lines, linewidths=0.9, alpha=0.7, cmap=SEQUENTIAL, linestyles=styles)
    collection.set_array(order)
    axes.add_collection(collection)
    _draw_best_epochs(axes, drawn, metric, {"s": 9, "color": GREY, "linewidths": 0, "zorder": 3})
    curve = _curve(best.history[metric])
    axes.plot(curve[:, 0], curve[:, 1], color=VERMILLION, linewidth=2.2, zorder=4)
    star: dict[str, Any] = {"s": 130, "marker": "*", "color": ORANGE, "edgecolors": INK, "zorder": 5}
    _draw_best_epochs(axes, [best], metric, star)
    maximised = is_maximised(metric)
    # A loss may be very large at its start or end; the axis shows where most of the curves are.
    axis = ScoreAxis.of_metric(metric_label(metric), np.concatenate(lines)[:, 1], maximised=maximised)
    axis.apply(axes, max_ticks=5)
    axes.set_xlim(0.5, max(len(line) for line in lines) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _draw_best(axes: Axes, best: Record, training: str, validation: str) -> None:
    for name, label, colour, dash in (
        (training, "training", BLUE, (0, (4, 1.5))),
        (validation, "validation", VERMILLION, "-"),
    ):
        if best.history.get(name):
            curve = _curve(best.history[name])
            axes.plot(curve[:, 0], curve[:, 1], color=colour, linestyle=dash, linewidth=1.6, label=label)
    if best.best_epoch is not None:
        axes.axvline(best.best_epoch, color=GREY, linewidth=0.9, linestyle=(0, (2, 2)), label="best epoch")
    curves = [_curve(best.history[name]) for name in (training, validation) if best.history.get(name)]
    values = np.concatenate(curves)[:, 1]
    is_accuracy = "accuracy" in validation
    label = "accuracy" if is_accuracy else "loss"
    ScoreAxis.of_metric(label, values, maximised=is_accuracy).apply(axes, max_ticks=5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(loc="best")


def _curve(values: Sequence[float | None]) -> np.ndarray:
    """Return the (epochs, 2) curve: epoch, from 1, and value."""
    curve = np.array([np.nan if value is None else value for value in values], float)
    return np.stack([np.arange(1, len(curve) + 1), curve], axis=1)


def _draw_best_epochs(axes: Axes, records: Sequence[Record], metric: str, style: dict[str, Any]) -> None:
    """Draw a mark at the best epoch of each record, in one collection: thousands of them would take minutes."""
    points = [
        (epoch, record.history[metric][epoch - 1])
        for record in records
        if (epoch := record.best_epoch) is not None and epoch <= len(record.history[metric])
    ]
    known = np.array([point for point in points if point[1] is not None], float).reshape(-1, 2)
    axes.scatter(known[:, 0], known[:, 1], **style)
