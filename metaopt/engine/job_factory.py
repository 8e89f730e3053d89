"""What a worker is told to train of a trial."""

from dataclasses import dataclass

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import Ancestor, Job
from metaopt.engine.strategy import Strategy
from metaopt.guard.guard import Guard
from metaopt.storage.writer import OpenStudy
from metaopt.trials.trial import Trial

_UNTIL_TOLD = 1_000_000  # epochs of a job whose resource is seconds


@dataclass(frozen=True)
class JobSettings:
    """What every job of a search has in common.

    Attributes:
        seed: the study's seed.
        resource: R, at which a trial is fully trained.
        in_seconds: resources are seconds of training, not epochs.
        early_stopping: epochs without improvement before a trial ends, or None.
        stop_hopeless: whether hopeless trials are stopped early.
        folds: of cross-validation, 1 for none.
        inherit: whether a trial with a parent starts from its weights.
    """

    seed: int = 0
    resource: int = 1
    in_seconds: bool = False
    early_stopping: int | None = None
    stop_hopeless: bool = False
    folds: int = 1
    inherit: bool = False

    def has_spent(self, trial: Trial, epochs: int) -> bool:
        """Whether a trial with so many epochs has the resource that it trains to."""
        return (sum(trial.seconds[:epochs]) if self.in_seconds else epochs) >= trial.to


@dataclass(frozen=True)
class Assigning:
    """Makes the job of a trial.

    Attributes:
        study: open.
        strategy: knows the stages in which a trial is trained.
        guard: its cheap limits are judged in the worker on the slow path.
        checkpoints: where trials keep theirs.
        settings: of every job.
    """

    study: OpenStudy
    strategy: Strategy
    guard: Guard
    checkpoints: Checkpoints
    settings: JobSettings

    def job(self, trial: Trial) -> Job:
        """From where the trial stands to the resource that it is to be trained to."""
        return Job(
            trial=trial.number,
            point=self.study.space.point(trial.vals),
            start=trial.epochs,
            reported=bool(trial.metrics),
            to=self._target(trial),
            seed=self.settings.seed,
            early_stopping=self.settings.early_stopping,
            objective=self.study.objective.name,
            limits={limit.name: limit.bound for limit in self.guard.limits if limit.cheap},
            measured=tuple(limit for limit in self.study.limits if not limit.cheap),
            checkpoint=self.checkpoints.directory(trial.number),
            folds=self.settings.folds,
            cycles=self._cycles(trial),
            ancestor=self._ancestor(trial),
        )

    def _target(self, trial: Trial) -> int:
        """Epochs after the job; where the resource is seconds, no more if the trial has spent them on its last one."""
        if not self.settings.in_seconds:
            return trial.to
        return trial.epochs if trial.epochs and self.settings.has_spent(trial, trial.epochs) else _UNTIL_TOLD

    def _cycles(self, trial: Trial) -> tuple[int, ...]:
        """When cycles of the learning rate end."""
        stages = self.strategy.stages(trial.bracket)
        return () if self.settings.in_seconds or len(stages) == 1 else stages

    def _ancestor(self, trial: Trial) -> Ancestor | None:
        """Whose weights the trial starts from."""
        parent = trial.vals.parent
        if not self.settings.inherit or parent is None:
            return None
        directory = self.checkpoints.directory(parent)
        vals = self.study.state.trials[parent].vals
        return None if directory is None else Ancestor(parent, self.study.space.point(vals), directory)
