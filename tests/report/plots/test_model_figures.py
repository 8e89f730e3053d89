"""Figures of a model card, of every kind of output."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metaopt.report.analysis.reliability import judge_probabilities
from metaopt.report.analysis.wrong_images import WrongImage
from metaopt.report.plots.reliability import reliability_figure
from metaopt.report.plots.wrong_images import wrong_images_figure

RNG = np.random.default_rng(0)
WRONG = [WrongImage(row, "a <b> $x$\x1b", "very long name of a class that does not fit 0.98") for row in range(8)]


def is_drawn(path: Path) -> bool:
    picture = np.asarray(Image.open(path))
    return picture.std() > 1 and "\x1b" not in path.with_suffix(".svg").read_text()


@pytest.mark.slow
def test_reliability_of_several_heads(tmp_path: Path) -> None:
    each = judge_probabilities(RNG.random(100), RNG.random(100) < 0.5)
    reliability_figure({"kind": each, "tags": each}, tmp_path / "a.png")
    assert is_drawn(tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 6, 3), (8, 8, 5), (100, 2)])
def test_wrong_images_and_signals_are_shown(tmp_path: Path, shape: tuple[int, ...]) -> None:
    inputs = RNG.integers(0, 256, (len(WRONG), *shape)).astype(np.uint8)
    wrong_images_figure(WRONG, inputs, tmp_path / "a.png", "a model")
    assert is_drawn(tmp_path / "a.png")


def test_wrong_image_targets_are_beside_their_predictions(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    wrong_images_figure(WRONG[:3], images, tmp_path / "a.png", "", images, images.astype(float) + 99)
    assert is_drawn(tmp_path / "a.png")
    assert "target" in (tmp_path / "a.svg").read_text()


def test_no_wrong_image_is_said(tmp_path: Path) -> None:
    wrong_images_figure([], np.zeros((0, 8, 8, 1)), tmp_path / "a.png")
    assert "No image of the test split is predicted wrong." in (tmp_path / "a.svg").read_text()
