"""Anytime figure: axes of effort, budgets by colour, and the best so far."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.anytime import anytime_figure
from tests.report.making import make_failure, make_record, rung, study_of
from tests.report.plots.conftest import is_message, legend, texts

PATH = Path("unwritten.png")


def test_axes_of_effort_are_logarithmic(rung_study: StudyData, figures: list[Figure]) -> None:
    anytime_figure(rung_study, PATH)
    (figure,) = figures
    labels = ["epochs trained, of all trials", "seconds of search", "trials"]
    assert [axes.get_xlabel() for axes in figure.axes] == labels
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3


def test_budgets_have_colours(rung_study: StudyData, figures: list[Figure]) -> None:
    anytime_figure(rung_study, PATH)
    assert legend(figures[0]) == ["after 1 epoch", "after 3 epochs", "after 9 epochs", "best so far", "best"]


def test_unit_of_budgets_is_the_studys(figures: list[Figure]) -> None:
    results = [rung(4, 60.0, 4, resource=60), rung(12, 180.0, 12, resource=180)]
    records = [make_record(trial, results=results) for trial in range(3)]
    anytime_figure(study_of(records, budget_unit="seconds"), PATH)
    assert legend(figures[0])[:2] == ["after 60 seconds", "after 180 seconds"]


def test_function_without_epochs_has_two_axes(function_study: StudyData, figures: list[Figure]) -> None:
    anytime_figure(function_study, PATH)
    assert "trials" in [axes.get_xlabel() for axes in figures[0].axes]


def test_best_so_far_reaches_the_end(figures: list[Figure]) -> None:
    records = [make_record(0, score=0.4), make_record(1, score=0.6), make_failure(2)]
    anytime_figure(study_of(records), PATH)
    axes = figures[0].axes[2]
    line = axes.lines[1]  # above its white rim
    assert np.asarray(line.get_xdata()).tolist() == [1, 2, 3, 3]
    assert np.round(np.asarray(line.get_ydata(), float), 6).tolist() == [0.4, 0.6, 0.6, 0.6]
    assert "failed" in legend(figures[0])


def test_explanation_names_constraints_only_if_there_are_any(study: StudyData, figures: list[Figure]) -> None:
    anytime_figure(study, PATH)
    anytime_figure(study_of([make_record(0)]), PATH)
    assert "best feasible trial" in texts(figures[0])
    assert "feasible" not in texts(figures[1])


def test_imported_trials_alone_give_a_message(figures: list[Figure]) -> None:
    anytime_figure(study_of([make_record(0, imported=True)]), PATH)
    assert is_message(figures[0])
