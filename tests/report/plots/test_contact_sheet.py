from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from metaopt.report.analysis.augmented_images import AugmentedImages
from metaopt.report.plots import contact_sheet
from metaopt.report.plots.contact_sheet import contact_sheet_figure
from tests.report.plots.conftest import count_colours, texts


def images(channels: int = 3) -> AugmentedImages:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 2, 6, 9, channels), np.uint8)
    return AugmentedImages(pixels[0], ["cat", "a very long name of a class"], pixels[1:], np.array([[1, 0.6], [1, 1]]))


def test_rows_have_names_and_mixed_images_their_share(monkeypatch, figures: list[Figure]) -> None:
    drawn: list[Figure] = []

    def draw_only(path, size, draw, layout) -> None:
        drawn.append(Figure(figsize=size, layout=layout))
        draw(drawn[0])

    monkeypatch.setattr(contact_sheet, "write_figure", draw_only)
    contact_sheet_figure(images(), Path("x.png"), "flip 0.5", "flowers", ["point 1", "point 2"])
    (figure,) = drawn
    (axes,) = figure.axes
    assert len(axes.images) == 6
    shown = [text.get_text() for text in axes.texts]
    assert shown == ["cat", "a very long nam…", "60 % of label", "original", "point 1", "point 2"]
    assert "flip 0.5" in texts(figure)


def test_images_of_any_channels_are_drawn(tmp_path: Path) -> None:
    for channels in (1, 2, 3, 5):
        path = tmp_path / f"{channels}.png"
        contact_sheet_figure(images(channels), path, "none")
        assert count_colours(path) > 100
        assert path.with_suffix(".svg").is_file()
