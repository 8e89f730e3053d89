"""What a good score costs: parameters and MACs against the objective, precision against accuracy, with the limits."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from metaopt.report.analysis.scores import describe_metric, eligible, feasible, limits_of, objective_of, succeeded
from metaopt.report.plots.constraints import draw_limits
from metaopt.report.plots.series import Series, look
from metaopt.report.plots.style import INK, ORANGE, clip_note, score_limits, title, write_or_explain
from metaopt.trials.constraints import Constraint
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record

Values = npt.NDArray[np.float64]
Read = Callable[[Record], float | None]

# A limit further from the trials than this factor is not drawn: the trials would be a dot beside it.
_REACH = 10.0


@dataclass(frozen=True)
class Axis:
    """One direction of a panel.

    Attributes:
        name: of the number, as limits call it.
        label: for people.
        read: takes it from a record.
        maximised: whether larger is better.
        logarithmic: whether it is drawn so.
    """

    name: str
    label: str
    read: Read
    maximised: bool = False
    logarithmic: bool = False


def trade_offs(records: Iterable[Record]) -> list[tuple[Axis, Axis]]:
    """The panels that the records support: two or more trials differ along each axis."""
    used = [record for record in records if succeeded(record)]
    objective = objective_of(used)
    score = Axis(
        objective.name,
        describe_metric(objective.name),
        lambda record: objective.value(record["loss"]),
        objective.maximised,
    )
    params = Axis("params", "parameters", lambda record: record.get("params"), logarithmic=True)
    macs = Axis("macs", "MACs of one image", lambda record: record.get("macs"), logarithmic=True)
    accuracy, precision = (
        Axis(name, describe_metric(name), _best_epoch(name), maximised=True)
        for name in ("val_accuracy", "val_precision")
    )
    pairs = [(params, score), (macs, score), (accuracy, precision)]
    return [pair for pair in pairs if all(_varies(axis, used) for axis in pair)]


def _best_epoch(name: str) -> Read:
    return lambda record: (record.get("scores") or {}).get("best", {}).get(name)


def _varies(axis: Axis, records: Sequence[Record]) -> bool:
    values = {axis.read(record) for record in records} - {None}
    return len(values) >= 2 and not (axis.logarithmic and min(values) <= 0)  # type: ignore[type-var, operator]


def trade_off_figure(series: Sequence[Series], path: Path) -> None:
    """Draws the trade-offs of one search, or of several strategies.

    Each dot is a trial at its best epoch, hollow where it breaks a limit. The line is the Pareto front of those that
    keep all limits; behind a limit the panel is shaded.

    Args:
        series: with one objective; ``trade_offs`` of their records is not empty.
        path: of the picture.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    records = [record for each in series for record in each.records]
    pairs = trade_offs(records)

    def draw(figure: Figure) -> None:
        objective = objective_of(records)
        panels = figure.subplots(1, len(pairs) or 1, squeeze=False)[0]
        limits = limits_of(records)
        for axes, (horizontal, vertical) in zip(panels, pairs, strict=False):
            for index, each in enumerate(series):
                _draw_series(axes, each, horizontal, vertical, look(index)["color"])
            if len(series) == 1:
                _draw_best(axes, records, horizontal, vertical)
            _frame(axes, records, limits, horizontal, vertical)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6) or 1)
        title(figure, "What a good score costs", _explain(objective, limits, len(series)))

    write_or_explain(records, path, (4.3 * max(len(pairs), 2), 4.4), draw)


def pareto_front(x: Values, y: Values) -> npt.NDArray[np.intp]:
    """Which of n points no other one betters.

    Args:
        x: (n,) to be minimised.
        y: (n,) to be minimised.

    Returns:
        Indices of the points, by growing x, of which y then falls; of equal points the first.
    """
    order = np.lexsort((y, x))
    lowest = np.minimum.accumulate(y[order])
    better = np.concatenate([[True], lowest[1:] < lowest[:-1]]) if len(order) else np.zeros(0, bool)
    return order[better]


