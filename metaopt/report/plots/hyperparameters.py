"""Every hyperparameter against the objective, with its marginal effect."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from metaopt.report.analysis.features import NONE_AT, Column, columns_of
from metaopt.report.analysis.scores import describe_metric, feasible, objective_of, succeeded
from metaopt.report.analysis.statistics import Effect, marginal_effect
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
from metaopt.spaces import compile_space
from metaopt.trials.record import Record, best_record

# Below so many trials in view a running median says nothing.
_FEWEST_FOR_TREND = 8
# Smallest width of the running median's window as a share of the axis (standard deviation of its weights), and how many
# trials must lie within that width.
_BANDWIDTH = 0.1
_NEIGHBOURS = 6


def scatter_matrix(records: Sequence[Record], path: Path, space: Any = None, epochs: int | None = None) -> None:
    """Draws every hyperparameter against the objective, with its marginal effect, the most important first.

    A running median with quartiles shows the effect of a number, median and quartiles per option that of a choice.
    A hyperparameter is drawn where it is active.

    Args:
        records: in any order.
        path: of the picture.
        space: the hyperopt expression that was searched, which says where an axis is logarithmic; or None.
        epochs: of trials that are shown as they were then, see ``at_equal_epochs``; or None.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    ranked, constant, used = rank_columns(records, space)
    if used and not ranked:
        write_message(path, f"All {len(used)} trials that succeeded have the same hyperparameters.")
        return
    n_columns = min(5, len(ranked)) or 1
    n_rows = -(-len(ranked) // n_columns)

    def draw(figure: Figure) -> None:
        objective = objective_of(records)
        panels = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
        scores = np.array([objective.value(record["loss"]) for record in used])
        limits = score_limits(list(scores), objective.maximised)
        panels[0, 0].set_ylim(limits)
        for axes, (column, effect) in zip(panels.flat, ranked, strict=False):
            _draw_marginal(axes, column, effect, used, scores)
        for axes in panels.flat[len(ranked) :]:
            axes.set_visible(False)
        figure.supylabel(describe_metric(objective.name), fontsize=10)
        outside = sum(not limits[0] <= score <= limits[1] for score in scores)
        clip_note(panels[0, 0], outside, objective.maximised)
        _colour_bar(figure, panels, used)
        title(figure, f"Hyperparameters against the objective{since(epochs, len(used))}", _explain(constant))

    write_or_explain(records, path, (2.75 * max(n_columns, 3), 2.35 * n_rows + 0.95), draw)


def since(epochs: int | None, trials: int) -> str:
    """What a title says of so many trials that are shown as they were after so many epochs."""
    return "" if epochs is None else f" after {epochs} epoch{'s' if epochs > 1 else ''}, {trials} trials"


def rank_columns(records: Sequence[Record], space: Any) -> tuple[list[tuple[Column, Effect]], list[str], list[Record]]:
    """Hyperparameters with their effects, the most important first.

    Returns:
        Columns with effects, the names of constant hyperparameters, and the records of the columns' values: those that
        succeeded, by trial number.
    """
    used = sorted(filter(succeeded, records), key=lambda record: record["trial"])
    logarithmic = set()
    if space is not None:
        parameters = compile_space(space).parameters
        logarithmic = {parameter.label for parameter in parameters if parameter.distribution.is_logarithmic}
    columns, constant = columns_of(used, logarithmic)
    losses = np.array([record["loss"] for record in used])
    ranked = [(column, marginal_effect(column, losses)) for column in columns]
    ranked.sort(key=lambda pair: -np.nan_to_num(pair[1].share, nan=-1.0))
    return ranked, constant, used


def scatter_trials(
    axes: Axes, x: np.ndarray, y: np.ndarray, records: Sequence[Record], colour: np.ndarray, size: float = 20
) -> Any:
    """Marks trials by kind: hollow where they break a limit, a diamond where imported, a star for the best.

    Args:
        axes: to draw on.
        x: (n,) places, nan where there is none.
        y: (n,) places likewise.
        records: of the n trials.
        colour: (n,) numbers, mapped to ``SEQUENTIAL``.
        size: of a mark, in points².

    Returns:
        The colour mapping, for a colour bar.
    """
    norm = Normalize(np.nanmin(colour), np.nanmax(colour) + 1e-12)
    mapped = matplotlib.cm.ScalarMappable(norm, SEQUENTIAL)
    shades = mapped.to_rgba(colour)
    imported = np.array([bool(record.get("imported")) for record in records])
    keeps = np.array([feasible(record) for record in records])
    for marker, chosen in (("o", ~imported & keeps), ("D", imported & keeps)):
        axes.scatter(x[chosen], y[chosen], s=size, marker=marker, c=shades[chosen], alpha=0.8, linewidths=0, zorder=3)
    axes.scatter(x[~keeps], y[~keeps], s=size, facecolors="none", edgecolors=shades[~keeps], linewidths=1.0, zorder=3)
    best = best_record(records)
    chosen = np.array([record is best for record in records])
    axes.scatter(x[chosen], y[chosen], s=110, marker="*", c=ORANGE, edgecolors=INK, linewidths=0.6, zorder=6)
    return mapped


def jitter(column: Column, places: np.ndarray, seed: int = 0) -> np.ndarray:
    """Moves levels sideways so that equal ones do not hide each other; the same at each drawing."""
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-1, 1, len(places))
    width = 0.22 if column.levels else np.where(places == NONE_AT, 0.035, 0.0)
    return places + width * shifts


