"""Axis limits, titles, messages, and files that cannot be written."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from metaopt.errors import ResultsNotWritable
from metaopt.report.plots.style import (
    add_title,
    explain_no_success,
    note_outliers,
    score_limits,
    write_figure,
    write_message,
    write_or_explain,
)
from tests.report.making import make_failure, make_record


def test_unwritable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file in the place of the folder")
    with pytest.raises(ResultsNotWritable, match=r"Cannot write .*x\.png"):
        write_figure(tmp_path / "figures" / "x.png", (3, 2), lambda figure: None)


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


def test_outliers_are_outside_the_limits() -> None:
    scores = [0.9 + 0.001 * i for i in range(20)]
    low, _ = score_limits([*scores, 0.01], maximised=True)
    assert low > 0.8
    _, high = score_limits([*scores, 1e6], maximised=False)
    assert high < 1.1
    low, high = score_limits([0.5, 0.5], maximised=True)
    assert low < 0.5 < high


@pytest.mark.parametrize(
    ("n", "maximised", "notes"), [(2, True, ["↓ 2 lower"]), (3, False, ["↑ 3 higher"]), (0, True, [])]
)
def test_note_on_outliers(n: int, maximised: bool, notes: list[str]) -> None:
    axes = Figure().add_subplot()
    note_outliers(axes, n, maximised)
    assert [text.get_text() for text in axes.texts] == notes


def test_title_wraps_its_detail() -> None:
    figure = Figure(figsize=(4, 3), layout="constrained")
    assert add_title(figure, "Title", "word " * 40) > add_title(figure, "Title", "word")
    assert "\n" in figure.texts[1].get_text()
