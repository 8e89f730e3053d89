"""Figures of predictions: one for each head, by its kind of output."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.report.analysis.head_predictions import (
    ClassPredictions,
    HeadPredictions,
    ImagePredictions,
    LabelPredictions,
    NumberPredictions,
)
from metaopt.report.plots import draw_predictions
from tests.report.plots.conftest import count_colours

N = 30
RNG = np.random.default_rng(2)


def make_classes(k: int, abstains: bool = False) -> ClassPredictions:
    output = ClassOutput(tuple(f"class {number}" for number in range(k)))
    return ClassPredictions("kind", output, RNG.integers(0, k, N), RNG.integers(-abstains, k, N))


def make_labels(k: int) -> LabelPredictions:
    output = LabelOutput(tuple(f"label {number}" for number in range(k)))
    return LabelPredictions("tags", output, RNG.integers(0, 2, (N, k)), RNG.random((N, k)))


def make_numbers(k: int) -> NumberPredictions:
    true = RNG.normal(size=(N, k))
    return NumberPredictions("size", NumberOutput(tuple(map(str, range(k)))), true, true + 0.1)


def make_images(channels: int, inputs: int) -> ImagePredictions:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (5, 8, 12, channels), dtype=np.uint8)
    psnr = np.linspace(30, 20, N)
    own = psnr - 10 if inputs == channels else np.zeros(0)
    shown = rng.integers(0, 256, (5, 8, 12, inputs), dtype=np.uint8)
    return ImagePredictions("picture", ImageOutput((8, 12, channels)), pixels, pixels, shown, np.arange(5), psnr, own)


HEADS: dict[str, HeadPredictions] = {
    "two classes": make_classes(2),
    "abstaining": make_classes(4, abstains=True),
    "many classes": make_classes(60),
    "labels": make_labels(3),
    "many labels": make_labels(60),
    "number": make_numbers(1),
    "many numbers": make_numbers(6),
    "colour images": make_images(3, 3),
    "grey images of five bands": make_images(1, 5),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
def test_each_kind_is_drawn_with_its_table(name: str, tmp_path: Path) -> None:
    paths = draw_predictions([HEADS[name]], tmp_path, "study a")
    assert [path.suffix for path in paths] == [".png", ".csv"]
    assert count_colours(paths[0]) > 10
    assert paths[1].read_text().count("\n") > 1


def all_texts(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())


def test_figures_say_the_numbers(figures, tmp_path: Path) -> None:
    draw_predictions([HEADS["number"], HEADS["colour images"], HEADS["abstaining"]], tmp_path)
    number, images, confusion = map(all_texts, figures)
    assert "MAE 0.1 RMSE 0.1 " in number
    assert "R² " in number
    assert "30.0 dB" in images
    assert "Median of 30 test images: 25.00 dB, of the inputs themselves 15.00 dB." in images
    assert "have no answer" in confusion
    assert "no answer" in confusion


def test_labels_with_the_smallest_f1_are_drawn_of_many(figures, tmp_path: Path) -> None:
    draw_predictions([HEADS["many labels"]], tmp_path)
    (figure,) = figures
    assert "The 40 of 60 labels with the smallest F1." in all_texts(figure)


def test_names_of_heads_are_safe_file_names(figures, tmp_path: Path) -> None:
    head = NumberPredictions("../up", NumberOutput(("a",)), np.zeros((2, 1)), np.ones((2, 1)))
    (path, _) = draw_predictions([head], tmp_path)
    assert path.parent == tmp_path
    assert len(figures) == 1
