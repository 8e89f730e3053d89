"""Training with Keras in a worker: the data and the problem are loaded once, then one job is trained after another."""

import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle

from metaopt.errors import StudyMismatch
from metaopt.study.jobs import Epoch, Failed, Finished, Job, Message, Rejected
from metaopt.study.limits import is_number
from metaopt.study.problem import Problem
from metaopt.training import backend
from metaopt.training.data import DataSet, DataSpec, load
from metaopt.training.run import NetworkRefused, Run
from metaopt.zoo.loading import load_problem

_PACKAGE = Path(__file__).parents[1]
_INFO = ("device", "threads", "backend", "versions", "params", "macs", "inherited")


class KerasTrainer:
    """Trains the networks of a problem on a data set.

    A worker trains what the search began with, also one that takes the place of another after hours, in which files
    may have been edited: the problem's functions are sent to it by value, and what it loads itself is compared.

    Args:
        problem: a problem, or its name or path, which each worker loads.
        data: what each worker loads, or for training in one process the loaded set itself.
        threads: CPU threads; None for the executor's, else all cores.
        deterministic: the same results also on a GPU, at the cost of speed.
        schedule: of the learning rate, in the place of the problem's own; None for that.
        fingerprint: of the data that the search began with; None where that does not matter.
    """

    def __init__(
        self,
        problem: Problem | str,
        data: DataSpec | DataSet,
        threads: int | None = None,
        deterministic: bool = False,
        schedule: str | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self._problem: Problem | str | bytes = problem
        self._code = None if isinstance(problem, str) else problem.code
        self._folder = None if isinstance(problem, str) else _folder_of(problem)
        self._data = data
        self._fingerprint = fingerprint
        self._threads = threads
        self._deterministic = deterministic
        self._schedule = schedule

    def setup(self) -> None:
        """Imports Keras and its backend, and loads problem and data.

        Raises:
            UserError: one of them is not as it should be.
            StudyMismatch: one of them has changed since the search began.
        """
        backend.prepare(self._threads, self._deterministic)
        if isinstance(self._problem, bytes):
            if self._folder is not None:  # from which its functions may import something when they are called
                sys.path.insert(0, str(self._folder))
            self._problem = pickle.loads(self._problem)
        if isinstance(self._problem, str):
            path, self._problem = self._problem, load_problem(self._problem)
            if self._code is not None and self._code != self._problem.code:
                raise StudyMismatch(f"the network of {path} has changed while the search ran: put it back as it was.")
        if isinstance(self._data, DataSpec):
            spec, self._data = self._data, load(self._data)
            if self._fingerprint is not None and self._fingerprint != self._data.fingerprint:
                raise StudyMismatch(f"{spec.data} holds other images than when the search began: put them back.")

    def __getstate__(self) -> dict[str, Any]:
        """What goes to a worker; the problem's functions are unpickled there after the backend is prepared."""
        return {**self.__dict__, "_problem": _portable(self._problem)}

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


def _folder_of(problem: Problem) -> Path | None:
    """The user's folder that a problem was loaded from."""
    if problem.path is None or Path(problem.path).is_relative_to(_PACKAGE):
        return None
    path = Path(problem.path)
    return path if path.is_dir() else path.parent


def _portable(problem: Problem | str | bytes) -> Problem | str | bytes:
    """A problem with its functions by value; by its path if they hold what cannot be pickled, such as a lock."""
    if not isinstance(problem, Problem):
        return problem
    try:
        return cloudpickle.dumps(replace(problem, space=None))
    except Exception:
        if problem.path is None:
            raise
        return problem.path


class _Reported:
    """Counts the epochs that pass by."""

    def __init__(self, report: Callable[[Message], bool]) -> None:
        self._report = report
        self.count = 0

    def __call__(self, message: Message) -> bool:
        if isinstance(message, Epoch):
            self.count += 1
            bad = {name: value for name, value in message.metrics.items() if not is_number(value)}
            if bad:  # of a user's own training, as ours ends before it would say so
                raise ValueError(f"epoch {message.epoch} was reported with {bad}; report numbers, or return a failure")
        return self._report(message)


def _ending(job: Job, record: dict[str, Any], epochs_reported: int, seconds: float) -> Finished | Failed:
    """What a record means to the search; a user's own training may have reported no epochs, its record says all."""
    if record.get("status", "ok") == "fail":
        cause = str(record.get("cause", "failed"))
        return Failed(job.trial, cause, str(record.get("error", "The training failed.")), seconds=seconds)
    # Where all epochs were reported by an earlier job, our own record has nothing that is new.
    known = epochs_reported > 0 or record.get("epochs", job.to) <= job.start
    loss = record.get("loss")
    if not known and not is_number(loss):
        return Failed(job.trial, "no loss", f"build_and_train returned {loss!r} as its loss.", seconds=seconds)
    for name in [] if known else [limit.name for limit in job.measured if limit.name in record]:
        if not is_number(record[name]):
            error = f"build_and_train returned {record[name]!r} as {name}, by which a limit cannot be judged."
            return Failed(job.trial, f"no {name}", error, seconds=seconds)
    return Finished(
        job.trial,
        complete=bool(record.get("complete", True)),
        seconds=seconds,
        info={**backend.describe(), **{name: record[name] for name in _INFO if name in record}},
        result={} if known else {"epochs": job.to, **record},
    )
