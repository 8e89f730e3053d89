"""Simulated executor: virtual workers on a virtual clock."""

import math
from typing import Any

import pytest

from metaopt.engine.jobs import Epoch, Failed, Finished, Report
from metaopt.executors import Simulated
from metaopt.trials.constraints import parse_constraints
from tests.executors.scripted import collect, make_job
from tests.executors.scripted import scripted_curve as scripted


def told(executor: Simulated, stop: Any = lambda _: False) -> list[tuple[float, str, int]]:
    """(virtual second, "trial.epoch" or "trial end") of every report."""
    found: list[tuple[float, str]] = []

    def handle(report: Report) -> bool:
        epoch = report.epoch if isinstance(report, Epoch) else " end"
        found.append((round(executor.clock(), 9), f"{report.trial}.{epoch}".replace(". ", " ")))
        return not (isinstance(report, Epoch) and stop(report))

    while True:
        before = len(found)
        executor.wait(handle)
        if len(found) == before:
            return found


def test_reports_come_in_the_order_of_virtual_time() -> None:
    executor = Simulated(scripted, workers=3, setup=lambda job: float(job.trial == 2))
    for trial, cost in enumerate((3.0, 2.0, 1.0)):
        executor.submit(make_job(trial, {"cost": cost}, to=2))
    assert told(executor) == [
        (2.0, "1.1"),
        (2.0, "2.1"),
        (3.0, "0.1"),
        (3.0, "2.2"),  # due at the same time: the job that was taken first is told of first
        (3.0, "2 end"),
        (4.0, "1.2"),
        (4.0, "1 end"),
        (6.0, "0.2"),
        (6.0, "0 end"),
    ]


def test_a_resumed_trial_takes_time_for_new_epochs_only() -> None:
    whole, parts = Simulated(scripted, setup=0.5), Simulated(scripted, setup=0.5)
    whole.submit(make_job(0, None, to=9))
    whole_reports = collect(whole)
    parts.submit(make_job(0, None, to=3))
    part_reports = collect(parts)
    parts.submit(make_job(0, None, start=3, to=9))
    part_reports += collect(parts)
    assert whole.clock() == pytest.approx(0.5 + 0.9)
    assert parts.clock() == pytest.approx(0.5 + 0.3 + 0.5 + 0.6)
    assert [r for r in part_reports if isinstance(r, Epoch)] == [r for r in whole_reports if isinstance(r, Epoch)]
    assert [r.seconds for r in part_reports if isinstance(r, Finished)] == pytest.approx([0.8, 1.1])


def test_a_worker_that_is_idle_starts_later_jobs_later() -> None:
    executor = Simulated(scripted, workers=2)
    executor.submit(make_job(0, {"cost": 5.0}, to=1))
    assert [report.trial for report in collect(executor)] == [0, 0]
    executor.submit(make_job(1, {"cost": 2.0}, to=1))
    assert told(executor) == [(7.0, "1.1"), (7.0, "1 end")]


def test_a_timeout_is_in_virtual_seconds() -> None:
    executor = Simulated(scripted)
    executor.submit(make_job(0, {"cost": 10.0}, to=1))
    executor.wait(lambda report: pytest.fail(f"{report} is not due"), timeout=4.0)
    assert executor.clock() == 4.0
    reports: list[Report] = []
    executor.wait(lambda report: reports.append(report) or True, timeout=6.0)  # type: ignore[func-returns-value]
    assert executor.clock() == 10.0
    assert [type(report) for report in reports] == [Epoch, Finished]


def test_a_curve_that_ends_early_is_a_complete_training() -> None:
    executor = Simulated(lambda job: [({"loss": 1.0}, 1.0)] * 4)
    executor.submit(make_job(0, None, to=9))
    *epochs, end = collect(executor)
    assert [epoch.epoch for epoch in epochs if isinstance(epoch, Epoch)] == [1, 2, 3, 4]
    assert isinstance(end, Finished)
    assert end.complete
    assert end.seconds == executor.clock() == 4.0


@pytest.mark.parametrize("start", [0, 4])
def test_patience_counts_the_epochs_before_a_pause(start: int) -> None:
    losses = [0.5, 0.4, 0.3, 0.35, 0.31, 0.3, 0.2, 0.1]
    executor = Simulated(lambda job: [({"val_loss": loss}, 1.0) for loss in losses])
    executor.submit(make_job(0, None, start=start, to=8, early_stopping=3, objective="val_loss"))
    *epochs, end = collect(executor)
    assert isinstance(epochs[-1], Epoch)
    assert epochs[-1].epoch == 6  # the best one is the third
    assert isinstance(end, Finished)
    assert end.complete


def test_patience_waits_for_epochs_that_meet_the_constraints() -> None:
    """With patience 2 the accuracy alone would end this curve at epoch 3, below the wanted precision."""
    rows = [(0.6, 0.2), (0.5, 0.3), (0.55, 0.55), (0.56, 0.5), (0.6, 0.6), (0.7, 0.6)]
    curve = [({"val_accuracy": accuracy, "val_precision": precision}, 1.0) for accuracy, precision in rows]
    epochs = {}
    for constraints in ((), parse_constraints(["val_precision>=0.5"])):
        executor = Simulated(lambda job: curve)
        executor.submit(make_job(0, None, to=6, early_stopping=2, constraints=constraints))
        epochs[bool(constraints)] = len(collect(executor)) - 1
    assert epochs == {False: 3, True: 6}


def test_a_nan_metric_is_a_diverged_training() -> None:
    executor = Simulated(lambda job: [({"loss": 1.0}, 1.0), ({"loss": math.nan}, 1.0)])
    executor.submit(make_job(0, None, to=5))
    end = collect(executor)[-1]
    assert isinstance(end, Failed)
    assert end.cause == "diverged"


def test_zero_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="value for workers: 0"):
        Simulated(scripted, workers=0)


def test_workers_wait_for_a_driver_that_is_busy() -> None:
    """The driver takes two seconds for each report, so that the reports of the second worker wait."""
    real = [100.0]
    executor = Simulated(scripted, workers=2, driver_clock=lambda: real[0])
    for trial in range(2):
        executor.submit(make_job(trial, {"cost": 1.0}, to=2))
    handled: list[tuple[float, int]] = []

    def handle(report: Report) -> bool:
        if isinstance(report, Epoch):
            handled.append((executor.clock(), report.trial))
            real[0] += 2.0
        return True

    real[0] += 0.5
    for _ in range(4):
        executor.wait(handle)
    assert handled == [(1.0, 0), (3.0, 1), (5.0, 0), (7.0, 1)]
