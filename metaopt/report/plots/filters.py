"""Inputs that the filters of a convolution respond to most, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from matplotlib.figure import Figure

from metaopt.report.plots.network_input import show_inputs
from metaopt.report.plots.style import add_title, write_figure

_COLUMNS = 8


def filters_figure(
    name: str, filters: Sequence[int], inputs: npt.NDArray[Any], count: int, path: Path, caption: str = ""
) -> None:
    """Draw the input of each filter, each with a contrast of its own.

    Args:
        name: name of the layer.
        filters: numbers of the filters.
        inputs: the input of each, ``(k, …)``.
        count: number of filters of the layer.
        path: the PNG file; the SVG is beside it.
        caption: the model.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    columns = min(_COLUMNS, len(filters))
    rows = -(-len(filters) // columns)

    def draw(figure: Figure) -> None:
        for axes, number in zip(show_inputs(figure, inputs, rows, columns), filters, strict=True):
            axes.set_title(str(number), fontsize=7.5, pad=2)
        some = "" if len(filters) == count else f"{len(filters)} of "
        detail = f"The input that each filter responds to most: {some}{count} filters, by gradient ascent from noise."
        add_title(figure, name, detail, caption)

    write_figure(path, (1.05 * max(columns, 6), 1.2 * rows + 0.9), draw)
