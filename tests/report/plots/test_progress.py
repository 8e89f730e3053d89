"""Progress figure: kinds of trials, the best so far, and the start without a model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.plots.progress import progress_figure, time_unit
from tests.report.making import make_failure, make_paused, make_record, rung, study_of
from tests.report.plots.conftest import legend, texts

PATH = Path("unwritten.png")


def test_kinds_of_trials_are_in_the_legend(figures: list[Figure]) -> None:
    limits = ["params<=1e6"]
    records = [make_record(trial, constraints=limits) for trial in range(8)]
    records += [make_record(8, constraints=limits, counts={"params": 2_000_000}), make_failure(9), make_paused(10, 3)]
    records += [make_record(11, imported=True)]
    progress_figure(study_of(records, constraints=limits, n_validation=359), PATH)
    (figure,) = figures
    names = ["without a model", "trial", "not fully trained", "infeasible", "imported", "failed", "best"]
    assert sorted(legend(figure)) == sorted([*names, "± 1 standard error", "best so far"])
    assert "12 trials · 1 not fully trained · 1 failed · 1 infeasible · 1 imported · best" in texts(figure)
    assert [axes.get_xlabel() for axes in figure.axes] == ["trial", "search time (seconds)"]


def test_imported_trials_have_no_time(figures: list[Figure]) -> None:
    progress_figure(study_of([make_record(0, imported=True)]), PATH)
    assert [axes.get_xlabel() for axes in figures[0].axes] == ["trial"]


def test_best_so_far_is_a_step_line(figures: list[Figure]) -> None:
    scores = [0.4, 0.3, 0.6]
    progress_figure(study_of(make_record(trial, score=score) for trial, score in enumerate(scores)), PATH)
    for axes in figures[0].axes:
        (line,) = axes.lines
        assert np.asarray(line.get_ydata()) == pytest.approx([0.4, 0.4, 0.6])


def test_best_so_far_of_rungs_is_by_time_alone(rung_study: StudyData, figures: list[Figure]) -> None:
    progress_figure(rung_study, PATH)
    assert [len(axes.lines) for axes in figures[0].axes] == [0, 1]
    assert "best so far" in legend(figures[0])


def test_resumed_trials_of_the_start_are_shaded_by_number_alone(figures: list[Figure]) -> None:
    ends = {1: 10.0, 2: 20.0, 3: 30.0, 4: 40.0, 0: 50.0}  # trial -> second; trial 0 resumed
    records = [
        replace(make_record(number, results=[rung(1), rung(2)]), model_based=number > 2, ended=end)
        for number, end in ends.items()
    ]
    progress_figure(study_of(records), PATH)
    by_number, by_time = (
        [patch.get_x() + patch.get_width() for patch in axes.patches if patch.get_label() == "without a model"]
        for axes in figures[0].axes
    )
    assert by_number == pytest.approx([2.5])
    assert by_time == pytest.approx([25.0])


def test_random_search_has_no_start(figures: list[Figure]) -> None:
    progress_figure(study_of(make_record(trial) for trial in range(4)), PATH)
    assert "without a model" not in legend(figures[0])


def test_unknown_standard_error_is_not_drawn(figures: list[Figure], study: StudyData) -> None:
    progress_figure(replace(study, n_validation=None), PATH)
    assert "± 1 standard error" not in legend(figures[0])


@pytest.mark.parametrize(
    ("seconds", "unit"), [(299, (1, "seconds")), (300, (60, "minutes")), (4 * 3600, (3600, "hours"))]
)
def test_time_unit(seconds: float, unit: tuple[float, str]) -> None:
    assert time_unit(seconds) == unit
