"""Drawing of one input of a network: an image of any number of channels, a signal, or the middle of a volume."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaopt.report.plots.style import BLUE


def show_inputs(
    figure: Figure, inputs: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], rows: int, columns: int
) -> list[Axes]:
    """Draw inputs into a grid, row by row, and return the axes of each.

    Args:
        figure: where.
        inputs: see ``show_input``.
        rows: rows of the grid.
        columns: columns of the grid; places that are left stay empty.
    """
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes, each in zip(panels, inputs, strict=False):
        show_input(axes, each)
    for axes in panels[len(inputs) :]:
        axes.set_visible(False)
    return panels[: len(inputs)]


def show_input(axes: Axes, each: npt.NDArray[Any]) -> None:
    """Draw an image, the mean of its channels unless it is grey or in colour, or the lines of a signal.

    Args:
        axes: where; it gets no ticks.
        each: uint8 ``(h, w, c)``, or floats, which are stretched from black to white; a signal ``(length, c)``; or a
            volume ``(d, h, w, c)``, of which the middle slice is drawn.
    """
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    if each.ndim == 2:
        for channel in each.T:
            axes.plot(channel, linewidth=0.7, color=BLUE if each.shape[1] == 1 else None)
        return
    if each.ndim == 4:
        each = each[len(each) // 2]
    if each.dtype != np.uint8:
        low, span = float(each.min()), float(np.ptp(each)) or 1.0
        each = np.rint(255 * (each - low) / span).astype(np.uint8)
    if each.shape[2] == 3:
        axes.imshow(each)
    else:
        axes.imshow(each.mean(axis=2), cmap="gray", vmin=0, vmax=255)
