"""Trainings that do what a job's point says, for tests of executors."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from metaopt.engine.jobs import (
    Epoch,
    EpochProgress,
    Executor,
    Failed,
    Finished,
    FromScratch,
    Job,
    Rejected,
    Report,
    Resume,
    TrainingOptions,
)
from metaopt.errors import ResultsNotWritable


def make_job(trial: int, point: Any = None, to: int = 1, start: int = 0, **options: Any) -> Job:
    """A job that resumes after ``start`` epochs, or starts from scratch."""
    return Job(trial, point, Resume(start) if start else FromScratch(), to, TrainingOptions(**options))


class Scripted:
    """A trainer that does what a job's point says: ``{"do": name, …}``; it trains all epochs if nothing."""

    def __init__(self, setup: Callable[[], None] | None = None) -> None:
        self.at_setup = setup
        self.set_up = 0
        self.trained: list[int] = []

    def setup(self, options: TrainingOptions) -> None:
        self.set_up += 1
        if self.at_setup is not None:
            self.at_setup()

    def train(self, job: Job, report: Callable[[Epoch], bool]) -> Finished | Failed | Rejected:
        self.trained.append(job.trial)
        point = job.point or {}
        if "meet" in point:
            meet(point["meet"], job.trial)
        for fold in range(point.get("folds", 0)):  # a race over folds
            if not report(Epoch(job.trial, 1, {"loss": 1.0}, 0.1, fold=fold, ends_fold=True)):
                return Finished(job.trial, complete=False)
        for epoch in range(job.start + 1, job.target_resource + 1):
            time.sleep(point.get("seconds", 0))
            if "progress" in point:
                report(EpochProgress(job.trial, epoch, point["progress"]))
            if epoch == point.get("at", 2):
                act(point.get("do"))
            if not report(Epoch(job.trial, epoch, {"loss": 1 / epoch}, 0.1)):
                return Finished(job.trial, complete=False)
        if point.get("do") == "diverge":
            return Failed(job.trial, "diverged", "The loss became NaN in epoch 3.")
        if point.get("do") == "reject":
            return Rejected(job.trial, "params", "Too many.")
        if point.get("do") == "unpicklable":
            return Finished(job.trial, returned={"loss": (each for each in ())})
        return Finished(job.trial, info={"set_up": self.set_up, "trained": list(self.trained)})


def scripted_curve(job: Job) -> Iterator[tuple[dict[str, float], float]]:
    """The same training as a learning curve."""
    point = job.point or {}
    for epoch in itertools.count(1):
        if epoch == point.get("at", 2) and point.get("do") == "hang":
            yield {"loss": 1 / epoch}, 60.0
        if epoch == point.get("at", 2):
            act(point.get("do"))
            if point.get("do") == "diverge":
                return Failed(job.trial, "diverged", "The loss became NaN in epoch 3.")
            if point.get("do") == "reject":
                return Rejected(job.trial, "params", "Too many.")
        yield {"loss": 1 / epoch}, point.get("cost", 0.1)


def meet(folder: Path, trial: int) -> None:
    """Waits until two trials are here, so that a worker that starts late is waited for."""
    (folder / str(trial)).touch()
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)


def act(what: str | None) -> None:
    """Raises as a training may."""
    if what == "raise":
        raise ValueError("the kernel is larger than the image\nand a second line")
    if what == "memory":
        raise MemoryError
    if what == "hang":
        time.sleep(60)
    if what == "exit":
        raise SystemExit(3)
    if what == "full":
        raise ResultsNotWritable("The disk is full.")


def collect(executor: Executor, stop: Callable[[Epoch], bool] = lambda _: False, limit: float = 30) -> list[Report]:
    """Every report until nothing runs."""
    reports: list[Report] = []

    def handle(report: Report) -> bool:
        reports.append(report)
        return not (isinstance(report, Epoch) and stop(report))

    begin = time.monotonic()
    while time.monotonic() - begin < limit:
        count = len(reports)
        executor.wait(handle)
        if len(reports) == count:
            return reports
    raise AssertionError(f"still running after {limit} s: {reports}")


def run(executor: Executor, point: dict[str, Any] | None = None, to: int = 3, **more: Any) -> list[Report]:
    """Every report of one job, of trial 7."""
    executor.submit(make_job(trial=7, point=point, to=to, **more))
    return collect(executor)


def last(reports: list[Report], kind: type) -> Any:
    """The last report, which must be of a kind."""
    assert isinstance(reports[-1], kind), reports
    return reports[-1]
