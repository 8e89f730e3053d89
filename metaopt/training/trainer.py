"""Keras trainer: load the data and the problem once, then train one job after the other."""

import inspect
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from metaopt.data import DataSet, DataSpec, load
from metaopt.engine.jobs import (
    Epoch,
    Failed,
    Finished,
    Job,
    Message,
    Rejected,
    Remark,
    TrainingOptions,
    TrainingRequest,
)
from metaopt.errors import StudyMismatch
from metaopt.problems.loading import load_problem, read_texts
from metaopt.problems.problem import Problem
from metaopt.problems.reads import Reads
from metaopt.training import backend
from metaopt.training.compiled_models import CompiledModels
from metaopt.training.functions import find_missing_value
from metaopt.training.gpu_check import describe_unused_gpu
from metaopt.training.network_refused import NetworkRefused
from metaopt.training.point_reads import report_reads, with_recorded_point
from metaopt.trials.constraints import is_number
from metaopt.trials.record_fields import valid_fields
from metaopt.values.safe_text import class_name, cut, safe_repr

_COUNTS = ("params", "macs", "model_bytes", "latency")
_INFO = ("device", "threads", "backend", "precision", "versions", "inherited", *_COUNTS)


class KerasTrainer:
    """Trains the networks of a problem on a data set.

    All workers train the code that the search started with. A worker that replaces another one hours later uses copies
    of the problem's files if they have been edited since.

    Args:
        problem: a problem, or its name or path; a worker runs its files again if it has a path.
        data: data specification that each worker loads, or, for training in this process, the loaded data set.
        threads: number of CPU threads; None for that of the executor, or all cores.
        fingerprint: fingerprint of the data at the start of the search; None skips the comparison.
    """

    def __init__(
        self,
        problem: Problem | str,
        data: DataSpec | DataSet,
        threads: int | None = None,
        fingerprint: str | None = None,
    ) -> None:
        # The worker runs the files too, because they may do more than define functions, e.g. set a dtype policy.
        self._problem: Problem | str = problem if isinstance(problem, str) else problem.path or problem
        self._texts = {} if isinstance(problem, str) else dict(problem.texts)
        self._copies: Any = None  # a temporary folder, which is deleted when nothing refers to it
        self._data = data
        self._fingerprint = fingerprint
        self._threads = threads
        self._compiled_models = CompiledModels()
        self._unused_gpu: str | None = None

    def setup(self, options: TrainingOptions) -> None:
        """Import Keras and its backend, and load problem and data.

        Args:
            options: options of the run.

        Raises:
            UserError: The problem or the data cannot be loaded.
            StudyMismatch: The data are not those that the search started with.
        """
        backend.prepare(self._threads, options.deterministic)
        self._unused_gpu = describe_unused_gpu()
        if isinstance(self._problem, str):
            if self._texts:
                self._problem, self._copies = _load_original(Path(self._problem), self._texts)
            else:
                self._problem = load_problem(self._problem)
        if isinstance(self._data, DataSpec):
            is_worker = multiprocessing.parent_process() is not None
            spec, self._data = self._data, load(self._data, shared=self._fingerprint if is_worker else None)
            if self._fingerprint is not None and self._fingerprint != self._data.fingerprint:
                raise StudyMismatch(
                    f"The images in {spec.data} are not those that the search started with. Restore the original"
                    " images, or start a new search."
                )

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Train one job; the executor turns another exception into ``Failed``.

        Raises:
            EnvironmentFault: A file could not be read or written.
        """
        from metaopt.training.fit import build_and_train

        assert isinstance(self._problem, Problem)
        assert isinstance(self._data, DataSet)
        began = time.monotonic()
        if self._unused_gpu is not None:
            report(Remark(job.trial, self._unused_gpu))
        counter = _EpochCounter(report)
        reads = Reads()
        if self._problem.build_and_train is not None or not self._problem.has_blueprint:
            job = with_recorded_point(job, reads)
        request = TrainingRequest(job, counter, self._compiled_models)
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
        except OSError as error:  # a file, a full disk: no network is at fault
            from metaopt.training.batches import cannot_train

            raise cannot_train(error, f"Trial {job.trial} raised {class_name(error)}") from error
        report_reads(job, reads, report)
        return _ending(job, record, counter.count, time.monotonic() - began)


def takes_run(train: Callable[..., Any]) -> bool:
    """Return whether a problem's own ``build_and_train`` accepts the request, as ``run``."""
    parameters = inspect.signature(train).parameters.values()
    return any(each.name == "run" or each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)


def _load_original(path: Path, texts: dict[str, str]) -> tuple[Problem, Any]:
    """Return the problem of a path, and the folder with copies of its files if they have changed since, else None.

    Args:
        path: path of the problem.
        texts: original contents of its files, by their paths within its folder.
    """
    try:
        same = read_texts(path) == texts
    except (OSError, ValueError):  # a file is missing or half written
        same = False
    if same:
        return load_problem(str(path)), None
    folder = TemporaryDirectory(prefix="metaopt_problem_")
    for name, text in texts.items():
        file = Path(folder.name, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    # A problem in a single file is named after it; a problem in a folder has several files, none of that name.
    own = Path(folder.name, path.name)
    return load_problem(str(own if own.is_file() else Path(folder.name))), folder


class _EpochCounter:
    """Passes reports on and counts those of epochs."""

    def __init__(self, report: Callable[[Message], bool]) -> None:
        self._report = report
        self.count = 0

    def __call__(self, message: Message) -> bool:
        if isinstance(message, Epoch):
            self.count += 1
        return self._report(message)


def _ending(job: Job, record: dict[str, Any], epochs_reported: int, seconds: float) -> Finished | Failed:
    """Return the report that ends a job.

    A problem's own training may have reported no epochs; its record is then the whole result.
    """
    if not isinstance(record, dict):
        raise TypeError(f"build_and_train returned {class_name(record)}. Expected a dict with status and loss.")
    if record.get("status", "ok") == "fail":
        cause, error = record.get("cause", "failed"), record.get("error", "The training failed.")
        return Failed(job.trial, cause, error, seconds=seconds)
    is_reported = epochs_reported > 0 or job.is_reported
    loss = record.get("loss")
    if not is_reported and not is_number(loss):
        error = f"build_and_train returned {cut(safe_repr(loss), 200)} as its loss."
        return Failed(job.trial, "no loss", error, seconds=seconds)
    scores = record.get("scores")
    if not is_reported and isinstance(scores, dict) and isinstance(scores.get("best"), dict):
        record = {**scores["best"], **record}  # a problem's own training that calls ours without passing ``run`` on
    constrained = [] if is_reported else [each.metric for each in job.options.measured_constraints]
    if (failed := find_missing_value(job.trial, "build_and_train", record, constrained, seconds)) is not None:
        return failed
    return Finished(
        job.trial,
        complete=bool(record.get("complete", True)),
        seconds=seconds,
        info={**backend.describe(), **valid_fields({name: record[name] for name in _INFO if name in record})},
        returned={} if is_reported else {"epochs": job.target_resource, **record},
    )
