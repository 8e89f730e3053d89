"""State of a search: what is counted, and the time left."""

import pytest

from metaopt.engine.jobs import Epoch
from metaopt.report.console.progress_state import ProgressState
from metaopt.trials.record import Record
from tests.report.console.clock import Clock
from tests.report.making import make_failure, make_paused, make_record


@pytest.fixture
def clock() -> Clock:
    return Clock()


def infeasible(number: int) -> Record:
    return make_record(number, constraints=["params<=5"])


def test_time_left_by_the_search_time_of_all_runs(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(10, [make_record(0, clock=20.0), make_failure(1, clock=30.0), make_record(2, imported=True)])
    assert state.seconds_left() == 8 * 15
    clock.now += 5
    assert state.seconds_left() == 8 * 15 - 5
    state.start(3, 12, None)
    state.end(make_record(3, clock=45.0), None)
    assert state.seconds_left() == 7 * 15
    clock.now += 10_000
    assert state.seconds_left() == 0


def test_time_left_by_epochs_before_the_first_trial_ended(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(4, [])
    assert state.seconds_left() is None
    state.start(0, 10, None)
    clock.now += 6
    state.epoch(Epoch(0, 1, {"loss": 1.0}, 1.0))
    state.epoch(Epoch(0, 2, {"loss": 1.0}, 1.0))
    assert state.seconds_left() == pytest.approx(4 * 30 - 6)


def test_time_left_is_unknown_without_a_goal(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(None, [make_record(0)])
    assert state.seconds_left() is None


def test_counts_of_ended_trials(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(5, [make_record(0), make_failure(1), infeasible(2)])
    assert (len(state.ended), state.n_failed, state.n_infeasible) == (3, 1, 1)


def test_resumed_trial_is_not_ended(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(5, [])
    for trial in range(3):
        state.start(trial, 3, None)
        state.end(make_paused(trial, 3), None)
    assert (len(state.ended), state.n_paused) == (3, 3)
    state.start(1, 9, None)
    assert (len(state.ended), state.n_paused, state.running[1].epoch_text) == (2, 2, "epoch 3 of 9")
    assert state.running[1].params == 100_001
    state.epoch(Epoch(1, 4, {"loss": 1.0}, 1.0))
    assert state.running[1].epoch_text == "epoch 4 of 9"
    state.end(make_record(1), None)
    assert (len(state.ended), state.n_paused) == (3, 2)


def test_rejected_trial_is_removed(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(5, [])
    state.start(0, 3, None)
    state.reject(0)
    assert (state.running, state.ended) == ({}, {})


def test_time_limit_is_shown_where_it_ends_the_search(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(100_000, [make_record(0, clock=20.0)], 600.0)
    clock.now += 60
    assert state.time_left == "9 min of the time limit left"
    state.begin(3, [make_record(0, clock=20.0)], 600.0)
    assert state.time_left == "about 40 s left"
    state.begin(None, [], 30.0)
    clock.now += 31
    assert state.time_left == "0 s of the time limit left"


def test_time_left_with_rungs_by_epochs(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(10, [make_paused(trial, 1, clock=2.0 * (trial + 1)) for trial in range(3)])
    assert state.seconds_left() is None  # the time of promotions is unknown before the first one
    state.start(0, 9, None)
    state.end(make_record(0, history={"val_accuracy": [0.5] * 9}, clock=22.0), None)
    # 11 epochs in 22 seconds by three trials: the seven others take as long on average.
    assert state.seconds_left() == pytest.approx(7 * 22 / 3)
    assert state.time_left == "at least 51 s left"
    state.start(1, 9, None)
    assert state.seconds_left() == pytest.approx(7 * 22 / 3 + 8 * 2)
    clock.now += 6
    state.epoch(Epoch(1, 5, {"loss": 1.0}, 1.0))
    assert state.seconds_left() == pytest.approx(7 * 22 / 3 + 4 * 2)


def test_time_left_knows_that_later_epochs_take_longer(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(3, [])
    paused = make_paused(0, 2, history={"val_accuracy": [0.5] * 2}, seconds=[1.0] * 2, clock=2.0)
    complete = make_record(1, history={"val_accuracy": [0.5] * 4}, seconds=[1.0, 1.0, 20.0, 20.0], clock=44.0)
    for record in (paused, complete):
        state.start(record.trial, record.epochs, None)
        state.end(record, None)
    state.start(2, 2, None)
    assert state.seconds_left() == pytest.approx(2)
    state.epoch(Epoch(2, 1, {"loss": 1.0}, 3.0))
    assert state.seconds_left() == pytest.approx(3), "this trial takes three times as long as the others"
    state.end(make_paused(2, 2, history={"val_accuracy": [0.5] * 2}, seconds=[3.0] * 2, clock=50.0), None)
    state.start(2, 4, None)
    assert state.seconds_left() == pytest.approx(40 * 50 / (44 + 2))


def test_budget_in_seconds_has_no_target_epoch(clock: Clock) -> None:
    state = ProgressState(clock)
    state.begin(5, [])
    state.start(0, None, None)
    state.start(1, 2, None)
    for trial in range(2):
        state.epoch(Epoch(trial, 3, {"loss": 1.0}, 1.0))
    assert [running.epoch_text for running in state.running.values()] == ["epoch 3", "epoch 3"]
    assert state.time_left is not None


def test_shown_metric_is_the_objective_if_known(clock: Clock) -> None:
    state = ProgressState(clock)
    assert state.shown_metric({"val_precision": 0.2, "val_accuracy": 0.1}) == ("val_accuracy", 0.1)
    state.begin(5, [make_record(0, objective="val_precision")])
    assert state.shown_metric({"val_accuracy": 0.1, "val_precision": 0.2}) == ("val_precision", 0.2)
    assert state.shown_metric({"loss": 1.0, "val_accuracy": 0.1}) == ("val_accuracy", 0.1)
    assert state.shown_metric({}) is None
