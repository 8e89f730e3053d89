"""Courses of trials, from a real search and from made records."""

from dataclasses import replace

import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.decisions import (
    best_trials,
    find_courses,
    find_savings,
    has_decisions,
    last_judgement,
    left_trials,
)
from metaopt.trials.trial_decision import TrialDecision
from tests.report.making import make_failure, make_paused, make_record, rung, study_of


def decision(kind: str, resource: int, spent: int, **reason: float) -> TrialDecision:
    return TrialDecision(kind, resource, spent, float(spent), reason)  # type: ignore[arg-type]


@pytest.mark.slow
def test_stretches_of_one_worker_fill_the_search(auto_study: StudyData) -> None:
    stretches = sorted(
        (stretch.begin, stretch.end) for course in find_courses(auto_study) for stretch in course.stretches
    )
    assert stretches[0][0] == 0
    assert [begin for begin, _ in stretches[1:]] == [end for _, end in stretches[:-1]]
    assert stretches[-1][1] == sum(record.epochs for record in auto_study.records)


def test_a_trial_that_others_overtook_is_resumed() -> None:
    results = [rung(3, total_epochs=3), rung(5, total_epochs=9), rung(12, total_epochs=16)]
    known = [decision("started", 3, 0), decision("left", 3, 3), decision("resumed", 5, 7), decision("resumed", 12, 9)]
    (course,) = find_courses(study_of([make_record(0, results=results, decisions=known)]))
    assert [(one.begin, one.end, one.is_resumption) for one in course.stretches] == [
        (0, 3, False),
        (7, 9, True),
        (9, 16, False),
    ]
    assert [at for at, _ in course.left] == [3]
    assert course.is_resumed


def test_a_failed_trial_ends_where_it_failed() -> None:
    record = make_failure(1, decisions=[decision("started", 3, 10)])
    (course,) = find_courses(study_of([record]))
    assert [(one.begin, one.end) for one in course.stretches] == [(10, 12)]


def test_lost_decisions_leave_the_training_known() -> None:
    results = [rung(3, total_epochs=3), rung(5, total_epochs=9)]
    (course,) = find_courses(study_of([make_paused(0, 5, results=results, decisions=[decision("resumed", 5, 7)])]))
    assert [(one.begin, one.end, one.decision is None) for one in course.stretches] == [(0, 3, True), (7, 9, False)]


def test_left_trials_are_ranked_by_their_last_chance() -> None:
    records = [
        make_paused(
            trial,
            5,
            decisions=[decision("left", 5, 5, chance_of_best=0.9), decision("ended", 5, 50, chance_of_best=last)],
        )
        for trial, last in enumerate((0.02, 0.07, 0.0))
    ]
    records.append(make_record(3, decisions=[decision("resumed", 12, 40, chance_of_best=0.5)]))
    assert [(record.trial, last.reason["chance_of_best"]) for record, last in left_trials(study_of(records))] == [
        (1, 0.07),
        (0, 0.02),
        (2, 0.0),
    ]


def test_savings_count_the_epochs_below_r(auto_study: StudyData) -> None:
    saved = find_savings(auto_study)
    own = [record for record in auto_study.records if record.status == "ok"]
    assert (saved.n_trials, saved.full) == (13, 13 * 9)
    assert saved.trained == sum(record.epochs for record in own) < saved.full
    assert saved.n_full == sum(record.epochs == 9 for record in own)


def test_best_trials_of_a_last_epoch_objective_are_full_ones() -> None:
    short = make_paused(0, 5, objective="convergence")
    full = make_record(1, objective="convergence")
    assert [record.trial for record in best_trials(study_of([short, full], objective="convergence"), 3)] == [1]


@pytest.mark.parametrize("kind", ["study", "rung_study"])
def test_other_strategies_have_no_decisions(kind: str, request: pytest.FixtureRequest) -> None:
    study = request.getfixturevalue(kind)
    assert not has_decisions(study)
    assert all(last_judgement(record) is None for record in study.records)


def test_a_trial_that_stopped_early_saves_nothing() -> None:
    records = [make_record(0, results=[rung(12, resource=27)]), make_paused(1, 5)]
    saved = find_savings(replace(study_of(records), settings={"epochs": 27}))
    assert (saved.trained, saved.full) == (12 + 5, 12 + 27)
