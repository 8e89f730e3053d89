"""Scatter matrix: its rows and columns, and outliers of the score."""

from pathlib import Path

from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.pairs import _wrap_name, pair_matrix
from tests.report.making import make_record, study_of
from tests.report.plots.conftest import is_message, texts

PATH = Path("unwritten.png")


def test_score_and_all_hyperparameters(study: StudyData, figures: list[Figure]) -> None:
    pair_matrix(study, PATH)
    (figure,) = figures
    assert len(figure.axes) == 7 * 7
    assert figure.axes[0].get_ylabel() == "val. accuracy"
    assert "Scatter matrix of all hyperparameters" in texts(figure)
    associations = [text.get_text()[0] for axes in figure.axes for text in axes.texts]
    assert set(associations) <= set("ρηV")
    assert len(associations) > 10


def test_at_most_seven_hyperparameters(figures: list[Figure]) -> None:
    points = [{f"x{i}": (number * (i + 1)) % 13 / 13 for i in range(9)} for number in range(12)]
    pair_matrix(study_of(make_record(number, point=point) for number, point in enumerate(points)), PATH)
    assert len(figures[0].axes) == 8 * 8
    assert "the 7 most important of 9 hyperparameters" in texts(figures[0])


def test_equal_hyperparameters_give_a_message(figures: list[Figure]) -> None:
    pair_matrix(study_of(make_record(trial, point={"x": 1}) for trial in range(3)), PATH)
    assert is_message(figures[0])


def test_long_names_are_wrapped() -> None:
    assert _wrap_name("short") == "short"
    assert _wrap_name("block.convolution.filters") == "block.convolution.\nfilters"
    assert _wrap_name("averylongnamewithoutbreaks") == "averylongnamewithoutbreaks"
