"""Keras trainer: loads the data and the problem once, then trains one job after the other."""

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from metaopt.data import DataSet, DataSpec, load
from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Message, Rejected, TrainingOptions, TrainingRequest
from metaopt.errors import StudyMismatch
from metaopt.problems.loading import load_problem, read_texts
from metaopt.problems.problem import Problem
from metaopt.training import backend
from metaopt.training.functions import not_judged
from metaopt.training.network_refused import NetworkRefused
from metaopt.trials.constraints import is_number

_INFO = ("device", "threads", "backend", "versions", "params", "macs", "inherited")


class KerasTrainer:
    """Trains the networks of a problem on a data set.

    A worker trains what the search began with, also one that takes the place of another after hours, in which files
    may have been edited: it is given what they held.

    Args:
        problem: a problem, whose files a worker runs again if it has a path, or its name or path.
        data: what each worker loads, or for training in one process the loaded set itself.
        threads: CPU threads; None for the executor's, else all cores.
        fingerprint: of the data that the search began with; None where that does not matter.
    """

    def __init__(
        self,
        problem: Problem | str,
        data: DataSpec | DataSet,
        threads: int | None = None,
        fingerprint: str | None = None,
    ) -> None:
        # Its files are run in the worker too, for what they do beside defining functions, such as setting a policy.
        self._problem: Problem | str = problem if isinstance(problem, str) else problem.path or problem
        self._texts = {} if isinstance(problem, str) else dict(problem.texts)
        self._copies: Any = None
        self._data = data
        self._fingerprint = fingerprint
        self._threads = threads

    def setup(self, options: TrainingOptions) -> None:
        """Import Keras and its backend, and load problem and data.

        Args:
            options: options of the run.

        Raises:
            UserError: The problem or the data cannot be loaded.
            StudyMismatch: The data have changed since the search began.
        """
        backend.prepare(self._threads, options.deterministic)
        if isinstance(self._problem, str):
            if self._texts:
                self._problem, self._copies = _load_as_it_was(Path(self._problem), self._texts)
            else:
                self._problem = load_problem(self._problem)
        if isinstance(self._data, DataSpec):
            spec, self._data = self._data, load(self._data)
            if self._fingerprint is not None and self._fingerprint != self._data.fingerprint:
                raise StudyMismatch(f"{spec.data} holds other images than when the search began: put them back.")

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Trains one job; what it raises is told by the executor."""
        from metaopt.training.fit import build_and_train

        assert isinstance(self._problem, Problem)
        assert isinstance(self._data, DataSet)
        began = time.monotonic()
        reported = _Reported(report)
        request = TrainingRequest(job, reported)
        try:
            if self._problem.build_and_train is not None:
                more = {"run": request} if takes_run(self._problem.build_and_train) else {}
                record = self._problem.build_and_train(
                    job.point, self._data, epochs=job.target_resource, checkpoint=job.checkpoint, **more
                )
            else:
                record = build_and_train(
                    self._problem,
                    job.point,
                    self._data,
                    epochs=job.target_resource,
                    checkpoint=job.checkpoint,
                    run=request,
                )
        except NetworkRefused as refused:
            return Rejected(job.trial, refused.reason, refused.detail)
        return _ending(job, record, reported.count, time.monotonic() - began)


def takes_run(train: Callable[..., Any]) -> bool:
    """Whether a problem's own training wants to be told more than point, data, epochs and checkpoint."""
    parameters = inspect.signature(train).parameters.values()
    return any(each.name == "run" or each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)


def _load_as_it_was(path: Path, texts: dict[str, str]) -> tuple[Problem, Any]:
    """The problem of a path, from copies of its files if they have changed; also what the copies live by."""
    try:
        same = read_texts(path) == texts
    except (OSError, ValueError):  # one is gone, or half written
        same = False
    if same:
        return load_problem(str(path)), None
    folder = TemporaryDirectory(prefix="metaopt_problem_")
    for name, text in texts.items():
        file = Path(folder.name, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    # A problem in one file has its own first; one in a folder has several, and none of its name.
    own = Path(folder.name, path.name)
    return load_problem(str(own if own.is_file() else Path(folder.name))), folder


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
    known = epochs_reported > 0 or job.is_reported
    loss = record.get("loss")
    if not known and not is_number(loss):
        return Failed(job.trial, "no loss", f"build_and_train returned {loss!r} as its loss.", seconds=seconds)
    scores = record.get("scores")
    if not known and isinstance(scores, dict) and isinstance(scores.get("best"), dict):
        record = {**scores["best"], **record}  # a training of a user's that wraps ours without passing `run` on
    limited = [] if known else [each.name for each in job.options.measured_constraints]
    if (failed := not_judged(job.trial, "build_and_train", record, limited, seconds)) is not None:
        return failed
    return Finished(
        job.trial,
        complete=bool(record.get("complete", True)),
        seconds=seconds,
        info={**backend.describe(), **{name: record[name] for name in _INFO if name in record}},
        returned={} if known else {"epochs": job.target_resource, **record},
    )
