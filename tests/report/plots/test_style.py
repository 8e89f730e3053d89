"""Axis limits, titles, messages, and files that cannot be written."""

import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from metaopt.errors import ResultsNotWritable
from metaopt.report.plots.style import (
    add_title,
    explain_no_success,
    write_figure,
    write_message,
    write_or_explain,
)
from tests.report.making import make_failure, make_record


def test_unwritable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file in the place of the folder")
    with pytest.raises(ResultsNotWritable, match=r"x\.png cannot be written"):
        write_figure(tmp_path / "figures" / "x.png", (3, 2), lambda figure: None)


@pytest.mark.slow
def test_svg_is_beside_the_png(tmp_path: Path) -> None:
    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.scatter(range(50_000), range(50_000))
        axes.scatter(range(5), range(5))

    for name in ("a", "b"):
        write_figure(tmp_path / f"{name}.png", (3, 2), draw)
    svg = (tmp_path / "a.svg").read_bytes()
    assert svg == (tmp_path / "b.svg").read_bytes()
    assert svg.count(b"<use") < 100  # many marks are a bitmap, few are not
    assert b"<image" in svg
    assert len(svg) < 200_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg", "b.png", "b.svg"]


@pytest.mark.slow
def test_killed_writing_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    write_figure(path, (3, 2), lambda figure: None)
    whole = path.read_bytes()
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom metaopt.report.plots import style\n"
        "real = os.fsync\n"
        "def kill(number):\n    os.kill(os.getpid(), 9)\n"
        "os.fsync = kill\n"
        f"style.write_bytes(Path({str(path)!r}), b'half')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert path.read_bytes() == whole


def test_figure_of_records_or_message(tmp_path: Path) -> None:
    drawn: list[Figure] = []
    write_or_explain([make_record(0)], tmp_path / "x.png", (3, 2), drawn.append)
    assert len(drawn) == 1
    assert imread(tmp_path / "x.png").shape[:2] == (300, 450)
    write_or_explain([make_failure(0)], tmp_path / "x.png", (3, 2), drawn.append)
    assert len(drawn) == 1
    assert imread(tmp_path / "x.png").shape[:2] == (375, 1200)


def test_message_creates_the_folder(tmp_path: Path) -> None:
    write_message(tmp_path / "figures" / "x.png", "No trial has ended yet.")
    assert (tmp_path / "figures" / "x.png").exists()


def test_explanation_of_no_success() -> None:
    assert explain_no_success([]) == "No trial has ended yet."
    assert explain_no_success([make_failure(0), make_record(1)]) is None
    assert explain_no_success([make_failure(0)]) == "None of 1 trials succeeded. The last error: The loss is NaN."


def test_caption_is_between_title_and_detail() -> None:
    figure = Figure(figsize=(6, 3), layout="constrained")
    add_title(figure, "Title", "detail", "study a · data digits · strategy tpe")
    heights = [text.get_position()[1] for text in figure.texts]
    assert [text.get_text() for text in figure.texts] == ["Title", "study a · data digits · strategy tpe", "detail"]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3


def test_title_wraps_its_detail() -> None:
    figure = Figure(figsize=(4, 3), layout="constrained")
    assert add_title(figure, "Title", "word " * 40) > add_title(figure, "Title", "word")
    assert "\n" in figure.texts[1].get_text()
