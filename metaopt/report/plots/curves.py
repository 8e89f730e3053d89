"""Learning curves: every trial's validation metric over its epochs, and the best trial's training beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.scores import describe_metric, objective_of, succeeded
from metaopt.report.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    SEQUENTIAL,
    VERMILLION,
    score_limits,
    title,
    write_message,
    write_or_explain,
)
from metaopt.trials.objective import OBJECTIVES, Objective
from metaopt.trials.record import Record, best_record

# (training, validation) of the same quantity; the first pair that a history has is drawn.
_LOSSES = (("train", "val_loss"), ("loss", "val_total_loss"), ("loss", "val_loss"))
_ACCURACIES = (("accuracy", "val_accuracy"),)


def learning_curves(records: Sequence[Record], path: Path) -> None:
    """Draws one line a trial, the best highlighted, and the best trial's training beside its validation.

    Args:
        records: in any order; those without a history are passed over.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    traced = [record for record in records if succeeded(record) and _metric(record, objective_of(records))]
    if not traced and any(map(succeeded, records)):
        write_message(path, "The trials report no epochs, so there are no learning curves.")
        return

    def draw(figure: Figure) -> None:
        objective = objective_of(records)
        # Of imported trials alone the best is shown all the same; it is only never the study's best.
        best = best_record(traced) or min(traced, key=lambda record: record["loss"])
        history = best["history"]
        pairs = [next((pair for pair in known if pair[1] in history), None) for known in (_LOSSES, _ACCURACIES)]
        shown = [pair for pair in pairs if pair is not None]
        grid = figure.add_gridspec(max(len(shown), 1), 2, width_ratios=(1.75, 1))
        _draw_all(figure.add_subplot(grid[:, 0]), traced, best, objective)
        axes = None
        for row, (training, validation) in enumerate(shown):
            axes = figure.add_subplot(grid[row, 1], sharex=axes)
            _draw_best(axes, best, training, validation)
            if row == 0:
                axes.set_title(f"Trial {best['trial']}, training and validation", loc="left", fontweight="bold")
            if row + 1 < len(shown):
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel("epoch")
        count = f"{len(traced)} trial{'s' if len(traced) > 1 else ''}"
        mixed = len({bool(record.get("imported")) for record in traced}) > 1
        explained = "lighter is better; dots: best epochs" + ("; dashed: imported" if mixed else "")
        title(figure, "Learning curves", f"{count}, {explained}.")

    write_or_explain(records, path, (11, 4.8), draw)


def _metric(record: Record, objective: Objective) -> str | None:
    """The metric whose curve says most: the objective, else the validation's accuracy or loss, else the loss."""
    history = record.get("history") or {}
    return next((n for n in (objective.name, "val_accuracy", "val_loss", "loss") if history.get(n)), None)


def _draw_all(axes: Axes, records: Sequence[Record], best: Record, objective: Objective) -> None:
    metric = _metric(best, objective) or "loss"
    drawn = [record for record in records if record["history"].get(metric)]
    lines = [_points(record["history"][metric]) for record in drawn]
    # Coloured by rank, so that outliers do not make all others look alike.
    order = np.argsort(np.argsort([-record["loss"] for record in drawn])) / max(len(drawn) - 1, 1)
    styles: list[Any] = ["--" if record.get("imported") and not best.get("imported") else "-" for record in drawn]
    collection = LineCollection(lines, linewidths=0.9, alpha=0.7, cmap=SEQUENTIAL, linestyles=styles)
    collection.set_array(order)
    axes.add_collection(collection)
    for record in drawn:
        _dot(axes, record, metric, {"s": 9, "color": GREY, "linewidths": 0, "zorder": 3})
    curve = _points(best["history"][metric])
    axes.plot(curve[:, 0], curve[:, 1], color=VERMILLION, linewidth=2.2, zorder=4)
    _dot(axes, best, metric, {"s": 130, "marker": "*", "color": ORANGE, "edgecolors": "#222222", "zorder": 5})
    maximised = OBJECTIVES[metric].maximised if metric in OBJECTIVES else False
    values = np.concatenate(lines)[:, 1]
    # A loss may start or end far up; the axis shows where most of the curves are.
    axes.set_ylim(score_limits(list(values[np.isfinite(values)]), maximised))
    axes.set_xlim(0.5, max(len(line) for line in lines) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_ylabel(describe_metric(metric))
    axes.set_title(f"The best, trial {best['trial']}", loc="left", fontweight="bold", color=VERMILLION)


def _draw_best(axes: Axes, best: Record, training: str, validation: str) -> None:
    history = best["history"]
    for name, label, colour, dash in (
        (training, "training", BLUE, (0, (4, 1.5))),
        (validation, "validation", VERMILLION, "-"),
    ):
        if history.get(name):
            curve = _points(history[name])
            axes.plot(curve[:, 0], curve[:, 1], color=colour, linestyle=dash, linewidth=1.6, label=label)
    if best.get("best_epoch"):
        axes.axvline(best["best_epoch"], color=GREY, linewidth=0.9, linestyle=(0, (2, 2)), label="best epoch")
    values = np.concatenate([_points(history[name])[:, 1] for name in (training, validation) if history.get(name)])
    axes.set_ylim(score_limits(list(values[np.isfinite(values)]), maximised="accuracy" in validation))
    axes.set_ylabel("accuracy" if "accuracy" in validation else "loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(loc="best")


def _points(values: Sequence[float | None]) -> np.ndarray:
    """(epochs, 2): epoch, from 1, and value."""
    curve = np.array([np.nan if value is None else value for value in values], float)
    return np.stack([np.arange(1, len(curve) + 1), curve], axis=1)


def _dot(axes: Axes, record: Record, metric: str, look: dict[str, Any]) -> None:
    epoch = record.get("best_epoch")
    if epoch and epoch <= len(record["history"][metric]):
        axes.scatter([epoch], [record["history"][metric][epoch - 1]], **look)
