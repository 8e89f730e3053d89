"""Detection of workers that hang."""

import math
import os

import pytest

from metaopt.engine.jobs import Epoch, EpochProgress, Remark
from metaopt.executors import Processes, silence
from metaopt.executors.silence import SilenceWatch
from tests.executors.scripted import Scripted, make_job


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def epoch(number: int, seconds: float) -> Epoch:
    return Epoch(3, number, {"loss": 1.0}, seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> SilenceWatch:
    new = SilenceWatch(clock)
    new.begin()
    return new


@pytest.mark.parametrize(
    ("epochs_s", "limit_s"),
    [([], math.inf), ([0.5], 60.0), ([6.0], 60.0), ([100.0, 8.0, 9.0], 90.0), ([30.0, 40.0], 350.0)],
)
def test_silence_is_measured_by_the_median_epoch(watch: SilenceWatch, epochs_s: list[float], limit_s: float) -> None:
    for number, seconds in enumerate(epochs_s, 1):
        watch.heard(epoch(number, seconds))
    assert watch.limit_s == limit_s
    assert watch.seconds_left == limit_s


def test_each_silence_is_noted_once(watch: SilenceWatch, clock: Clock) -> None:
    watch.heard(epoch(1, 0.5))
    clock.now += 59
    assert watch.seconds_left == 1
    clock.now += 2
    assert watch.seconds_left == 0
    text = watch.note(3, os.getpid(), has_time_limit=False).text
    assert text.startswith("Trial 3 has ended no epoch for 61 s, while an epoch took 0.5 s (median).")
    assert f"process {os.getpid()}) may hang. The trial has no time limit" in text
    assert watch.seconds_left == math.inf
    watch.heard(epoch(2, 0.5))
    assert watch.seconds_left == 60


def test_progress_within_an_epoch_is_no_silence(watch: SilenceWatch, clock: Clock) -> None:
    watch.heard(epoch(1, 0.5))
    clock.now += 59
    watch.heard(EpochProgress(3, 2, 0.5))
    clock.now += 59
    assert watch.seconds_left == 1


def test_epochs_of_an_earlier_job_do_not_count(watch: SilenceWatch, clock: Clock) -> None:
    watch.heard(epoch(1, 0.5))
    watch.begin()
    clock.now += 1000
    assert watch.seconds_left == math.inf


@pytest.mark.slow
def test_a_hanging_worker_is_noted_then_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker hangs in its second epoch, for longer than the time limit of its job."""
    monkeypatch.setattr(silence, "LEAST_S", 0.3)
    reports = []
    with Processes(Scripted(), threads=1) as executor:
        (pid,) = executor.pids
        job = make_job(trial=3, point={"do": "hang", "at": 2, "seconds": 0.01}, to=5, trial_timeout_s=2.0)
        executor.submit(type(job)(**{**vars(job), "time_limit_s": 2.0}))
        while not reports or isinstance(reports[-1], Epoch | Remark):
            executor.wait(lambda report: reports.append(report) is None, timeout=30)
        assert executor.pids != [pid]
    first, remark, end = reports
    assert isinstance(first, Epoch)
    assert isinstance(remark, Remark)
    assert f"process {pid}) may hang. The trial's time limit will end it." in remark.text
    assert end.cause == "timeout"
