"""Common style of all figures, and the writing of an image file; without pyplot, which keeps global state."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from metaopt.errors import ResultsNotWritable
from metaopt.report.plots.literal_text import LITERAL, show_literally
from metaopt.trials.record import Record

# Okabe and Ito's palette, which colour-blind readers can distinguish: https://jfly.uni-koeln.de/color/
BLUE, VERMILLION, GREEN, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9"
INK, GREY, PALE = "#222222", "#767676", "#e6e6e6"
SEQUENTIAL = "viridis"

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    **LITERAL,
}
_DPI = 150
# Inches above the panels for the title with one line of detail, and for each further line.
_HEADER, _LINE = 0.62, 0.17
# Letters of the detail in an inch.
_LETTERS_PER_INCH = 15.5

Layout = Literal["constrained"] | None


def write_figure(
    path: Path, size: tuple[float, float], draw: Callable[[Figure], None], layout: Layout = "constrained"
) -> None:
    """Draw a figure and write it.

    Args:
        path: the image file; its suffix decides the format.
        size: width and height in inches.
        draw: is called with the empty figure.
        layout: matplotlib's layout engine, or None where ``draw`` places the panels itself.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, dpi=_DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        show_literally(figure)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        except OSError as error:
            reason = error.strerror or error
            raise ResultsNotWritable(
                f"Cannot write {path} ({reason}): free some space or choose another folder."
            ) from None


def write_message(path: Path, message: str) -> None:
    """Write an image with a message instead of a figure.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """

    def draw(figure: Figure) -> None:
        text = textwrap.fill(message, 70)
        figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color=GREY)

    write_figure(path, (8, 2.5), draw)


def write_or_explain(
    records: Sequence[Record],
    path: Path,
    size: tuple[float, float],
    draw: Callable[[Figure], None],
    layout: Layout = "constrained",
) -> None:
    """Draw a figure of records, or write a message where none succeeded; for the arguments see ``write_figure``.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    message = explain_no_success(records)
    if message is None:
        write_figure(path, size, draw, layout)
    else:
        write_message(path, message)


def explain_no_success(records: Sequence[Record]) -> str | None:
    """Return why there is nothing to draw, as one sentence; None where a trial succeeded."""
    if not records:
        return "No trial has ended yet."
    if any(record.has_loss for record in records):
        return None
    errors = [record.error for record in records if record.error]
    last = f" The last error: {errors[-1]}" if errors else ""
    return f"None of {len(records)} trials succeeded.{last}"


def add_title(figure: Figure, text: str, detail: str) -> float:
    """Add a title above the whole figure, flush left, with lines of detail below; the panels are placed under both.

    Returns:
        Height of the title in inches, for a figure without a layout engine.
    """
    width, height = figure.get_size_inches()
    lines = [part for line in detail.splitlines() for part in textwrap.wrap(line, int(_LETTERS_PER_INCH * width))]
    figure.text(0.008, 1 - 0.08 / height, text, va="top", fontsize=12.5, fontweight="bold")
    figure.text(0.008, 1 - 0.36 / height, "\n".join(lines), va="top", color=GREY, linespacing=1.3)
    header = _HEADER + _LINE * max(0, len(lines) - 1)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - header / height))
    return header


def score_limits(scores: Sequence[float], maximised: bool) -> tuple[float, float]:
    """Return the limits of a score axis, without outliers on the bad side.

    Scores further than three interquartile ranges beyond the quartile of the bad side are outside the limits.
    """
    ordered = sorted(scores)
    low, high = ordered[0], ordered[-1]
    q1, q3 = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    fence = 3 * (q3 - q1)
    if fence > 0:
        low, high = (max(low, q1 - fence), high) if maximised else (low, min(high, q3 + fence))
    margin = 0.06 * (high - low) or 0.05 * (abs(high) or 1.0)
    return low - margin, high + margin


def note_outliers(axes: Axes, n_outside: int, maximised: bool) -> None:
    """Write at the bad end of the score axis how many trials are outside its limits."""
    if n_outside:
        text, y, va = (f"↓ {n_outside} lower", 0.02, "bottom") if maximised else (f"↑ {n_outside} higher", 0.98, "top")
        axes.annotate(text, (0.99, y), xycoords="axes fraction", ha="right", va=va, color=GREY, fontsize=8)
