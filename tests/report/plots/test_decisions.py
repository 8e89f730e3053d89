"""Decisions figure: lines, marks and colours of a real search."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.decisions import find_courses
from metaopt.report.plots.decisions import decisions_figure
from metaopt.trials.trial_decision import TrialDecision
from tests.report.making import make_failure, make_record, study_of
from tests.report.plots.conftest import is_message, legend, texts

PATH = Path("unwritten.png")


def test_each_stretch_is_a_line_at_its_trial(auto_study: StudyData, figures: list[Figure]) -> None:
    decisions_figure(auto_study, PATH)
    waiting, training = (one for one in figures[0].axes[0].collections if isinstance(one, LineCollection))
    courses = find_courses(auto_study)
    drawn = [tuple(map(tuple, path.vertices)) for path in training.get_paths()]
    assert drawn == [
        ((stretch.begin, course.record.trial), (stretch.end, course.record.trial))
        for course in courses
        for stretch in course.stretches
    ]
    assert len(waiting.get_paths()) == len(courses)


def test_colour_is_the_chance_to_become_the_best(figures: list[Figure]) -> None:
    chances = [{"chance_of_best": chance} for chance in (1e-9, 0.01, 0.1, 1.0)] + [{"first_trials": 8.0}]
    records = [
        make_record(trial, decisions=[TrialDecision("started", 12, 12 * trial, 0.0, reason)])
        for trial, reason in enumerate(chances)
    ]
    decisions_figure(replace(study_of(records), settings={"epochs": 12}), PATH)
    _, training = (one for one in figures[0].axes[0].collections if isinstance(one, LineCollection))
    least, low, middle, high, unknown = [colour[:3].sum() for colour in training.get_colors()]
    assert least == low > middle > high
    assert unknown == pytest.approx(3 * 0xB3 / 255)


def test_legend_names_what_occurs(auto_study: StudyData, figures: list[Figure]) -> None:
    decisions_figure(auto_study, PATH)
    names = legend(figures[0])
    assert names[:3] == ["training", "without a model", "left at a rung"]
    assert names[-3:] == ["fully trained", "failed", "best"]
    assert "One line a trial." in texts(figures[0])
    assert [text.get_text() for text in figures[0].axes[0].texts].count("failed") == 1


def test_outcomes_are_left_out_where_trials_are_many(figures: list[Figure]) -> None:
    known = [TrialDecision("started", 12, 0, 0.0, {"chance_of_best": 0.5})]
    study = study_of(make_record(trial, decisions=known) for trial in range(60))
    decisions_figure(replace(study, settings={"epochs": 12}), PATH)
    assert not figures[0].axes[0].texts


def test_search_of_failures_gives_a_message(figures: list[Figure]) -> None:
    decisions_figure(study_of([make_failure(0)]), PATH)
    assert is_message(figures[0])
