"""Axis of a score: its limits without outliers, and a logarithmic scale for losses."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from metaopt.report.formatting import metric_label
from metaopt.report.plots.style import GREY
from metaopt.trials.objective import Objective

# Steps within a decade, from fine to coarse.
_STEPS: tuple[tuple[float, ...], ...] = ((1, 2, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))

# Logarithms of about the smallest and the largest float.
_SMALLEST, _LARGEST = -708.0, 709.0


@dataclass(frozen=True)
class ScoreAxis:
    """Axis of the objective or of another metric.

    Attributes:
        label: label of the axis.
        limits: smallest and largest value that it shows.
        maximised: whether larger is better.
        is_logarithmic: whether its scale is logarithmic, as that of losses is.
        n_outside: number of the values that are outside the limits.
    """

    label: str
    limits: tuple[float, float]
    maximised: bool
    is_logarithmic: bool
    n_outside: int

    @classmethod
    def of(cls, objective: Objective, scores: Iterable[float]) -> Self:
        """Return the axis of an objective for these scores; values that are not finite are ignored."""
        return cls.of_metric(metric_label(objective.name), scores, maximised=objective.maximised)

    @classmethod
    def of_metric(cls, label: str, values: Iterable[float], *, maximised: bool) -> Self:
        """Return the axis of a metric; of one to be minimised it is logarithmic if all values are above 0."""
        finite = [float(value) for value in values if math.isfinite(value)]
        is_logarithmic = not maximised and bool(finite) and min(finite) > 0
        limits = score_limits(finite, maximised, is_logarithmic) if finite else (0.0, 1.0)
        n_outside = sum(not limits[0] <= value <= limits[1] for value in finite)
        return cls(label, limits, maximised, is_logarithmic, n_outside)

    def apply(self, axes: Axes, side: str = "y", max_ticks: int = 7) -> None:
        """Set scale, limits, ticks and label of one side of a panel, and of those that share it.

        Args:
            axes: the panel.
            side: ``"x"`` or ``"y"``.
            max_ticks: largest number of ticks of a logarithmic axis.
        """
        if self.is_logarithmic:
            set_logarithmic(axes, side, self.limits, max_ticks)
        axes.set(**{f"{side}lim": self.limits, f"{side}label": self.label})

    def note_outside(self, axes: Axes) -> None:
        """Write at the bad end of the vertical axis how many values are outside its limits."""
        note_outliers(axes, self.n_outside, self.maximised)


def set_logarithmic(
    axes: Axes,
    side: str,
    limits: tuple[float, float],
    max_ticks: int = 7,
    text: Callable[[float], str] = "{:.4g}".format,
) -> None:
    """Make one side of a panel logarithmic, with ticks at round numbers within the limits.

    Args:
        axes: the panel.
        side: ``"x"`` or ``"y"``.
        limits: limits of the axis, above 0.
        max_ticks: largest number of ticks.
        text: returns the text of a tick.
    """
    axes.set(**{f"{side}scale": "log"})
    axis: Any = getattr(axes, f"{side}axis")
    ticks = logarithmic_ticks(*limits, max_ticks)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_ticklabels(list(map(text, ticks)))
    axis.set_minor_locator(NullLocator())


def logarithmic_ticks(low: float, high: float, max_ticks: int = 7) -> list[float]:
    """Return two or more round numbers within positive limits, evenly spaced on a logarithmic axis if possible."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _STEPS:
        ticks = [tick for decade in decades for step in steps if low <= (tick := step * 10.0**decade) <= high]
        if len(ticks) <= max_ticks:
            break
    else:
        stride = math.ceil(len(ticks) / max_ticks)
        ticks = max((ticks[first::stride] for first in range(stride)), key=len)
    if len(ticks) >= 3 or (len(ticks) == 2 and ticks[1] / ticks[0] >= (high / low) ** 0.25):
        return ticks
    linear = MaxNLocator(min(max_ticks, 5), steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in linear if low <= tick <= high] or ticks


def score_limits(scores: Sequence[float], maximised: bool, is_logarithmic: bool = False) -> tuple[float, float]:
    """Return the limits of a score axis, without outliers on the bad side.

    Scores further than three interquartile ranges beyond the quartile of the bad side are outside the limits.

    Args:
        scores: one or more.
        maximised: whether larger is better.
        is_logarithmic: whether ranges are those of the logarithms.
    """
    ordered = sorted(math.log(score) for score in scores) if is_logarithmic else sorted(scores)
    low, high = ordered[0], ordered[-1]
    q1, q3 = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    fence = 3 * (q3 - q1)
    if fence > 0:
        low, high = (max(low, q1 - fence), high) if maximised else (low, min(high, q3 + fence))
    margin = 0.06 * (high - low) or (0.05 if is_logarithmic else 0.05 * (abs(high) or 1.0))
    low, high = low - margin, high + margin
    return (math.exp(max(low, _SMALLEST)), math.exp(min(high, _LARGEST))) if is_logarithmic else (low, high)


def note_outliers(axes: Axes, n_outside: int, maximised: bool) -> None:
    """Write at the bad end of the score axis how many trials are outside its limits."""
    if n_outside:
        text, y, va = (f"↓ {n_outside} lower", 0.02, "bottom") if maximised else (f"↑ {n_outside} higher", 0.98, "top")
        axes.annotate(text, (0.99, y), xycoords="axes fraction", ha="right", va=va, color=GREY, fontsize=8)
