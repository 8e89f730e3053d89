"""Trackers that fail, hang or fall behind: the search neither stops nor slows, and says so once."""

import contextlib
import threading
import time
from pathlib import Path

import pytest

from metaopt.engine.jobs import Epoch
from metaopt.errors import UserError
from metaopt.storage.state import StudyState
from metaopt.trackers import factory
from metaopt.trackers.background import Background
from metaopt.trackers.factory import TRACKERS, find_tracker
from metaopt.trackers.tracker import TrackedStudy, Tracker
from metaopt.trials.objective import find_objectives
from tests.trackers.searching import search


class Recorder(Tracker):
    """Keeps what it is told."""

    name, module = "recorder", "json"
    told: list[str]

    def __init__(self, study) -> None:
        super().__init__(study)
        type(self).told = []

    def open(self, records) -> None:
        self.told.append(f"open {len(records)}")

    def start(self, trial) -> None:
        self.told.append(f"start {trial.number} {sorted(trial.point)}")

    def epoch(self, trial, epoch, metrics, seconds) -> None:
        self.told.append(f"epoch {trial}.{epoch}")

    def end(self, record) -> None:
        self.told.append(f"end {record.trial} {record.status}")

    def close(self, is_finished) -> None:
        self.told.append(f"close {is_finished}")


class Failing(Recorder):
    name = "failing"

    def epoch(self, trial, epoch, metrics, seconds) -> None:
        raise ConnectionError("no route to host\nand more")


class Hanging(Recorder):
    name = "hanging"
    release = threading.Event()

    def start(self, trial) -> None:
        self.release.wait()


@pytest.fixture
def own(monkeypatch) -> None:
    for kind in (Recorder, Failing, Hanging):
        monkeypatch.setitem(TRACKERS, kind.name, ("", ""))
    known = {kind.name: kind for kind in (Recorder, Failing, Hanging)}
    monkeypatch.setattr(factory, "find_tracker", lambda name: known[name])


def test_a_tracker_is_told_everything_in_order(own, tmp_path: Path) -> None:
    _, notes = search(tmp_path / "results", "recorder", "recorder", trials=2, fails=lambda job: job.trial == 1)
    assert notes == []
    assert Recorder.told == [
        "open 0",
        "start 0 ['branch', 'x']",
        *[f"epoch 0.{epoch}" for epoch in (1, 2, 3)],
        "end 0 ok",
        "start 1 ['branch', 'x']",
        "end 1 fail",
        "close True",
    ]


def test_one_that_fails_is_told_nothing_more_and_the_user_once(own, tmp_path: Path) -> None:
    study, notes = search(tmp_path / "results", "failing", "recorder", trials=4)
    assert len(study.records) == 4
    assert notes == [
        "The tracker failing is told nothing more: ConnectionError: no route to host. The search continues without it."
    ]
    assert Recorder.told[-1] == "close True"


def test_one_that_hangs_neither_stops_nor_slows_the_search(own, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("metaopt.trackers.background.LONGEST_CLOSE_S", 0.3)
    began = time.monotonic()
    study, notes = search(tmp_path / "results", "hanging", trials=4)
    assert time.monotonic() - began < 10
    assert len(study.records) == 4
    [note] = notes
    assert "The tracker hanging is told nothing more: it did not answer within 0 s at the end of the run." in note
    Hanging.release.set()


def make(tracker: type[Tracker], tmp_path: Path, notes: list[str], **options) -> Background:
    study = TrackedStudy(tmp_path, "id", find_objectives(["val_accuracy"]))
    return Background("recorder", lambda: tracker(study), StudyState(), notes.append, **options)


def test_a_full_queue_is_told_once_and_bounded(tmp_path: Path) -> None:
    class Stuck(Recorder):
        release = threading.Event()

        def open(self, records) -> None:
            self.release.wait()

    notes: list[str] = []
    with make(Stuck, tmp_path, notes, most_waiting=3) as background:
        background.begin(None, [])
        began = time.monotonic()
        for epoch in range(1, 1001):
            background.epoch(Epoch(0, epoch, {"val_accuracy": 0.5}, 1.0))
        assert time.monotonic() - began < 1
    assert notes == [
        "The tracker recorder is told nothing more: it does not answer, and 3 messages wait for it. The search"
        " continues without it."
    ]
    Stuck.release.set()


@pytest.mark.slow
def test_an_aborted_search_waits_for_two_seconds_at_most(tmp_path: Path) -> None:
    class Slow(Recorder):
        release = threading.Event()

        def open(self, records) -> None:
            self.release.wait()

    began = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), make(Slow, tmp_path, []) as background:
        background.begin(None, [])
        raise KeyboardInterrupt
    assert time.monotonic() - began < 5
    Slow.release.set()


def test_an_unknown_tracker_gets_a_hint() -> None:
    with pytest.raises(UserError, match=r"Unknown tracker: optun\. Did you mean optuna\?"):
        find_tracker("optun")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_library_is_told_before_a_search(name: str, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(UserError, match=rf"{name} needs the package {name}, .* pip install -r requirements"):
        find_tracker(name)