def set_ticks(axis: Any, column: Column, most: int, size: float = 8.0, room: int = 22) -> None:
    """The column's own ticks on an axis of its places; turned where a horizontal axis has no room for the letters."""
    at, texts = column.ticks(most)
    axis.set_ticks(at, texts)
    crowded = sum(map(len, texts)) > room
    turned = axis.axis_name == "x" and crowded
    axis.set_tick_params(labelsize=size - (1.0 if crowded else 0.0), labelrotation=25.0 if turned else 0.0)


def _draw_marginal(axes: Axes, column: Column, effect: Effect, records: Sequence[Record], scores: np.ndarray) -> None:
    places = column.places()
    numbers = np.array([record["trial"] for record in records], float)
    scatter_trials(axes, jitter(column, places), scores, records, numbers)
    for level in range(len(column.levels)):
        _draw_quartiles(axes, level, scores[places == level], width=0.66)
    if column.has_none:
        _draw_quartiles(axes, NONE_AT, scores[places == NONE_AT], width=0.11)
        axes.axvline(NONE_AT / 2, color=GREY, linewidth=0.7, linestyle=(0, (2, 3)), zorder=1)
    if column.continuous:
        on_axis = places >= 0
        _draw_trend(axes, places[on_axis], scores[on_axis])
    axes.set_xlim(column.limits())
    set_ticks(axes.xaxis, column, most=4)
    axes.grid(False, axis="x")
    name = column.name if len(column.name) <= 26 else f"…{column.name[-25:]}"
    axes.set_title(name, loc="left", fontsize=9, fontweight="bold", color=INK)
    if effect.share == effect.share:
        text = f"{effect.share:.0%}" if effect.clear else "unclear"
        axes.set_title(text, loc="right", fontsize=9, color=VERMILLION if effect.clear else GREY)
    if effect.trials < len(records):
        note = f"active in {effect.trials} of {len(records)}"
        axes.annotate(note, (0.99, 0.02), xycoords="axes fraction", ha="right", va="bottom", color=GREY, fontsize=7)


def _draw_quartiles(axes: Axes, place: float, scores: np.ndarray, width: float) -> None:
    """Median and quartiles of one option; only the median where there are fewer than four trials."""
    if len(scores) < 2:
        return
    low, median, high = np.quantile(scores, [0.25, 0.5, 0.75])
    left = place - width / 2
    if len(scores) >= 4:
        axes.bar(left, high - low, width, low, align="edge", color=VERMILLION, alpha=0.13, linewidth=0, zorder=1)
    axes.hlines(median, left, left + width, color=VERMILLION, linewidth=2, zorder=4)


def _draw_trend(axes: Axes, places: np.ndarray, scores: np.ndarray) -> None:
    """A running median with quartiles, left out where trials are too few."""
    if len(places) < _FEWEST_FOR_TREND:
        return
    grid = np.linspace(places.min(), places.max(), 80)
    distances = np.abs(grid[:, None] - places)  # (grid, n)
    widths = np.maximum(np.sort(distances, axis=1)[:, _NEIGHBOURS - 1], _BANDWIDTH)  # wider where trials are rare
    weights = np.exp(-0.5 * (distances / widths[:, None]) ** 2)
    order = np.argsort(scores)
    cumulated = np.cumsum(weights[:, order], axis=1)
    # Weighted quantiles, interpolated between the midpoints of the trials' weights, so that the lines are smooth.
    middles = (cumulated - weights[:, order] / 2) / cumulated[:, -1:]
    low, median, high = (np.array([np.interp(q, row, scores[order]) for row in middles]) for q in (0.25, 0.5, 0.75))
    axes.fill_between(grid, low, high, color=VERMILLION, alpha=0.13, linewidth=0, zorder=1)
    axes.plot(grid, median, color=VERMILLION, linewidth=2, zorder=4)


def _colour_bar(figure: Figure, panels: np.ndarray, records: Sequence[Record]) -> None:
    first, last = records[0]["trial"], records[-1]["trial"]
    if first == last:
        return
    mapped = matplotlib.cm.ScalarMappable(Normalize(first, last), SEQUENTIAL)
    bar = figure.colorbar(mapped, ax=panels, aspect=45, pad=0.012, fraction=0.02)
    bar.set_label("trial", fontsize=8.5)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)


def _explain(constant: Sequence[str]) -> str:
    text = (
        "In per cent: the share of the scores' ranks that it explains alone (adjusted R²), the largest first; "
        "“unclear”: p ≥ 0.05. Line and shade: median and quartiles. Star: the best."
    )
    return f"{text} Constant: {', '.join(constant)}." if constant else text
