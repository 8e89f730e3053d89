"""Jobs and reports: the messages between the search loop and an executor.

An executor runs jobs; it decides nothing. After each epoch the worker reports and waits for the driver's answer, so
that the journal line of an epoch is on disk before the next epoch starts, and a trial stops exactly where the strategy
says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from metaopt.trials.constraints import Constraint
from metaopt.trials.objective import Objective, find_objective
from metaopt.trials.stopping import EpochTracker, LossBound

Unit = Literal["epochs", "seconds"]


NO_WEIGHTS, BALANCED = "none", "balanced"
CLASS_WEIGHTS = (NO_WEIGHTS, BALANCED)


@dataclass(frozen=True)
class TrainingOptions:
    """Options that all jobs of a run have in common, made once from the settings.

    Attributes:
        seed: the study's seed; a worker draws with ``metaopt.randomness`` from (seed, trial, purpose, number).
        resource: R, at which a trial is fully trained.
        unit: unit of resources.
        objective: name of the objective, of several the first.
        further_objectives: the others.
        constraints: those in force, cheap ones and those on metrics of an epoch.
        early_stopping: patience: epochs without improvement before a trial ends, or None.
        loss_based_stopping: bound above which the driver stops trials, by the losses of others; None for no bound.
        folds: number of cross-validation folds of one repeat, 1 for none.
        repeats: number of repeats of the folds, each with another shuffle.
        race: whether a trial trains fold after fold, so that the driver can end it after its first folds.
        inherit: whether a trial with a parent starts from its weights.
        schedule: learning-rate schedule in the place of the problem's own; None for that.
        first_cycle_s: with a budget in seconds, training seconds of the first cycle of the schedule ``cosine``, T_0.
        cycle_factor: by which each of its cycles is longer than the one before, T_mult.
        deterministic: whether operations are deterministic, also on a GPU.
        trial_timeout_s: seconds that the training of a trial may take in all, or None; see ``Job.time_limit_s``.
        class_weights: ``none`` or ``balanced``, see ``metaopt.training.batches.weigh_classes``.
    """

    seed: int = 0
    resource: int = 1
    unit: Unit = "epochs"
    objective: str = "val_accuracy"
    further_objectives: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    early_stopping: int | None = None
    loss_based_stopping: LossBound | None = None
    folds: int = 1
    repeats: int = 1
    race: bool = False
    inherit: bool = False
    schedule: str | None = None
    first_cycle_s: float = 1.0
    cycle_factor: int = 2
    deterministic: bool = False
    trial_timeout_s: float | None = None
    class_weights: str = NO_WEIGHTS

    @property
    def n_trainings(self) -> int:
        """Number of networks that a trial trains: all folds of all repeats."""
        return self.folds * self.repeats

    @property
    def measured_constraints(self) -> tuple[Constraint, ...]:
        """Constraints that only training can judge."""
        return tuple(each for each in self.constraints if not each.is_cheap)

    @property
    def bounds(self) -> dict[str, float]:
        """Largest value of each cheap constraint: ``params``, ``macs``, ``memory``."""
        return {each.name: each.bound for each in self.constraints if each.is_cheap}

    def find_objective(self) -> Objective:
        """Return the objective."""
        return find_objective(self.objective)

    def tracker(self) -> EpochTracker:
        """Return a new tracker of a trial's best epoch, with early stopping."""
        return EpochTracker(self.find_objective(), self.measured_constraints, self.early_stopping)


@dataclass(frozen=True)
class TrialIdentity:
    """Identity of a trial's training state; a state of any other identity is not resumed.

    Attributes:
        study: id of the study.
        trial: number of the trial.
        point: digest of its hyperparameters.
        data: fingerprint of the data set.
    """

    study: str
    trial: int
    point: str
    data: str


@dataclass(frozen=True)
class FromScratch:
    """Start from random weights."""


@dataclass(frozen=True)
class WeightsOf:
    """Start from the weights of another trial, wherever layers correspond.

    Attributes:
        trial: number of the parent.
        point: its point, from which its network is built again.
        checkpoint: its checkpoint directory.
        identity: what its state belongs to; None skips the comparison.
    """

    trial: int
    point: Any
    checkpoint: str
    identity: TrialIdentity | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ForkOf:
    """Start from the whole state of another trial: weights, optimizer state and epoch, under changed hyperparameters.

    Attributes:
        trial: number of the forked trial.
        checkpoint: its checkpoint directory.
        epochs: epochs that it had been trained; the new trial's next epoch follows them.
        identity: what its state belongs to; None skips the comparison.
        point: its point; None for one with the same optimizer.
        mate: a second trial, whose weights are averaged with those of the forked one; or None.
    """

    trial: int
    checkpoint: str | None
    epochs: int
    identity: TrialIdentity | None = field(default=None, compare=False)
    point: Any = field(default=None, compare=False)
    mate: "ForkOf | None" = None


