"""Images of a split that a model predicts worst, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from metaopt.report.analysis.wrong_images import WrongImage
from metaopt.report.plots.network_input import show_input, show_inputs
from metaopt.report.plots.style import add_title, write_figure, write_message

_COLUMNS = 6
_MAX_TEXT = 26  # letters of a line below an image
Array = npt.NDArray[Any]


def wrong_images_figure(
    wrong: Sequence[WrongImage],
    inputs: Array,
    path: Path,
    caption: str = "",
    targets: Array | None = None,
    predicted: Array | None = None,
) -> None:
    """Draw images or signals with their targets and predictions.

    Args:
        wrong: the images.
        inputs: the same images, uint8 ``(k, h, w, c)``, or signals ``(k, length, c)``, in their order.
        path: the PNG file; the SVG is beside it.
        caption: the model and its data.
        targets: images that are the targets, ``(k, h, w, c)``, to be drawn beside; None where they are no images.
        predicted: predicted images, in 0..255, likewise.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    if not wrong:
        write_message(path, "No image of the test split is predicted wrong.", caption)
        return
    if targets is not None and predicted is not None:
        _draw_triples(wrong, inputs, targets, predicted, path, caption)
        return
    columns = min(_COLUMNS, len(wrong))
    rows = -(-len(wrong) // columns)

    def draw(figure: Figure) -> None:
        for axes, one in zip(show_inputs(figure, inputs, rows, columns), wrong, strict=True):
            axes.set_xlabel(f"{_shorten(one.true)}\n→ {_shorten(one.predicted)}", fontsize=8)
        add_title(figure, "Most wrong images", "Below each: its target → the prediction; the worst first.", caption)

    write_figure(path, (1.75 * max(columns, 3), 2.15 * rows + 0.8), draw)


def _draw_triples(
    wrong: Sequence[WrongImage], inputs: Array, targets: Array, predicted: Array, path: Path, caption: str
) -> None:
    """Draw rows of input, target and prediction, two triples in a row."""
    per_row = min(2, len(wrong))
    rows = -(-len(wrong) // per_row)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(rows, 3 * per_row, squeeze=False).ravel()
        for axes in panels[3 * len(wrong) :]:
            axes.set_visible(False)
        for number, one in enumerate(wrong):
            triple = panels[3 * number : 3 * number + 3]
            pixels = np.clip(np.rint(predicted[number]), 0, 255).astype(np.uint8)
            for axes, each in zip(triple, (inputs[number], targets[number], pixels), strict=True):
                show_input(axes, each)
            for axes, name in zip(triple, ("input", "target", one.predicted), strict=True):
                axes.set_xlabel(name, fontsize=8)
        add_title(figure, "Most wrong images", "Input, target and prediction; the worst first.", caption)

    write_figure(path, (1.6 * 3 * per_row, 1.9 * rows + 0.8), draw)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"
