"""Contact sheet: training images and their augmented variants, as networks see them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from metaopt.report.analysis.augmented_images import AugmentedImages
from metaopt.report.plots.style import GREY, add_title, write_figure

_MAX_NAME = 16  # letters of a class name beside an image
_UNMIXED = 0.995  # share from which on a label is that of one image
# Inches: width of an image, space between two images, height of a line of text, width of the names on the left.
_SIDE, _GAP, _LINE, _NAMES = 1.05, 0.08, 0.16, 1.15


def contact_sheet_figure(
    images: AugmentedImages, path: Path, detail: str, caption: str = "", columns: Sequence[str] = ()
) -> None:
    """Draw each image in a row: the original, then its variants.

    Args:
        images: the images.
        path: the PNG file; the SVG is beside it.
        detail: the augmentation.
        caption: the study and its data.
        columns: name of each variant; empty for none.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    grid = np.concatenate([images.originals[None], images.variants])  # (1 + variants, k, h, w, c)
    count, (height, width) = grid.shape[1], grid.shape[2:4]
    image_height = _SIDE * height / width
    right, down = _SIDE + _GAP, image_height + _GAP + _LINE  # from one image to the next
    size = _NAMES + right * len(grid), _LINE + down * count

    def draw(figure: Figure) -> None:
        header = add_title(figure, "Training images as the network sees them", detail, caption)
        figure.set_figheight(size[1] + header)  # the title keeps its place, whose height is counted from the top
        # One set of axes in inches: to lay out an own one for each image takes seconds.
        axes = figure.add_axes((0, 0, 1, size[1] / (size[1] + header)))
        axes.axis("off")
        for row in range(count):
            top = _LINE + row * down
            axes.text(-_GAP, top + image_height / 2, _shorten(images.names[row]), ha="right", va="center", fontsize=8)
            for column, each in enumerate(grid[:, row]):
                left = column * right
                axes.imshow(_to_rgb(each), extent=(left, left + _SIDE, top + image_height, top), aspect="auto")
            for column, share in enumerate(images.shares[:, row].tolist(), start=1):
                if share < _UNMIXED:
                    below = column * right + _SIDE / 2, top + image_height + 0.02
                    axes.text(*below, f"{100 * share:.0f} % of label", ha="center", va="top", fontsize=7, color=GREY)
        for column, name in enumerate(("original", *columns)):
            axes.text(column * right + _SIDE / 2, _LINE - 0.03, name, ha="center", va="bottom", fontsize=8)
        axes.set(xlim=(-_NAMES, right * len(grid)), ylim=(_LINE + down * count, 0))

    write_figure(path, size, draw, layout=None)


def _to_rgb(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return an image ``(h, w, c)`` with three channels: their mean, unless there are three."""
    if image.shape[2] == 3:
        return image
    return np.repeat(image.mean(axis=2, keepdims=True).round().astype(np.uint8), 3, axis=2)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME - 1]}…"