Origin = FromScratch | WeightsOf | ForkOf


@dataclass(frozen=True)
class Resume:
    """Resume from the trial's own checkpoint.

    The checkpoint decides where the training resumes: epochs that it holds beyond ``epochs`` are reported without being
    trained again; where it holds fewer, or is gone, the missing ones are trained again, from ``fallback`` if need be.

    Attributes:
        epochs: number of epochs that are in the journal already.
        is_reported: whether an earlier job reported them one by one.
        fallback: how the trial began.
    """

    epochs: int
    is_reported: bool = True
    fallback: Origin = field(default_factory=FromScratch)


Init = FromScratch | WeightsOf | ForkOf | Resume


@dataclass(frozen=True)
class Job:
    """Training of one trial up to a resource.

    Attributes:
        trial: number of the trial, from 0.
        point: the hyperparameters, as ``space_eval`` returns them.
        init: how the training begins.
        target_resource: epochs after this job.
        options: options of the run.
        checkpoint: directory of this trial that survives, or None.
        rung_levels: resources at which a cycle of the learning rate ends, ascending; the last one is R. Empty: one
            cycle up to ``target_resource``.
        identity: what the training state of this trial belongs to; None for a training by hand.
        time_limit_s: seconds that this job may train, building included, before the executor ends it as ``Failed``;
            None for no limit. Loading data and frameworks, and waiting for the driver, does not count.
        checkpoint_quota: bytes that checkpoints may take, or None for no limit.
        kept_epochs: epochs of the trial whose training states stay beside the newest, for trials that are forked there.
    """

    trial: int
    point: Any
    init: Init
    target_resource: int
    options: TrainingOptions = field(default_factory=TrainingOptions)
    checkpoint: str | None = None
    rung_levels: tuple[int, ...] = ()
    identity: TrialIdentity | None = field(default=None, compare=False)
    time_limit_s: float | None = None
    checkpoint_quota: int | None = None
    kept_epochs: tuple[int, ...] = ()

    @property
    def start(self) -> int:
        """Number of epochs that the journal holds before this job."""
        return self.init.epochs if isinstance(self.init, Resume | ForkOf) else 0

    @property
    def is_reported(self) -> bool:
        """True if an earlier job reported the trial's epochs one by one."""
        return isinstance(self.init, Resume) and self.init.is_reported

    @property
    def origin(self) -> Origin:
        """Beginning of the trial where its own checkpoint holds nothing."""
        return self.init.fallback if isinstance(self.init, Resume) else self.init


@dataclass(frozen=True)
class Epoch:
    """Report: one more epoch is trained, and its checkpoint, if one is due, is durable.

    Attributes:
        trial: number of the trial.
        epoch: from 1.
        metrics: name → value of this epoch, e.g. ``{"loss": 0.7, "val_accuracy": 0.81}``; all finite. With folds their
            mean.
        seconds: wall seconds of the epoch, its validation included, but not the compilation of its steps.
        replicates: with folds, the metrics of each; else empty.
        fold: the only fold, from 0, that was trained for this epoch, where one is trained after the other: the metrics
            and seconds are its own. None for an epoch of all folds.
        ends_fold: whether this fold is trained to the end of the job.
    """

    trial: int
    epoch: int
    metrics: dict[str, float]
    seconds: float
    replicates: tuple[dict[str, float], ...] = ()
    fold: int | None = None
    ends_fold: bool = False


@dataclass(frozen=True)
class EpochProgress:
    """Report: how far an epoch that takes long is; for displays only, never stored, and nobody waits for an answer.

    Attributes:
        trial: number of the trial.
        epoch: the epoch in training, from 1.
        fraction: share of its training steps that are done, 0 to 1.
    """

    trial: int
    epoch: int
    fraction: float


@dataclass(frozen=True)
class Remark:
    """Report: something that the user should know of a running training, e.g. that a checkpoint is damaged.

    Attributes:
        trial: number of the trial.
        text: one sentence.
    """

    trial: int
    text: str


