"""Training with Keras in a worker: the data and the problem are loaded once, then one job is trained after another."""

import math
import time
from collections.abc import Callable
from numbers import Real
from typing import Any

from metaopt.study.jobs import Epoch, Failed, Finished, Job, Message, Rejected
from metaopt.study.problem import Problem
from metaopt.training import backend
from metaopt.training.data import DataSet, DataSpec, load
from metaopt.training.run import NetworkRefused, Run
from metaopt.zoo.loading import load_problem

_INFO = ("device", "threads", "backend", "versions", "params", "macs", "inherited")


class KerasTrainer:
    """Trains the networks of a problem on a data set.

    Args:
        problem: a problem, which a worker reads again if it has a path, or its name or path.
        data: what each worker loads, or for training in one process the loaded set itself.
        threads: CPU threads; None for the executor's, else all cores.
        deterministic: the same results also on a GPU, at the cost of speed.
        schedule: of the learning rate, in the place of the problem's own; None for that.
    """

    def __init__(
        self,
        problem: Problem | str,
        data: DataSpec | DataSet,
        threads: int | None = None,
        deterministic: bool = False,
        schedule: str | None = None,
    ) -> None:
        # Functions of a file that was loaded by its path cannot be pickled; the path can.
        self._problem: Problem | str = problem if isinstance(problem, str) else problem.path or problem
        self._data = data
        self._threads = threads
        self._deterministic = deterministic
        self._schedule = schedule

    def setup(self) -> None:
        """Imports Keras and its backend, and loads problem and data.

        Raises:
            UserError: one of them is not as it should be.
        """
        backend.prepare(self._threads, self._deterministic)
        if isinstance(self._problem, str):
            self._problem = load_problem(self._problem)
        if isinstance(self._data, DataSpec):
            self._data = load(self._data)

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Trains one job; what it raises is told by the executor."""
        from metaopt.training.fit import build_and_train

        assert isinstance(self._problem, Problem)
        assert isinstance(self._data, DataSet)
        began = time.monotonic()
        reported = _Reported(report)
        run = Run(
            seed=job.seed,
            trial=job.trial,
            start=job.start,
            early_stopping=job.early_stopping,
            objective=job.objective,
            cycles=job.cycles,
            schedule=self._schedule,
            report=reported,
            limits=job.limits,
            measured=job.measured,
            folds=job.folds,
            ancestor=job.ancestor,
        )
        try:
            if self._problem.build_and_train is not None:
                record = self._problem.build_and_train(
                    job.point, self._data, epochs=job.to, checkpoint=job.checkpoint, run=run
                )
            else:
                record = build_and_train(
                    self._problem, job.point, self._data, epochs=job.to, checkpoint=job.checkpoint, run=run
                )
        except NetworkRefused as refused:
            return Rejected(job.trial, refused.reason, refused.detail)
        return _ending(job, record, reported.count, time.monotonic() - began)


class _Reported:
    """Counts the epochs that pass by."""

    def __init__(self, report: Callable[[Message], bool]) -> None:
        self._report = report
        self.count = 0

    def __call__(self, message: Message) -> bool:
        self.count += isinstance(message, Epoch)
        return self._report(message)


def _ending(job: Job, record: dict[str, Any], epochs_reported: int, seconds: float) -> Finished | Failed:
    """What a record means to the search; a user's own training may have reported no epochs, its record says all."""
    if record.get("status", "ok") == "fail":
        cause = str(record.get("cause", "failed"))
        return Failed(job.trial, cause, str(record.get("error", "The training failed.")), seconds=seconds)
    # Where all epochs were reported by an earlier job, our own record has nothing that is new.
    known = epochs_reported > 0 or record.get("epochs", job.to) <= job.start
    loss = record.get("loss")
    if not known and not (isinstance(loss, Real) and math.isfinite(loss)):
        return Failed(job.trial, "no loss", f"build_and_train returned {loss!r} as its loss.", seconds=seconds)
    return Finished(
        job.trial,
        complete=bool(record.get("complete", True)),
        seconds=seconds,
        info={**backend.describe(), **{name: record[name] for name in _INFO if name in record}},
        result={} if known else {"epochs": job.to, **record},
    )
