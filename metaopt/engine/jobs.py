"""What the search loop and an executor say to each other: jobs go down, reports come up.

An executor runs jobs; it decides nothing. After each epoch the worker reports and waits for the driver's answer, so
that the journal line of an epoch is on disk before the next epoch starts, and a trial stops exactly where the strategy
says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from metaopt.trials.constraints import Limit


@dataclass(frozen=True)
class Ancestor:
    """The trial whose weights a new one starts from.

    Attributes:
        trial: its number.
        point: its point, from which its network is built again.
        checkpoint: its directory.
    """

    trial: int
    point: Any
    checkpoint: str


@dataclass(frozen=True)
class Job:
    """Training of one trial from one resource to another.

    Attributes:
        trial: the trial's number, from 0.
        point: the point as ``space_eval`` returns it.
        start: epochs that are in the journal already. The checkpoint decides where the training goes on: epochs that it
            holds beyond are reported without being trained again, and where it holds fewer, or is gone, those missing
            are trained again.
        reported: an earlier job reported epochs one by one, which the journal holds.
        to: epochs after this job.
        seed: the study's seed; a worker draws with ``metaopt.randomness`` from (seed, trial, purpose, number).
        early_stopping: epochs without improvement of the objective before the trial ends, or None.
        objective: the name of the objective, e.g. ``"val_accuracy"``.
        limits: cheap limits (``params``, ``macs``, ``memory``) → largest value, which the worker checks itself on the
            slow path only.
        measured: limits on metrics of an epoch; the weights that are kept are those of the best epoch that keeps them.
        checkpoint: a directory of this trial that survives, or None.
        folds: 1, or how many parts cross-validation cuts the training images into.
        cycles: resources at which a cycle of the learning rate ends, ascending; the last one is R. Empty: (to,).
        ancestor: whose weights it starts from, or None to start from scratch.
    """

    trial: int
    point: Any
    to: int
    start: int = 0
    reported: bool = False
    seed: int = 0
    early_stopping: int | None = None
    objective: str = "val_accuracy"
    limits: dict[str, float] = field(default_factory=dict)
    measured: tuple[Limit, ...] = ()
    checkpoint: str | None = None
    folds: int = 1
    cycles: tuple[int, ...] = ()
    ancestor: Ancestor | None = None


@dataclass(frozen=True)
class Epoch:
    """One more epoch is trained (and its checkpoint, if one is due, durable).

    Attributes:
        trial: the trial's number.
        epoch: from 1.
        metrics: name → value of this epoch, e.g. ``{"loss": 0.7, "val_accuracy": 0.81}``; all finite. With folds their
            mean.
        seconds: wall seconds of the epoch, its validation included.
        replicates: with folds, the metrics of each; else empty.
    """

    trial: int
    epoch: int
    metrics: dict[str, float]
    seconds: float
    replicates: tuple[dict[str, float], ...] = ()


@dataclass(frozen=True)
class Remark:
    """Something that the user should know of a training that goes on, e.g. that a checkpoint is damaged.

    Attributes:
        trial: the trial's number.
        text: one sentence.
    """

    trial: int
    text: str


@dataclass(frozen=True)
class Finished:
    """A job came to its end.

    Attributes:
        trial: the trial's number.
        complete: the trial is fully trained, be it at ``to`` or by early stopping.
        seconds: wall seconds of the job with building and tracing.
        info: what only the worker knows, for the record: ``device``, ``threads``, ``versions``, ``backend`` and, on the
            slow path, ``params`` and ``macs``.
        result: what a user's own ``train(point)`` returned, as hyperopt takes it (a dict with ``loss`` and perhaps
            ``status``); empty for the trainings that report epochs.
    """

    trial: int
    complete: bool = True
    seconds: float = 0.0
    info: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A training that raised, diverged, ran out of memory, or took its worker down; the search goes on.

    Attributes:
        trial: the trial's number.
        cause: a few words without numbers, equal for equal causes: ``"diverged"``, ``"out of memory"``,
            ``"worker killed (SIGKILL)"``, ``"ValueError"``, …
        error: one sentence.
        traceback: the worker's traceback, or "".
        seconds: wall seconds of the job.
    """

    trial: int
    cause: str
    error: str
    traceback: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Rejected:
    """The slow path's guard refused the network: the proposal counts as a rejection, not as a trial.

    Attributes:
        trial: the trial's number.
        reason: ``"invalid architecture"`` or the broken limit's name, e.g. ``"params"``.
        detail: one sentence.
    """

    trial: int
    reason: str
    detail: str


Message = Epoch | Remark  # while a job runs
Report = Message | Finished | Failed | Rejected


class Trainer(Protocol):
    """Trains jobs in whatever process it is handed to; picklable before ``setup``."""

    def setup(self) -> None:
        """Loads data and imports frameworks; called once in each worker, before its first job."""

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Trains one job.

        Args:
            job: what to train.
            report: to be called after each epoch; where it returns False the training ends there. For a ``Remark`` the
                answer means nothing.

        Returns:
            How it ended. A training that raises is turned into ``Failed`` by the executor.
        """


class Executor(Protocol):
    """Runs jobs on some workers.

    Use as a context manager: leaving it ends the workers, also when an exception passes.
    """

    @property
    def slots(self) -> int:
        """How many jobs can run at once, 1 or more."""

    def submit(self, job: Job) -> None:
        """Takes a job; at most ``slots`` are taken at a time."""

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        """Blocks until at least one report was handled, or the timeout (seconds) passed, or nothing runs.

        Args:
            handle: is given each report, in the order of arrival within a trial. For an ``Epoch`` its answer says
                whether the trial trains on (True) or ends there (False); it is ignored for other reports.
            timeout: seconds, or None for none.
        """

    def __enter__(self) -> "Executor":
        """Starts the workers, or lets the first ``submit`` start them."""

    def __exit__(self, *exc: object) -> None:
        """Ends the workers at once."""