@dataclass(frozen=True)
class PointReads:
    """Report: the keys of the point that a training read, in a problem whose functions run in the worker.

    Attributes:
        trial: number of the trial.
        known: all keys, as paths in the point.
        read: those that were read, on their own or with all others of their dict.
    """

    trial: int
    known: frozenset[str]
    read: frozenset[str]


@dataclass(frozen=True)
class Finished:
    """Report: a job ended.

    Attributes:
        trial: number of the trial.
        complete: whether the training ended by itself, at its target or by early stopping.
        seconds: wall seconds of the job, with building and tracing.
        info: facts from the worker, for the record: ``device``, ``threads``, ``versions``, ``backend`` and, for
            networks counted in the worker, ``params`` and ``macs``.
        returned: what a user's own training function returned, as hyperopt takes it (a dict with ``loss`` and perhaps
            ``status``); empty for trainings that report epochs.
    """

    trial: int
    complete: bool = True
    seconds: float = 0.0
    info: dict[str, Any] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """Report: a training raised, diverged, ran out of memory, or took its worker down; the search continues.

    Attributes:
        trial: number of the trial.
        cause: a few words without numbers, equal for equal causes: ``"diverged"``, ``"out of memory"``, ``"timeout"``,
            ``"worker killed (SIGKILL)"``, ``"ValueError"``, …
        error: one sentence.
        traceback: the worker's traceback, or "".
        seconds: wall seconds of the job.
        mistake: lines of the user's code where its network, training or build_model has an error that other points
            will hardly avoid, such as a wrong name; else "".
    """

    trial: int
    cause: str
    error: str
    traceback: str = ""
    seconds: float = 0.0
    mistake: str = ""


@dataclass(frozen=True)
class Rejected:
    """Report: the worker's guard rejected the network; the proposal counts as a rejection, not as a trial.

    Attributes:
        trial: number of the trial.
        reason: ``"invalid architecture"`` or the name of the violated constraint, e.g. ``"params"``.
        detail: one sentence.
    """

    trial: int
    reason: str
    detail: str


Message = Epoch | EpochProgress | Remark | PointReads  # while a job runs
Report = Message | Finished | Failed | Rejected


def keep_training(_: Message) -> bool:
    """Answer every report with True."""
    return True


@dataclass(frozen=True)
class TrainingRequest:
    """A job with the function that takes its reports; the ``run`` that a problem's ``build_and_train`` is given.

    Attributes:
        job: what is trained.
        report: to be called after each epoch; the training ends where it returns False. An ``EpochProgress`` or a
            ``Remark`` is passed on.
        compiled_models: models of earlier trainings in this process, ``metaopt.training.compiled_models``; None to
            build each model anew.
    """

    job: Job
    report: Callable[[Message], bool] = keep_training
    compiled_models: Any = None

    @property
    def options(self) -> TrainingOptions:
        """Options of the run."""
        return self.job.options

    @property
    def trial(self) -> int:
        """Number of the trial, from 0."""
        return self.job.trial

    @property
    def seed(self) -> int:
        """Seed of the study."""
        return self.job.options.seed


class Trainer(Protocol):
    """Trains jobs in whatever process it is handed to; picklable before ``setup``."""

    def setup(self, options: TrainingOptions) -> None:
        """Load data and import frameworks; called once in each worker, before its first job.

        Args:
            options: options of the run.
        """

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Train one job.

        Args:
            job: what to train.
            report: to be called after each epoch; where it returns False the training ends there. For other messages
                the answer means nothing.

        Returns:
            How it ended. A training that raises is turned into ``Failed`` by the executor.
        """


class Executor(Protocol):
    """Runs jobs on some workers.

    Use as a context manager: leaving it ends the workers, also when an exception passes.
    """

    @property
    def slots(self) -> int:
        """Number of jobs that can run at once, 1 or more; ``wait`` may change it."""

    def submit(self, job: Job) -> None:
        """Take a job; at most ``slots`` are taken at a time."""

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        """Block until a report was handled, a slot was added, the timeout (seconds) passed, or nothing runs.

        Args:
            handle: is given each report, in the order of arrival within a trial. For an ``Epoch`` its answer says
                whether the trial trains on (True) or ends there (False); it is ignored for other reports.
            timeout: seconds, or None for none.
        """

    def __enter__(self) -> "Executor":
        """Start the workers, or let the first ``submit`` start them."""

    def __exit__(self, *exc: object) -> None:
        """End the workers at once."""
