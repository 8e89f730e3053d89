"""Job factory: makes the job of a trial from its state and the options of the run."""

import hashlib
from dataclasses import dataclass, replace

from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import (
    ForkOf,
    FromScratch,
    Init,
    Job,
    Origin,
    Resume,
    TrainingOptions,
    TrialIdentity,
    WeightsOf,
)
from metaopt.engine.strategy import ForkingStrategy, Strategy
from metaopt.spaces import Space
from metaopt.storage.state import StudyState
from metaopt.trials.trial import Trial
from metaopt.values.json_values import dump_json

_UNTIL_STOPPED = 1_000_000  # epochs of a job whose resource is seconds


@dataclass(frozen=True)
class JobFactory:
    """Makes jobs.

    Attributes:
        state: the study's trials.
        space: turns vals into points.
        strategy: knows the rung levels of a trial.
        checkpoints: knows the checkpoint directories.
        options: options of the run, which travel in every job.
    """

    state: StudyState
    space: Space
    strategy: Strategy
    checkpoints: Checkpoints
    options: TrainingOptions

    def job(self, trial: Trial) -> Job:
        """Return the job that trains a trial to its target resource."""
        return Job(
            trial=trial.number,
            point=self.space.point(trial.vals),
            init=self._init(trial),
            target_resource=self._target(trial),
            options=self.options,
            checkpoint=self.checkpoints.directory(trial.number),
            rung_levels=self._rung_levels(trial),
            identity=identify(self.state, trial),
            time_limit_s=self._time_limit_s(trial),
            checkpoint_quota=self.checkpoints.quota,
            kept_epochs=self._kept_epochs(trial),
        )

    def has_reached_target(self, trial: Trial, epochs: int) -> bool:
        """Return whether a trial with so many epochs has been trained to its target resource."""
        in_seconds = self.options.unit == "seconds"
        return (sum(trial.seconds[:epochs]) if in_seconds else epochs) >= trial.target_resource

    def _time_limit_s(self, trial: Trial) -> float | None:
        """Return what is left of the trial's time limit after its earlier jobs.

        Of a job that was interrupted by the end of its driver, the epochs that are in the journal count, those of
        single folds too.
        """
        if self.options.trial_timeout_s is None:
            return None
        in_jobs = trial.results[-1].epochs if trial.results else trial.copied_epochs
        of_folds = sum(seconds for each in trial.ahead.values() for _, seconds in each)
        spent = trial.wall_seconds + sum(trial.seconds[in_jobs:]) + of_folds
        return max(0.0, self.options.trial_timeout_s - spent)

    def _target(self, trial: Trial) -> int:
        """Return the epochs after the job; with a budget in seconds, no more if the last epoch has used it up."""
        if self.options.unit == "epochs":
            return trial.target_resource
        return trial.epochs if trial.epochs and self.has_reached_target(trial, trial.epochs) else _UNTIL_STOPPED

    def _rung_levels(self, trial: Trial) -> tuple[int, ...]:
        """Return the resources at which a cycle of the learning rate ends."""
        levels = self.strategy.rung_levels(trial.bracket)
        return () if self.options.unit == "seconds" or len(levels) == 1 else levels

    def _kept_epochs(self, trial: Trial) -> tuple[int, ...]:
        """Return where the trial was forked by one that still trains, and where it may be, see ``ForkingStrategy``."""
        sources = [source for each in self.state.running for source in (each.forked_from, each.mate)]
        kept = {source[1] for source in sources if source is not None and source[0] == trial.number}
        if trial.results and isinstance(self.strategy, ForkingStrategy):
            kept.add(trial.results[-1].epochs)
        return tuple(sorted(kept))

    def _init(self, trial: Trial) -> Init:
        origin = self._origin(trial)
        if trial.epochs > trial.copied_epochs:
            return Resume(trial.epochs, is_reported=bool(trial.metrics), fallback=origin)
        return origin

    def _origin(self, trial: Trial) -> Origin:
        """Return how a trial begins where its own checkpoint holds nothing."""
        if trial.forked_from is not None:
            fork = self._fork_of(*trial.forked_from)
            return fork if trial.mate is None else replace(fork, mate=self._fork_of(*trial.mate))
        parent = trial.vals.parent
        directory = None if parent is None else self.checkpoints.directory(parent)
        if not self.options.inherit or parent is None or directory is None:
            return FromScratch()
        ancestor = self.state.trials[parent]
        return WeightsOf(parent, self.space.point(ancestor.vals), directory, identify(self.state, ancestor))

    def _fork_of(self, number: int, epochs: int) -> ForkOf:
        source = self.state.trials[number]
        directory, point = self.checkpoints.directory(number), self.space.point(source.vals)
        return ForkOf(number, directory, epochs, identify(self.state, source), point)


def identify(state: StudyState, trial: Trial) -> TrialIdentity | None:
    """Return what the training state of a trial belongs to; None for a study without an id."""
    study = state.header.get("id")
    if not study:
        return None
    vals = dump_json(dict(sorted(trial.vals.items())), compact=True)
    point = hashlib.blake2b(vals, digest_size=16).hexdigest()
    return TrialIdentity(str(study), trial.number, point, str(state.header.get("fingerprint", {}).get("data", "")))
