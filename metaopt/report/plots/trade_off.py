"""Trade-offs: the objective against parameters and MACs, precision against accuracy, with Pareto front and bounds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaopt.report.analysis.study_data import metric_at_best_epoch
from metaopt.report.formatting import format_count, metric_label
from metaopt.report.plots.constraints import draw_constraints
from metaopt.report.plots.score_axis import ScoreAxis, note_outliers, set_logarithmic
from metaopt.report.plots.series import Series, all_constraints, all_records, caption, line_style
from metaopt.report.plots.style import INK, ORANGE, add_title, write_or_explain
from metaopt.trials.constraints import Constraint
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record

Values = npt.NDArray[np.float64]
Read = Callable[[Record], float | None]

# A bound further from the trials than this factor is not drawn, as it would squeeze the trials into a dot.
_MAX_DISTANCE = 10.0


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        name: name of the count or metric, as in constraints.
        label: label for people.
        read: returns the value of a record.
        maximised: whether larger is better.
        is_count: whether it is a count, whose scale is logarithmic.
    """

    name: str
    label: str
    read: Read
    maximised: bool = False
    is_count: bool = False


def find_trade_offs(series: Sequence[Series]) -> list[tuple[Axis, Axis]]:
    """Return the panels that the records support: at least two trials differ along each axis."""
    records = [record for record in all_records(series) if record.has_loss]
    if not records:
        return []
    objective = series[0].runs[0].objective
    score = Axis(
        objective.name,
        metric_label(objective.name),
        lambda record: None if record.loss is None else objective.value(record.loss),
        objective.maximised,
    )
    params = Axis("params", "parameters", lambda record: record.params, is_count=True)
    macs = Axis("macs", "MACs of one image", lambda record: record.macs, is_count=True)
    accuracy, precision = (
        Axis(name, metric_label(name), _reader(name), maximised=True) for name in ("val_accuracy", "val_precision")
    )
    pairs = [(params, score), (macs, score), (accuracy, precision)]
    return [pair for pair in pairs if all(_varies(axis, records) for axis in pair)]


def _reader(name: str) -> Read:
    return lambda record: metric_at_best_epoch(record, name)


def _varies(axis: Axis, records: Sequence[Record]) -> bool:
    values = {value for record in records if (value := axis.read(record)) is not None}
    return len(values) >= 2 and not (axis.is_count and min(values) <= 0)


