"""A study over a function instead of a network, on the real search loop: milliseconds instead of minutes."""

import itertools
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from hyperopt import hp

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Report
from metaopt.engine.settings import resolve
from metaopt.engine.setup import ImageKind, open_study
from metaopt.engine.setup import search as run_search
from metaopt.problems.problem import Problem
from metaopt.storage import journal
from metaopt.storage.files import Files
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, Study

SPACE = {
    "x": hp.uniform("x", -1, 1),
    "branch": hp.choice("branch", [None, {"y": hp.loguniform("y", -3, 3)}, "plain"]),
}
EPOCHS = 3


def accuracy(point: dict, epoch: int) -> float:
    """Better near x = 0.3, and with every epoch."""
    penalty = 0.1 * point["branch"]["y"] / 20 if isinstance(point["branch"], dict) else 0.05
    return max(0.0, 1 - (point["x"] - 0.3) ** 2 - penalty) * (1 - 0.5 ** (epoch + 1))


class SyntheticExecutor:
    """Runs jobs on this thread, an epoch of each in turn, so that results of several trials interleave.

    Args:
        slots: number of jobs at once.
        fails: whether a job fails.
        interrupted_after: number of epochs, of all trials, after which Ctrl-C is pressed; None for never.
        further: further metrics of a job's epochs.
    """

    def __init__(
        self,
        slots: int = 1,
        fails: Callable[[Job], bool] = lambda job: False,
        interrupted_after: int | None = None,
        further: Callable[[Job], dict[str, float]] = lambda job: {},
    ):
        self.slots = slots
        self.further = further
        self.fails = fails
        self.interrupted_after = interrupted_after
        self.jobs: deque[Job] = deque()
        self.epochs: dict[int, int] = {}
        self.trained: list[tuple[int, int]] = []

    def submit(self, job: Job) -> None:
        assert len(self.jobs) < self.slots
        self.jobs.append(job)
        self.epochs[job.trial] = job.start

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        if len(self.trained) == self.interrupted_after:
            raise KeyboardInterrupt
        if not self.jobs:
            return
        job = self.jobs.popleft()
        if self.fails(job):
            handle(Failed(job.trial, "ValueError", "it was told to fail"))
            return
        if self.epochs[job.trial] >= job.target_resource:  # the crash came after its last epoch
            handle(Finished(job.trial, info={"device": "none"}))
            return
        epoch = self.epochs[job.trial] + 1
        self.epochs[job.trial] = epoch
        self.trained.append((job.trial, epoch))
        value = accuracy(job.point, epoch)
        metrics = {"val_accuracy": value, "val_loss": 1 - value, **self.further(job)}
        going_on = handle(Epoch(job.trial, epoch, metrics, 0.5))
        if going_on and epoch < job.target_resource:
            self.jobs.append(job)
        else:
            handle(Finished(job.trial, complete=epoch == job.target_resource, info={"device": "none"}))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.jobs.clear()


class InOneGo(SyntheticExecutor):
    """Runs a job from its first epoch to its last, or until it is told to stop; a subclass gives the metrics."""

    seconds = 0.1

    def metrics(self, job: Job, epoch: int) -> dict[str, float]:
        raise NotImplementedError

    def after(self, job: Job, epoch: int) -> None:
        """Called when an epoch was reported."""

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        job = self.jobs.popleft()
        epoch, going_on = job.start, True
        while going_on and epoch < job.target_resource:
            epoch += 1
            self.trained.append((job.trial, epoch))
            going_on = handle(Epoch(job.trial, epoch, self.metrics(job, epoch), self.seconds))
            self.after(job, epoch)
        handle(Finished(job.trial, complete=going_on))


def search(
    folder: Path,
    *,
    space=None,
    executor: SyntheticExecutor | None = None,
    problem: Problem | None = None,
    files: Files | None = None,
    callback: Callback | None = None,
    seconds: float | None = None,
    images: ImageKind | None = None,
    more: int | None = None,
    **given,
) -> Study:
    """Run or resume a synthetic study; ``more`` is a number of trials beyond those that it has.

    Without a limit in seconds, each look at the clock takes 10 ms: synthetic epochs are shorter than the millisecond in
    which times are stored, and real ones are not.
    """
    clock = time.monotonic if seconds is not None else (tick / 100 for tick in itertools.count()).__next__
    state = StudyState.replay(journal.Scan(folder / JOURNAL))
    if more is not None:
        given["trials"] = state.n_own + more
    defaults = {"sampler": "random", "trials": 8, "epochs": EPOCHS}
    problem = problem or Problem(SPACE if space is None else space)
    settings = resolve(given, defaults, state)
    callback = callback or Callback()
    with open_study(folder, problem, settings, callback, images=images, files=files, clock=clock) as study:
        executor = executor or SyntheticExecutor()
        run_search(study, problem, settings, executor, callback, images, seconds, clock=clock)
    return study


def findings(study: Study) -> list[dict]:
    """Records of a search, without what depends on the clock."""
    timeless = ("seconds", "ended", "visits")
    records = [record.to_json() for record in study.records]
    for decision in (decision for record in records for decision in record.get("decisions", ())):
        del decision["clock"]
    return [{key: value for key, value in record.items() if key not in timeless} for record in records]
