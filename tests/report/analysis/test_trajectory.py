"""The course of a search, against the journal's own order and against a hand-made one."""

import pytest

from metaopt.report.analysis.trajectory import moments
from tests.report.making import Record, make_failure, make_record


def test_the_course_of_a_search_over_rungs(rung_records: list[Record]) -> None:
    course = moments(rung_records)
    assert len(course) == sum(len(record["visits"]) for record in rung_records)
    spent = [moment.spent for moment in course]
    assert spent == sorted(spent)
    # One worker: the effort is what the trials trained, and each moment comes after the epochs of its rung.
    assert spent[-1] == sum(record["epochs"] for record in rung_records)
    assert course[0].trials == 1
    assert course[-1].trials == len(rung_records)
    bests = [moment.best for moment in course]
    assert bests[-1] == min(record["loss"] for record in rung_records)
    assert bests == sorted(bests, reverse=True)
    # The best is known at its pause, not only when its trial ends for good.
    assert bests[0] == course[0].loss


def visit(to: int, loss: float, ended: float, spent: int, feasible: bool = True) -> dict:
    return {"to": to, "epochs": to, "loss": loss, "feasible": feasible, "ended": ended, "spent": spent}


def test_trials_interleave_by_the_clock() -> None:
    first = make_record(0, visits=[visit(1, -0.3, 5.0, 1), visit(3, -0.6, 30.0, 6)])
    second = make_record(1, visits=[visit(1, -0.4, 10.0, 2), visit(3, -0.5, 20.0, 4, feasible=False)])
    failed = make_failure(2, ended=25.0)
    imported = make_record(3, imported=True, loss=-0.9)
    assert [
        (moment.trial, moment.to, moment.seconds, moment.spent, moment.trials, moment.loss, moment.best)
        for moment in moments([failed, second, imported, first])
    ] == [
        (0, 1, 5.0, 1, 1, -0.3, -0.3),
        (1, 1, 10.0, 2, 2, -0.4, -0.4),
        (1, 3, 20.0, 4, 2, -0.5, -0.4),
        (2, 12, 25.0, 4, 3, None, -0.4),
        (0, 3, 30.0, 6, 3, -0.6, -0.6),
    ]


def test_a_trial_that_fails_after_a_pause_is_never_the_best() -> None:
    lost = make_failure(0, visits=[visit(1, -0.9, 5.0, 1)], ended=9.0)
    kept = make_record(1, visits=[visit(1, -0.4, 7.0, 2)])
    course = moments([lost, kept])
    assert [moment.loss for moment in course] == [-0.9, -0.4, None]
    assert [moment.best for moment in course] == [None, -0.4, -0.4]


def test_records_without_visits_count_at_their_end() -> None:
    course = moments([make_record(0, loss=-0.2, ended=20.0), make_record(1, loss=-0.1, ended=10.0)])
    assert [(moment.trial, moment.best) for moment in course] == [(1, -0.1), (0, -0.2)]
    assert moments([]) == []


@pytest.mark.parametrize("ended", [None, 3.0])
def test_records_without_a_clock_come_by_number(ended: float | None) -> None:
    course = moments([make_record(trial, ended=ended) for trial in (2, 0, 1)])
    assert [moment.trial for moment in course] == [0, 1, 2]