def trade_off_figure(series: Sequence[Series], path: Path) -> None:
    """Draw the trade-offs of one search, or of several strategies.

    Each dot is a trial at its best epoch, hollow where it is infeasible. The line is the Pareto front of the feasible
    trials; the infeasible side of a constraint is shaded.

    Args:
        series: series with one objective, for which ``find_trade_offs`` returns panels.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    records = all_records(series)
    pairs = find_trade_offs(series)
    constraints = all_constraints(series)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(pairs) or 1, squeeze=False)[0]
        for axes, (horizontal, vertical) in zip(panels, pairs, strict=False):
            for index, each in enumerate(series):
                _draw_series(axes, each, horizontal, vertical, line_style(index)["color"])
            if len(series) == 1:
                _draw_best(axes, records, horizontal, vertical)
            _set_up_axes(axes, records, constraints, horizontal, vertical)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6) or 1)
        detail = _explain(series[0].runs[0].objective, constraints, len(series))
        add_title(figure, "Trade-offs", detail, caption(series))

    write_or_explain(records, path, (4.3 * max(len(pairs), 2), 4.6), draw, caption=caption(series))


def pareto_front(x: Values, y: Values) -> npt.NDArray[np.intp]:
    """Return the points that no other point dominates.

    Args:
        x: (n,) to be minimised.
        y: (n,) to be minimised.

    Returns:
        Indices of the points, by ascending x and thus descending y; of equal points the first.
    """
    order = np.lexsort((y, x))
    lowest = np.minimum.accumulate(y[order])
    is_better = np.concatenate([[True], lowest[1:] < lowest[:-1]]) if len(order) else np.zeros(0, bool)
    return order[is_better]


def _draw_series(axes: Axes, series: Series, horizontal: Axis, vertical: Axis, colour: str) -> None:
    records = [record for record in series.records if record.has_loss]
    x, y = _values(horizontal, records), _values(vertical, records)
    feasible = np.array([record.is_feasible for record in records], bool)
    size = 22 if len(records) <= 150 else 9
    is_single = not series.label  # with several series the legend names the strategies only
    dots: dict[str, Any] = {"color": colour, "alpha": 0.6, "linewidths": 0, "zorder": 3}
    axes.scatter(x[feasible], y[feasible], s=size, label=series.label or "trial", **dots)
    if not feasible.all():
        hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": 0.9, "alpha": 0.6}
        label = "infeasible" if is_single else None
        axes.scatter(x[~feasible], y[~feasible], s=size, zorder=3, label=label, **hollow)
    eligible = np.array([record.is_eligible for record in records], bool) & ~np.isnan(x) & ~np.isnan(y)
    indices = pareto_front(_losses(horizontal, x[eligible]), _losses(vertical, y[eligible]))
    front = np.flatnonzero(eligible)[indices]
    if len(front):
        # Steps, as no trial has more of the one at less of the other.
        line: dict[str, Any] = {"color": colour, "linewidth": 1.5, "marker": "o", "markersize": 3.5, "zorder": 4}
        axes.step(x[front], y[front], where="post", label="Pareto front" if is_single else None, **line)


def _losses(axis: Axis, values: Values) -> Values:
    return -values if axis.maximised else values


def _values(axis: Axis, records: Sequence[Record]) -> Values:
    """Return the (n,) values; NaN where a record has none."""
    values = [axis.read(record) for record in records]
    return np.array([math.nan if value is None else value for value in values], float)


def _draw_best(axes: Axes, records: Sequence[Record], horizontal: Axis, vertical: Axis) -> None:
    best = best_record(records)
    if best is None:
        return
    x, y = _values(horizontal, [best]), _values(vertical, [best])
    axes.scatter(x, y, s=130, marker="*", color=ORANGE, edgecolors=INK, linewidths=0.7, zorder=6, label="best")


def _set_up_axes(
    axes: Axes, records: Sequence[Record], constraints: Sequence[Constraint], horizontal: Axis, vertical: Axis
) -> None:
    """Set scales, limits and labels of a panel, and draw its constraints."""
    with_loss = [record for record in records if record.has_loss]
    for axis, side in ((horizontal, "x"), (vertical, "y")):
        values = _values(axis, with_loss)
        values = values[np.isfinite(values)]
        low, high, is_logarithmic = find_limits(axis, values, constraints)
        if is_logarithmic:
            text = format_count if axis.is_count else "{:.4g}".format
            set_logarithmic(axes, side, (low, high), max_ticks=6, text=text)
        axes.set(**{f"{side}lim": (low, high), f"{side}label": axis.label})
        if side == "y":
            note_outliers(axes, int(np.sum((values < low) | (values > high))), axis.maximised)
    draw_constraints(axes, constraints, x=horizontal.name, y=vertical.name)


def find_limits(axis: Axis, values: Values, constraints: Sequence[Constraint]) -> tuple[float, float, bool]:
    """Return the limits of an axis, which show the bounds near the trials, and whether it is logarithmic.

    Args:
        axis: the axis.
        values: (n,) finite values of the trials, n >= 1.
        constraints: constraints of the studies.
    """
    low, high, is_logarithmic = _limits(axis, values)
    bounds = [
        each.bound for each in constraints if each.name == axis.name and _is_near(each.bound, low, high, is_logarithmic)
    ]
    low = min([low, *(_beyond(bound, -1, is_logarithmic) for bound in bounds)])
    high = max([high, *(_beyond(bound, 1, is_logarithmic) for bound in bounds)])
    return low, high, is_logarithmic


def _limits(axis: Axis, values: Values) -> tuple[float, float, bool]:
    """Return the limits of an axis by its trials alone, and whether it is logarithmic."""
    if not axis.is_count:
        score = ScoreAxis.of_metric(axis.label, values, maximised=axis.maximised)
        return (*score.limits, score.is_logarithmic)
    low, high = float(values.min()), float(values.max())
    margin = (high / low) ** 0.06
    return low / margin, high * margin, True


def _is_near(bound: float, low: float, high: float, is_logarithmic: bool) -> bool:
    if is_logarithmic:
        return low / _MAX_DISTANCE <= bound <= high * _MAX_DISTANCE
    return low - (high - low) <= bound <= high + (high - low)


def _beyond(bound: float, side: int, is_logarithmic: bool) -> float:
    """Return a value a little beyond a bound, so that its line is not the edge of the panel."""
    return bound * 1.15**side if is_logarithmic else bound + side * 0.02


def _explain(objective: Objective, constraints: Sequence[Constraint], n_series: int) -> str:
    text = f"Each trial at its best epoch by {metric_label(objective.name)}. Line: Pareto front"
    text += " of the feasible trials; hollow: infeasible; shaded: violates a constraint." if constraints else "."
    return text if n_series == 1 else f"{text} Colour: strategy."
