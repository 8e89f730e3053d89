"""Panels of a page: a plotly figure, or a message in its place, each with a title and a note."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from metaopt.report.page.text import plot_text
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import GREY

MANY = 1500
"""With more points than this a figure is drawn by the GPU (WebGL) rather than as SVG."""

SCALE = (
    "#440154",
    "#472b7a",
    "#3c4f8a",
    "#2e6f8e",
    "#238c8c",
    "#29aa82",
    "#55c467",
    "#9cd83b",
)
"""Viridis without its yellow end, which is not visible on white; in dark mode the page has another part of it."""

COLOUR_SCALE = [[place / (len(SCALE) - 1), colour] for place, colour in enumerate(SCALE)]
"""``SCALE`` as plotly takes it."""

# How a trial is named where the pointer rests on it.
HOVER = "trial %{customdata}<br>%{x:.6~g}<br>%{y:.6~g}<extra></extra>"

_AXIS: dict[str, Any] = {"zeroline": False, "automargin": True, "title": {"standoff": 8}}


@dataclass(frozen=True)
class Panel:
    """One figure of a page.

    Attributes:
        name: identifies it on the page, e.g. ``progress``.
        title: its heading.
        note: how to read it.
        figure: plotly's figure in the types of JSON; None where there is nothing to draw.
        message: why there is nothing to draw.
        width: ``wide`` for a panel of the whole width, ``small`` for one of many, else ``half``.
        height: height in pixels.
    """

    name: str
    title: str
    note: str = ""
    figure: dict[str, Any] | None = None
    message: str = ""
    width: str = "half"
    height: int = 360

    def to_json(self) -> dict[str, Any]:
        """Return the panel as the page reads it."""
        return {
            "name": self.name,
            "title": self.title,
            "note": self.note,
            "figure": self.figure,
            "message": self.message,
            "width": self.width,
            "height": self.height,
        }


def make_figure(traces: Sequence[Any], x: dict[str, Any], y: dict[str, Any], **layout: Any) -> dict[str, Any]:
    """Return a figure in the style of the page; colours of text, grid and background are the browser's.

    Args:
        traces: plotly's traces.
        x: attributes of the horizontal axis.
        y: attributes of the vertical axis.
        **layout: further attributes of the layout.
    """
    settings: dict[str, Any] = {
        "template": go.layout.Template(),
        "margin": {"l": 56, "r": 12, "t": 28, "b": 44},
        "hovermode": "closest",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "uirevision": "kept",  # zoom and hidden traces survive new trials
        "xaxis": merge(_AXIS, x),
        "yaxis": merge(_AXIS, y),
        **layout,
    }
    figure: dict[str, Any] = go.Figure(list(traces), settings).to_dict()
    return figure


def merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return attributes of plotly with others over them; a title that is a text keeps the base's other attributes."""
    merged = {**base, **more}
    if isinstance(more.get("title"), str):
        merged["title"] = {**base.get("title", {}), "text": plot_text(more["title"])}
    return merged


def score_axis(axis: ScoreAxis) -> dict[str, Any]:
    """Return the attributes of an axis of scores."""
    low, high = axis.limits
    if axis.is_logarithmic:
        return {"title": axis.label, "type": "log", "range": [math.log10(low), math.log10(high)]}
    return {"title": axis.label, "range": [low, high]}


def first_upper(text: str) -> str:
    """Return a text with a capital first letter; other letters stay, e.g. those of ``MACs``."""
    return text[:1].upper() + text[1:]


def scatter(n_points: int) -> Any:
    """Return the class of traces for so many points."""
    return go.Scattergl if n_points > MANY else go.Scatter


def legend_note(axis: ScoreAxis) -> str:
    """Return how many values are outside the axis, as the end of a note."""
    if not axis.n_outside:
        return ""
    what, them = ("value is", "it") if axis.n_outside == 1 else ("values are", "them")
    return f" {axis.n_outside} {what} outside the axis; zoom out to see {them}."


def limit_line(along: str, bound: float, text: str, *, upper: bool, is_logarithmic: bool) -> tuple[Any, Any, Any]:
    """Return line, shade and label of a limit: the shaded side violates it.

    Args:
        along: ``x`` or ``y``, the axis on which the bound is.
        bound: the bound.
        text: the label.
        upper: whether larger values violate it.
        is_logarithmic: whether the axis is logarithmic.
    """
    other = "y" if along == "x" else "x"
    # Beyond what any axis shows.
    end = bound * 1e9 if upper else (bound * 1e-9 if is_logarithmic else bound - 1e9 * max(1.0, abs(bound)))
    span = {f"{other}ref": "paper", f"{other}0": 0, f"{other}1": 1, "layer": "below"}
    line = {"type": "line", f"{along}0": bound, f"{along}1": bound, **span, "line": {"color": GREY, "dash": "dash"}}
    shade = {
        "type": "rect",
        f"{along}0": min(bound, end),
        f"{along}1": max(bound, end),
        **span,
        "fillcolor": GREY,
        "opacity": 0.1,
        "line": {"width": 0},
    }
    label = {
        along: math.log10(bound) if is_logarithmic else bound,
        other: 0.02 if along == "x" else 0.98,
        f"{other}ref": "paper",
        "text": plot_text(text),
        "showarrow": False,
        "font": {"size": 11},
        "textangle": -90 if along == "x" else 0,
        "xanchor": "right",
        "yanchor": "bottom",
    }
    return line, shade, label
