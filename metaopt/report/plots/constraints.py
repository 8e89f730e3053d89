"""Constraints in a figure: a line at the bound, and a shade over the infeasible side."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from metaopt.report.formatting import format_count
from metaopt.report.plots.style import INK
from metaopt.trials.constraints import Constraint

# Without a colour of its own, as colours distinguish strategies.
_LINE: dict[str, Any] = {"color": INK, "linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 2}
_SHADE: dict[str, Any] = {"color": INK, "alpha": 0.055, "linewidth": 0, "zorder": 0}
_TEXT: dict[str, Any] = {
    "color": INK,
    "fontsize": 7.5,
    "textcoords": "offset points",
    "zorder": 5,
    "path_effects": [withStroke(linewidth=2.5, foreground="white", alpha=0.8)],
}


def draw_constraints(axes: Axes, constraints: Sequence[Constraint], x: str = "", y: str = "") -> None:
    """Draw the constraints whose bound is within the panel; its limits must be set before.

    Args:
        axes: the panel.
        constraints: constraints of the study.
        x: name of the count or metric on the horizontal axis.
        y: name of the count or metric on the vertical axis.
    """
    for constraint in constraints:
        bound = constraint.bound
        text = f"{constraint.metric} {'≤' if constraint.upper else '≥'} {format_count(bound)}"
        if constraint.metric == x and _is_inside(bound, axes.get_xlim()):
            axes.axvline(bound, **_LINE)
            axes.axvspan(*_infeasible_range(constraint, axes.get_xlim()), **_SHADE)
            at: Any = {"xy": (bound, 0.02), "xytext": (-3, 0), "xycoords": axes.get_xaxis_transform()}
            axes.annotate(text, **at, rotation=90, ha="right", va="bottom", **_TEXT)
        if constraint.metric == y and _is_inside(bound, axes.get_ylim()):
            axes.axhline(bound, **_LINE)
            axes.axhspan(*_infeasible_range(constraint, axes.get_ylim()), **_SHADE)
            at = {"xy": (0.01, bound), "xytext": (0, 2), "xycoords": axes.get_yaxis_transform()}
            axes.annotate(text, **at, ha="left", va="bottom", **_TEXT)


def _is_inside(bound: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= bound <= limits[1]


def _infeasible_range(constraint: Constraint, limits: tuple[float, float]) -> tuple[float, float]:
    """Return the part of an axis that violates a constraint."""
    return (constraint.bound, limits[1]) if constraint.upper else (limits[0], constraint.bound)
