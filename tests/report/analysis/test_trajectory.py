"""Anytime trajectory, against the journal's own order and against a hand-made one."""

import pytest

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trajectory import anytime_trajectory, best_so_far
from tests.report.making import make_failure, make_record, rung

ACCURACY = {"val_accuracy": [0.3, 0.35, 0.6]}


def test_trajectory_of_a_search_over_rungs(rung_study: StudyData) -> None:
    records = rung_study.records
    points = anytime_trajectory(records)
    assert len(points) == sum(len(record.results) for record in records)
    epochs = [point.total_epochs for point in points]
    assert epochs == sorted(epochs)
    # One worker: each point comes after the epochs of its rung.
    assert epochs[-1] == sum(record.epochs for record in records)
    assert points[0].n_trials == 1
    assert points[-1].n_trials == len(records)
    losses = [point.best_loss for point in points]
    assert losses[-1] == min(record.loss for record in records)
    assert losses == sorted(losses, reverse=True)
    # The best counts from its pause on, not only from the end of its trial.
    assert losses[0] == points[0].result.loss


def test_trials_are_ordered_by_the_clock() -> None:
    limit = ["val_precision>=0.5"]
    first = make_record(0, history=ACCURACY, results=[rung(1, 5.0, 1), rung(3, 30.0, 6)])
    metrics = {"val_accuracy": [0.4, 0.45, 0.5], "val_precision": [0.9, 0.9, 0.9]}
    second = make_record(1, history=metrics, results=[rung(1, 10.0, 2), rung(3, 20.0, 4)], constraints=limit)
    failed = make_failure(2, clock=25.0)
    imported = make_record(3, imported=True, score=0.9)
    points = anytime_trajectory([failed, second, imported, first])
    assert [(point.trial, point.clock, point.total_epochs, point.n_trials) for point in points] == [
        (0, 5.0, 1, 1),
        (1, 10.0, 2, 2),
        (1, 20.0, 4, 2),
        (2, 25.0, 4, 3),
        (0, 30.0, 6, 3),
    ]
    assert [point.result.loss for point in points] == [-0.3, -0.4, -0.5, None, -0.6]
    assert [point.best_loss for point in points] == [-0.3, -0.4, -0.5, -0.5, -0.6]


def test_infeasible_result_is_not_the_best() -> None:
    metrics = {"val_accuracy": [0.4, 0.5], "val_precision": [0.9, 0.1]}
    limits = ["val_precision>=0.5", "seconds<=1.5"]
    record = make_record(0, history=metrics, results=[rung(1, 5.0), rung(2, 6.0)], constraints=limits)
    points = anytime_trajectory([record])
    assert [point.result.is_feasible for point in points] == [True, False]
    assert [point.best_loss for point in points] == [-0.4, -0.4]


def test_trial_that_fails_after_a_pause_is_not_the_best() -> None:
    failed = make_failure(0, history={"val_accuracy": [0.9, 0.1]}, results=[rung(1, 5.0, 1)], clock=9.0)
    kept = make_record(1, history={"val_accuracy": [0.4]}, results=[rung(1, 7.0, 2)])
    points = anytime_trajectory([failed, kept])
    assert [point.result.loss for point in points] == [-0.9, -0.4, None]
    assert [point.best_loss for point in points] == [None, -0.4, -0.4]


def test_equal_clocks_are_ordered_by_trial() -> None:
    points = anytime_trajectory([make_record(trial, clock=3.0, results=[rung(12, 3.0)]) for trial in (2, 0, 1)])
    assert [point.trial for point in points] == [0, 1, 2]
    assert anytime_trajectory([]) == []


def test_best_so_far_ignores_trials_that_are_not_eligible() -> None:
    limits = ["params<=1e6"]
    records = [
        make_failure(0, constraints=limits),
        make_record(1, score=0.5, constraints=limits),
        make_record(2, score=0.9, constraints=limits, imported=True),
        make_record(3, score=0.8, constraints=limits, counts={"params": 2_000_000}),
        make_record(4, score=0.4, constraints=limits),
        make_record(5, score=0.6, constraints=limits),
    ]
    assert best_so_far(records) == [None, *map(pytest.approx, [-0.5, -0.5, -0.5, -0.5, -0.6])]
