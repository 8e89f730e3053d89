"""Figures that are drawn but not written, which is ten times faster, and images that were."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from metaopt.report.plots import comparison, predictions, style

Draw = Callable[[Figure], None]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that the test draws, in the place of files."""
    drawn: list[Figure] = []

    def draw_only(path: Path, size: tuple[float, float], draw: Draw, layout: style.Layout = "constrained") -> None:
        figure = Figure(figsize=size, layout=layout)
        draw(figure)
        drawn.append(figure)

    for module in (style, comparison, predictions):
        monkeypatch.setattr(module, "write_figure", draw_only)
    return drawn


@pytest.fixture
def only_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are rendered as PNG and not as SVG, too, which takes as long."""
    render = style._render
    monkeypatch.setattr(style, "_render", lambda figure, kind: render(figure, kind) if kind == "png" else b"")


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def count_colours(path: Path) -> int:
    """How many different colours an image has: a measure of how much is drawn."""
    pixels = (imread(path)[..., :3] * 255).astype(np.uint32)
    return len(np.unique(pixels @ np.array([65536, 256, 1], np.uint32)))


def is_message(figure: Figure) -> bool:
    """Whether a figure is a text alone, with the study's name or without."""
    return not figure.axes and len(figure.texts) in (1, 2)


def texts(figure: Figure) -> str:
    """All texts above the panels."""
    return " ".join(text.get_text() for text in figure.texts)


def legend(figure: Figure) -> list[str]:
    """The entries of the figure's legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()]
