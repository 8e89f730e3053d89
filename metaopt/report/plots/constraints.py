"""The limits of a study in a picture: a line, and a shade over what breaks it."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from metaopt.report.console.progress_state import count
from metaopt.report.plots.style import INK
from metaopt.trials.constraints import Constraint

# Not in a colour, as those tell strategies.
_LINE: dict[str, Any] = {"color": INK, "linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 2}
_SHADE: dict[str, Any] = {"color": INK, "alpha": 0.055, "linewidth": 0, "zorder": 0}
_TEXT: dict[str, Any] = {
    "color": INK,
    "fontsize": 7.5,
    "textcoords": "offset points",
    "zorder": 5,
    "path_effects": [withStroke(linewidth=2.5, foreground="white", alpha=0.8)],
}


def draw_limits(axes: Axes, limits: Sequence[Constraint], x: str = "", y: str = "") -> None:
    """Draws those limits that fall into the panel, whose ends are set already.

    Args:
        axes: the panel.
        limits: of the study.
        x: the name of what its horizontal axis shows, as limits call it.
        y: the name of what its vertical axis shows.
    """
    for limit in limits:
        text = f"{limit.name} {'≤' if limit.upper else '≥'} {count(limit.bound)}"
        if limit.name == x and _inside(limit, axes.get_xlim()):
            axes.axvline(limit.bound, **_LINE)
            axes.axvspan(*_broken(limit, axes.get_xlim()), **_SHADE)
            at: Any = {"xy": (limit.bound, 0.02), "xytext": (-3, 0), "xycoords": axes.get_xaxis_transform()}
            axes.annotate(text, **at, rotation=90, ha="right", va="bottom", **_TEXT)
        if limit.name == y and _inside(limit, axes.get_ylim()):
            axes.axhline(limit.bound, **_LINE)
            axes.axhspan(*_broken(limit, axes.get_ylim()), **_SHADE)
            at = {"xy": (0.01, limit.bound), "xytext": (0, 2), "xycoords": axes.get_yaxis_transform()}
            axes.annotate(text, **at, ha="left", va="bottom", **_TEXT)


def _inside(limit: Constraint, ends: tuple[float, float]) -> bool:
    return ends[0] <= limit.bound <= ends[1]


def _broken(limit: Constraint, ends: tuple[float, float]) -> tuple[float, float]:
    """The part of an axis on the wrong side of a limit."""
    return (limit.bound, ends[1]) if limit.upper else (ends[0], limit.bound)
