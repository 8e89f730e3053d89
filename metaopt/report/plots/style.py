"""What all figures share: colours, type, and writing a picture. No pyplot, so nothing global is left behind."""

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
from metaopt.report.analysis.scores import absence
from metaopt.trials.record import Record

# Okabe and Ito's palette, told apart by colour-blind readers as well: https://jfly.uni-koeln.de/color/
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
}
_DPI = 150
# Inches above the panels, for the title with one line below it, and for each further line.
_HEADER, _LINE = 0.62, 0.17
# Letters of that line in an inch.
_LETTERS = 15.5

Layout = Literal["constrained"] | None


def write_figure(
    path: Path, size: tuple[float, float], draw: Callable[[Figure], None], layout: Layout = "constrained"
) -> None:
    """Draws a figure and writes it.

    Args:
        path: of the picture; its ending says the format.
        size: width and height in inches.
        draw: is given the empty figure.
        layout: matplotlib's engine, or None where ``draw`` places the panels itself.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, dpi=_DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        except OSError as error:
            reason = error.strerror or error
            raise ResultsNotWritable(f"{path} cannot be written ({reason}): free or choose another place.") from None


def write_message(path: Path, message: str) -> None:
    """Writes a picture that says in words why there is nothing to see.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
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
    """Draws a figure of records, or says that none succeeded.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """
    message = absence(records)
    if message is None:
        write_figure(path, size, draw, layout)
    else:
        write_message(path, message)


def title(figure: Figure, text: str, detail: str) -> float:
    """A title above the whole figure, flush left, with quieter lines below; the panels stay under both.

    Returns:
        Inches that it takes at the top, for a figure without a layout engine.
    """
    width, height = figure.get_size_inches()
    lines = [part for line in detail.splitlines() for part in textwrap.wrap(line, int(_LETTERS * width))]
    figure.text(0.008, 1 - 0.08 / height, text, va="top", fontsize=12.5, fontweight="bold")
    figure.text(0.008, 1 - 0.36 / height, "\n".join(lines), va="top", color=GREY, linespacing=1.3)
    header = _HEADER + _LINE * max(0, len(lines) - 1)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - header / height))
    return header


def score_limits(scores: Sequence[float], maximised: bool) -> tuple[float, float]:
    """Ends of a score axis on which a few hopeless trials do not squeeze all others into a line.

    Trials further than three interquartile ranges on the bad side of the quartiles are left outside.
    """
    ordered = sorted(scores)
    low, high = ordered[0], ordered[-1]
    q1, q3 = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    fence = 3 * (q3 - q1)
    if fence > 0:
        low, high = (max(low, q1 - fence), high) if maximised else (low, min(high, q3 + fence))
    margin = 0.06 * (high - low) or 0.05 * (abs(high) or 1.0)
    return low - margin, high + margin


def clip_note(axes: Axes, outside: int, maximised: bool) -> None:
    """Says at the bad end of the score axis how many trials lie beyond it."""
    if outside:
        text, y, va = (f"↓ {outside} lower", 0.02, "bottom") if maximised else (f"↑ {outside} higher", 0.98, "top")
        axes.annotate(text, (0.99, y), xycoords="axes fraction", ha="right", va=va, color=GREY, fontsize=8)
