"""Contact sheet of an audit: pairs of near-duplicates, or images with suspicious labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from matplotlib.figure import Figure

from metaopt.report.plots.network_input import show_inputs
from metaopt.report.plots.style import add_title, write_figure

MOST = 24
"""Images or pairs that a sheet shows."""

_COLUMNS = 6
_MAX_TEXT = 22  # letters of a line below an image


def audit_sheet(
    images: Sequence[npt.NDArray[Any]], texts: Sequence[str], path: Path, title: str, detail: str, caption: str = ""
) -> None:
    """Draw images with a text below each.

    Args:
        images: ``(h, w, c)`` each; the two of a pair are neighbours.
        texts: text below each, of one or two lines.
        path: the PNG file; the SVG is beside it.
        title: title of the sheet.
        detail: line below it.
        caption: the study and its data.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    columns = min(_COLUMNS, len(images))
    rows = -(-len(images) // columns)

    def draw(figure: Figure) -> None:
        for axes, text in zip(show_inputs(figure, images, rows, columns), texts, strict=True):
            axes.set_xlabel("\n".join(_shorten(line) for line in text.splitlines()), fontsize=7)
        add_title(figure, title, detail, caption)

    write_figure(path, (1.75 * max(columns, 3), 2.15 * rows + 0.8), draw)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"…{text[1 - _MAX_TEXT :]}"
