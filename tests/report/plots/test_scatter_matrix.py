"""Scatter matrix: its rows and columns, and outliers of the score."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.scatter_matrix import _wrap_name, scatter_matrix
from tests.report.making import make_record, study_of
from tests.report.plots.conftest import is_message, texts

PATH = Path("unwritten.png")


@pytest.mark.slow
def test_score_and_all_hyperparameters(study: StudyData, figures: list[Figure]) -> None:
    scatter_matrix(study, PATH)
    (figure,) = figures
    assert len(figure.axes) == 7 * 7
    assert figure.axes[0].get_ylabel() == "val. accuracy"
    assert "Scatter matrix of all hyperparameters" in texts(figure)
    associations = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {text[0] for text in associations} >= set("ρη")
    assert len(associations) > 10


def test_few_common_trials_are_counted(figures: list[Figure]) -> None:
    points = [
        {"x": trial / 30, "y": 30.0 - trial, "branch": {"z": trial**0.5} if trial % 3 == 0 else {}}
        for trial in range(30)
    ]
    scatter_matrix(study_of(make_record(trial, point=point) for trial, point in enumerate(points)), PATH)
    associations = [text.get_text() for axes in figures[0].axes for text in axes.texts]
    assert associations.count("10 trials") == 4  # branch.z with the others
    assert "ρ = −1.00" in associations


@pytest.mark.slow
def test_few_trials_have_no_associations(figures: list[Figure]) -> None:
    scatter_matrix(study_of(make_record(trial) for trial in range(12)), PATH)
    (figure,) = figures
    assert not any(axes.texts for axes in figure.axes)
    assert "they need 20 trials that succeeded, 8 more than there are" in texts(figure).replace("\n", " ")


@pytest.mark.slow
def test_bold_associations_are_corrected_for_their_number(figures: list[Figure]) -> None:
    rng = np.random.default_rng(0)
    points = [{**{f"x{i}": float(rng.random()) for i in range(6)}, "y": trial / 30} for trial in range(30)]
    scores = [0.5 + trial / 100 for trial in range(30)]
    made = [make_record(trial, point=point, score=scores[trial]) for trial, point in enumerate(points)]
    scatter_matrix(study_of(made), PATH)
    bold = [text.get_text() for axes in figures[0].axes for text in axes.texts if text.get_fontweight() == "bold"]
    assert bold == ["ρ = +1.00"]
    assert "Holm's correction for 28 tests" in texts(figures[0]).replace("\n", " ")


def test_pairs_of_options_are_dots_of_their_number(figures: list[Figure]) -> None:
    points = [{"a": "uv"[trial % 2], "b": 1 + trial % 2} for trial in range(8)] + [{"a": "u", "b": 2}]
    scatter_matrix(study_of(make_record(trial, point=point) for trial, point in enumerate(points)), PATH)
    dots = figures[0].axes[3 * 2 + 1].collections[0]  # the objective, a, b: row b, column a
    assert np.asarray(dots.get_offsets()).tolist() == [[0, 0], [0, 1], [1, 1]]
    assert dots.get_sizes()[[0, 2]] == pytest.approx(4 * dots.get_sizes()[1])


@pytest.mark.slow
def test_at_most_seven_hyperparameters(figures: list[Figure]) -> None:
    points = [{f"x{i}": (number * (i + 1)) % 13 / 13 for i in range(9)} for number in range(12)]
    scatter_matrix(study_of(make_record(number, point=point) for number, point in enumerate(points)), PATH)
    assert len(figures[0].axes) == 8 * 8
    assert "the first 7 of 9 hyperparameters" in texts(figures[0])


def test_equal_hyperparameters_give_a_message(figures: list[Figure]) -> None:
    scatter_matrix(study_of(make_record(trial, point={"x": 1}) for trial in range(3)), PATH)
    assert is_message(figures[0])


def test_long_names_are_wrapped() -> None:
    assert _wrap_name("short") == "short"
    assert _wrap_name("block.convolution.filters") == "block.convolution.\nfilters"
    assert _wrap_name("averylongnamewithoutbreaks") == "averylon\ngnamewithoutbreaks"
    long = _wrap_name("learning_rate_of_the_second_group_after_warmup")
    assert long == "learning…e_second_\ngroup_after_warmup"
