"""Lines about trials that ended, and about the start of a search."""

import pytest

from metaopt.report.console.progress_lines import begin_line, ended_line, progress_text
from metaopt.report.console.progress_state import ProgressState
from metaopt.trials.record import Record
from metaopt.trials.result import Result
from tests.report.making import make_failure, make_paused, make_record

LIMITS = ["params<=5", "val_accuracy>=0.1"]


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            make_record(2, score=0.8),
            "trial 2  val_accuracy 0.8000 · best at epoch 12 of 12 · 12 s · 100 k parameters",
        ),
        (make_failure(1), "trial 1  failed after 11 s: The loss is NaN."),
        (
            make_paused(0, 3, counts={}, history={"val_accuracy": [0.1, 0.3, 0.2]}),
            "trial 0  val_accuracy 0.3000 · paused after 3 epochs, best at epoch 2 · 10 s",
        ),
        (
            make_paused(0, 1, counts={}, history={"val_accuracy": [0.1]}),
            "trial 0  val_accuracy 0.1000 · paused after 1 epoch · 10 s",
        ),
        (
            make_record(0, score=0.8, constraints=LIMITS),
            "trial 0  val_accuracy 0.8000 · best at epoch 12 of 12 · 10 s · 100 k parameters · violates params<=5",
        ),
        (
            make_record(
                0, history={}, objective="loss", counts={}, results=[Result(returned={"loss": 2})], returned={"loss": 2}
            ),
            "trial 0  loss 2.0000 · 10 s",
        ),
    ],
    ids=["ended", "failed", "paused", "paused after one epoch", "infeasible", "function"],
)
def test_ended_line(record: Record, line: str) -> None:
    state = ProgressState()
    state.end(record, None)
    assert ended_line(state, record) == line


def test_best_trial_is_marked() -> None:
    state, record = ProgressState(), make_record(0)
    state.end(record, record)
    assert ended_line(state, record).endswith("· the best so far")


def test_begin_line() -> None:
    state = ProgressState()
    state.begin(9, [])
    assert begin_line(state) == "searching for 9 trials"
    state.begin(9, [], 600.0)
    assert begin_line(state) == "searching for 9 trials, 10 min at most"
    state.begin(None, [], 600.0)
    assert begin_line(state) == "searching until the time limit"
    state.begin(9, [make_paused(0, 3), make_failure(1), make_record(2)])
    assert begin_line(state) == "resuming the search for 9 trials: 3 done, 1 of them failed, 1 paused"


def test_trials_beyond_the_goal_are_not_counted_against_it() -> None:
    state = ProgressState()
    state.begin(2, [make_record(0), make_record(1)])
    assert progress_text(state) == "2 of 2"
    state.begin(1, [make_record(0), make_record(1)])
    assert progress_text(state) == "2 done"
    assert begin_line(state).startswith("resuming the search for 1 trial: 2 done")
