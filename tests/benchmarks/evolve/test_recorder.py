"""Recorder of one run: what a method would choose at each moment, and the clock that stands still for the test part."""

import json

import pytest

from benchmarks.evolve import recorder as recorder_module
from benchmarks.evolve.budget import Budget
from benchmarks.evolve.recorder import BudgetOver, Recorder


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(recorder_module, "time", clock)
    return clock


def recorder(tmp_path, clock, budget="epochs:4", test_seconds=10.0):
    def score(model):
        clock.now += test_seconds
        return model

    return Recorder(tmp_path / "events.jsonl", Budget.read(budget), score)


def test_incumbents_are_the_smallest_validation_losses(tmp_path, clock):
    own = recorder(tmp_path, clock)
    own.begin()
    for loss in (0.9, 0.5, 0.7):
        clock.now += 2
        own.epoch(model=1 - loss, val_loss=loss)
    clock.now += 2
    with pytest.raises(BudgetOver):
        own.epoch(model=0.6, val_loss=0.4)
    found = own.result()
    assert (found["epochs"], found["seconds"]) == (4, 8.0), "without the 10 seconds of each test"
    assert found["incumbents"] == [
        (2.0, 1, 0.9, pytest.approx(0.1)),
        (4.0, 2, 0.5, 0.5),
        (8.0, 4, 0.4, 0.6),
    ]


def test_a_budget_in_seconds_does_not_count_tests(tmp_path, clock):
    own = recorder(tmp_path, clock, "seconds:5")
    own.begin()
    clock.now += 4
    own.epoch(0.1, 0.9)
    assert not own.is_over
    clock.now += 1
    assert own.is_over


def test_losses_that_are_no_numbers_are_no_incumbents(tmp_path, clock):
    own = recorder(tmp_path, clock)
    own.begin()
    own.epoch(0.1, float("nan"))
    own.epoch(0.2, float("inf"))
    own.epoch(0.3, 7.0)
    assert [each[2] for each in own.result()["incumbents"]] == [7.0]


def test_processes_of_a_run_share_the_events(tmp_path, clock):
    first, second = recorder(tmp_path, clock), recorder(tmp_path, clock)
    first.begin()
    second.begin()
    first.epoch(0.1, 0.9)
    second.epoch(0.2, 0.95)
    assert second.result()["epochs"] == 2
    assert len(second.result()["incumbents"]) == 1
    assert [json.loads(line).get("test") for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [
        None,
        0.1,
        None,
    ]


def test_a_run_without_any_epoch_has_no_incumbent(tmp_path, clock):
    assert recorder(tmp_path, clock).result() == {"epochs": 0, "seconds": 0.0, "incumbents": []}
