import pytest

from metaopt.engine.jobs import Epoch
from metaopt.report.console.progress_state import Tally, count, duration
from tests.report.making import make_failure, make_record


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_time_left_goes_by_search_time_of_all_runs(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(10, [make_record(0, ended=20.0), make_failure(1, ended=30.0), make_record(2, imported=True)])
    assert tally.seconds_left() == 8 * 15
    clock.now += 5
    assert tally.seconds_left() == 8 * 15 - 5
    tally.start(3, 12, None)
    tally.end(make_record(3, ended=45.0), None)
    assert tally.seconds_left() == 7 * 15
    clock.now += 10_000
    assert tally.seconds_left() == 0


def test_before_a_trial_ended_the_epochs_tell(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(4, [])
    assert tally.seconds_left() is None
    tally.start(0, 10, None)
    clock.now += 6
    tally.epoch(Epoch(0, 1, {"loss": 1.0}, 1.0))
    tally.epoch(Epoch(0, 2, {"loss": 1.0}, 1.0))
    assert tally.seconds_left() == pytest.approx(4 * 30 - 6)


def test_without_a_goal_nothing_is_foretold(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(None, [make_record(0)])
    assert tally.seconds_left() is None


def test_a_trial_that_goes_on_is_no_longer_counted_as_ended(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(5, [make_record(0), make_failure(1), make_record(2, feasible=False)])
    assert (len(tally.ended), tally.failed, tally.infeasible) == (3, 1, 1)
    tally.start(0, 24, None)
    assert len(tally.ended) == 2


def test_a_trial_that_goes_on_after_a_pause_is_counted_once(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(5, [])
    for trial in range(3):
        tally.start(trial, 3, None)
        tally.end(make_record(trial, epochs=3, paused=True, complete=False), None)
    assert (len(tally.ended), tally.paused) == (3, 3)
    tally.start(1, 9, None)
    assert (len(tally.ended), tally.paused, tally.running[1].place) == (2, 2, "epoch 3 of 9")
    tally.epoch(Epoch(1, 4, {"loss": 1.0}, 1.0))
    assert tally.running[1].place == "epoch 4 of 9"
    tally.end(make_record(1, epochs=9, paused=False, complete=True), None)
    assert (len(tally.ended), tally.paused) == (3, 2)


def test_what_is_left_of_the_time_that_was_set_is_told_where_that_ends_the_search(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(100_000, [make_record(0, ended=20.0)], 600.0)
    clock.now += 60
    assert tally.time_left == "9 min of its time left"
    tally.begin(3, [make_record(0, ended=20.0)], 600.0)
    assert tally.time_left == "about 40 s left"
    tally.begin(None, [], 30.0)
    clock.now += 31
    assert tally.time_left == "0 s of its time left"


def test_over_rungs_the_time_left_goes_by_epochs(clock: Clock) -> None:
    tally = Tally(clock)
    paused = [make_record(t, epochs=1, paused=True, complete=False, ended=2.0 * (t + 1)) for t in range(3)]
    tally.begin(10, paused)
    assert tally.seconds_left() is None  # what going on takes is not known before a trial has done so
    tally.start(0, 9, None)
    tally.end(make_record(0, epochs=9, paused=False, complete=True, ended=22.0), None)
    # 11 epochs in 22 seconds by three trials: the seven others take as long on average.
    assert tally.seconds_left() == pytest.approx(7 * 22 / 3)
    assert tally.time_left == "at least 51 s left"
    tally.start(1, 9, None)
    assert tally.seconds_left() == pytest.approx(7 * 22 / 3 + 8 * 2)
    clock.now += 6
    tally.epoch(Epoch(1, 5, {"loss": 1.0}, 2.0))
    assert tally.seconds_left() == pytest.approx(7 * 22 / 3 + 4 * 2)


def test_where_time_says_how_long_a_trial_trains_only_its_epoch_is_said(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(5, [])
    tally.start(0, None, None)
    tally.start(1, 2, None)
    for trial in range(2):
        tally.epoch(Epoch(trial, 3, {"loss": 1.0}, 1.0))
    assert [running.place for running in tally.running.values()] == ["epoch 3", "epoch 3"]
    assert tally.time_left is not None


def test_the_metric_shown_is_the_objective_where_an_epoch_has_it(clock: Clock) -> None:
    tally = Tally(clock)
    tally.begin(5, [make_record(0, objective="val_precision")])
    assert tally.shown_metric({"val_accuracy": 0.1, "val_precision": 0.2}) == ("val_precision", 0.2)
    assert tally.shown_metric({"loss": 1.0, "val_accuracy": 0.1}) == ("val_accuracy", 0.1)
    assert tally.shown_metric({}) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (99, "99 s"), (100, "2 min"), (3569, "59 min"), (3600, "1 h 00 min"), (100_000, "27 h 47 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(12, "12"), (7_061_116, "7.06 M"), (1234, "1.23 k"), (2.3e9, "2.3 G")])
def test_count(number: float, text: str) -> None:
    assert count(number) == text
