"""Common style of all figures, and the writing of image files; without pyplot, which keeps global state."""

import io
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from metaopt.files.atomic_files import write_bytes
from metaopt.report.plots.literal_text import LITERAL, show_literally
from metaopt.trials.record import Record

# Okabe and Ito's palette, which colour-blind readers can distinguish: https://jfly.uni-koeln.de/color/
BLUE, VERMILLION, GREEN, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9"
INK, GREY, PALE = "#222222", "#767676", "#e6e6e6"
SEQUENTIAL = "viridis"

STYLE: dict[Any, Any] = {
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
    "svg.hashsalt": "metaopt",  # the same figure is the same file
}
_DPI = 150
# Inches above the panels for the title with one line of detail, and for each further line.
_HEADER, _LINE = 0.62, 0.17
# Letters of the detail in an inch.
_LETTERS_PER_INCH = 14.8

# A collection of more marks than this is a bitmap inside an SVG, whose size would otherwise grow with the trials.
_MAX_VECTOR_MARKS = 1000

Layout = Literal["constrained"] | None


def write_figure(
    path: Path, size: tuple[float, float], draw: Callable[[Figure], None], layout: Layout = "constrained"
) -> None:
    """Draw a figure and write it as PNG and as SVG.

    Each file is renamed into place, so that it is complete or the one before.

    Args:
        path: the PNG file; the SVG is beside it.
        size: width and height in inches.
        draw: is called with the empty figure.
        layout: matplotlib's layout engine, or None where ``draw`` places the panels itself.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, dpi=_DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        show_literally(figure)
        # The panels are placed here: savefig would draw the figure once more for each file to place them.
        engine = figure.get_layout_engine()
        if engine is not None and figure.axes:
            engine.execute(figure)
        figure.set_layout_engine(None)
        write_bytes(path, _render(figure, "png"))
        for marks in figure.findobj(Collection):
            if max(len(np.atleast_2d(marks.get_offsets())), len(marks.get_paths())) > _MAX_VECTOR_MARKS:
                marks.set_rasterized(True)
        write_bytes(path.with_suffix(".svg"), _render(figure, "svg"))


def _render(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    """Return the bytes of an image file, the same for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {})
    return buffer.getvalue()


def write_message(path: Path, message: str, caption: str = "") -> None:
    """Write an image with a message instead of a figure.

    Args:
        path: the image file.
        message: the message.
        caption: the study, its data and its strategy.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """

    def draw(figure: Figure) -> None:
        figure.text(0.5, 0.5, textwrap.fill(message, 70), ha="center", va="center", fontsize=11, color=GREY)
        if caption:
            figure.text(0.01, 0.96, textwrap.fill(caption, 110), ha="left", va="top", color=INK)

    write_figure(path, (8, 2.5), draw)


def write_or_explain(
    records: Sequence[Record],
    path: Path,
    size: tuple[float, float],
    draw: Callable[[Figure], None],
    layout: Layout = "constrained",
    caption: str = "",
) -> None:
    """Draw a figure of records, or write a message where none succeeded.

    For the arguments see ``write_figure`` and ``write_message``.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    message = explain_no_success(records)
    if message is None:
        write_figure(path, size, draw, layout)
    else:
        write_message(path, message, caption)


def explain_no_success(records: Sequence[Record]) -> str | None:
    """Return why there is nothing to draw, as one sentence; None where a trial succeeded."""
    if not records:
        return "No trial has ended yet."
    if any(record.has_loss for record in records):
        return None
    errors = [record.error for record in records if record.error]
    last = f" The last error: {errors[-1]}" if errors else ""
    return f"None of {len(records)} trials succeeded.{last}"


def add_title(figure: Figure, text: str, detail: str, caption: str = "") -> float:
    """Add a title above the whole figure, flush left; the panels are placed below.

    Args:
        figure: the figure.
        text: the title.
        detail: lines below it.
        caption: line between both, the study with its data and its strategy; empty for none.

    Returns:
        Height of the title in inches, for a figure without a layout engine.
    """
    width, height = figure.get_size_inches()
    source, details = (_wrap(lines, int(_LETTERS_PER_INCH * width)) for lines in (caption, detail))
    top, below = _HEADER - 2 * _LINE, _LINE * len(source)
    figure.text(0.008, 1 - 0.08 / height, text, va="top", fontsize=12.5, fontweight="bold")
    if source:
        figure.text(0.008, 1 - (top + 0.08) / height, "\n".join(source), va="top", linespacing=1.3)
    figure.text(0.008, 1 - (top + 0.08 + below) / height, "\n".join(details), va="top", color=GREY, linespacing=1.3)
    header = _HEADER + below + _LINE * max(0, len(details) - 1)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - header / height))
    return header


def _wrap(text: str, width: int) -> list[str]:
    return [part for line in text.splitlines() for part in textwrap.wrap(line, width)]