def _draw_series(axes: Axes, series: Series, horizontal: Axis, vertical: Axis, colour: str) -> None:
    used = [record for record in series.records if succeeded(record)]
    x, y = _values(horizontal, used), _values(vertical, used)
    keeps = np.array([feasible(record) for record in used], bool)
    size = 22 if len(used) <= 150 else 9
    single = not series.label  # of several, only the strategies are named: the subtitle says the rest
    dots: dict[str, Any] = {"color": colour, "alpha": 0.6, "linewidths": 0, "zorder": 3}
    axes.scatter(x[keeps], y[keeps], s=size, label=series.label or "trial", **dots)
    if not keeps.all():
        hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": 0.9, "alpha": 0.6}
        axes.scatter(x[~keeps], y[~keeps], s=size, zorder=3, label="breaks a limit" if single else None, **hollow)
    may = np.array([eligible(record) for record in used], bool) & ~np.isnan(x) & ~np.isnan(y)
    front = np.flatnonzero(may)[pareto_front(_losses(horizontal, x[may]), _losses(vertical, y[may]))]
    if len(front):
        # From each point straight along to the next: no trial has more of the one at less of the other.
        line: dict[str, Any] = {"color": colour, "linewidth": 1.5, "marker": "o", "markersize": 3.5, "zorder": 4}
        axes.step(x[front], y[front], where="post", label="Pareto front" if single else None, **line)


def _losses(axis: Axis, values: Values) -> Values:
    return -values if axis.maximised else values


def _values(axis: Axis, records: Sequence[Record]) -> Values:
    """(n,); nan where a record does not tell."""
    read = [axis.read(record) for record in records]
    return np.array([math.nan if value is None else value for value in read], float)


def _draw_best(axes: Axes, records: Sequence[Record], horizontal: Axis, vertical: Axis) -> None:
    best = best_record(records)
    if best is None:
        return
    x, y = _values(horizontal, [best]), _values(vertical, [best])
    axes.scatter(x, y, s=130, marker="*", color=ORANGE, edgecolors=INK, linewidths=0.7, zorder=6, label="best")


def _frame(
    axes: Axes, records: Sequence[Record], limits: Sequence[Constraint], horizontal: Axis, vertical: Axis
) -> None:
    """Scales, limits and labels of a panel."""
    used = [record for record in records if succeeded(record)]
    for axis, name in ((horizontal, "x"), (vertical, "y")):
        values = _values(axis, used)
        values = values[np.isfinite(values)]
        if axis.logarithmic:
            axes.set(**{f"{name}scale": "log"})
            drawn = getattr(axes, f"{name}axis")
            # 1, 2 and 5 of each decade as "500 k", "2 M": every minor tick as a power of ten would overlap.
            drawn.set_major_locator(LogLocator(subs=(1, 2, 5)))
            drawn.set_major_formatter(EngFormatter())
            drawn.set_minor_formatter(NullFormatter())
        low, high = _range(axis, values)
        own = [limit for limit in limits if limit.name == axis.name]
        drawn = [limit.bound for limit in own if _near(axis, limit.bound, low, high)]
        low, high = (
            min([low, *(_beside(axis, b, -1) for b in drawn)]),
            max([high, *(_beside(axis, b, 1) for b in drawn)]),
        )
        axes.set(**{f"{name}lim": (low, high), f"{name}label": axis.label})
        if name == "y":
            clip_note(axes, int(np.sum((values < low) | (values > high))), axis.maximised)
    draw_limits(axes, limits, x=horizontal.name, y=vertical.name)


def _range(axis: Axis, values: Values) -> tuple[float, float]:
    """The ends of an axis by its trials alone."""
    if not axis.logarithmic:
        return score_limits(list(values), axis.maximised)
    low, high = float(values.min()), float(values.max())
    margin = (high / low) ** 0.06
    return low / margin, high * margin


def _near(axis: Axis, bound: float, low: float, high: float) -> bool:
    if axis.logarithmic:
        return low / _REACH <= bound <= high * _REACH
    return low - (high - low) <= bound <= high + (high - low)


def _beside(axis: Axis, bound: float, side: int) -> float:
    """A little beyond a limit, so that its line is not the panel's edge."""
    return bound * 1.15**side if axis.logarithmic else bound + side * 0.02


def _explain(objective: Objective, limits: Sequence[Constraint], n_series: int) -> str:
    text = f"Each trial at its best epoch by {describe_metric(objective.name)}. Line: Pareto front"
    text += " of those that keep the limits; hollow: breaks a limit; shaded: beyond one." if limits else "."
    return text if n_series == 1 else f"{text} Colour: strategy."
