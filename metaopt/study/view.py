"""The study as a strategy sees it: read-only, and with the randomness of the trial that is being decided on."""

from collections.abc import Sequence

import numpy as np

from metaopt import randomness
from metaopt.samplers import History, Observation
from metaopt.schedulers import Standing, TrialView
from metaopt.spaces import Space, Vals
from metaopt.study.limits import Limit
from metaopt.study.objective import Objective
from metaopt.study.trials import Trial, Trials


class StudyView:
    """What a strategy may read.

    Attributes:
        space: the compiled space.
        goal: trials to train in all, imported ones apart, or None.
        attempt: how many proposals for the next trial the guard has already refused.
    """

    def __init__(
        self,
        trials: Trials,
        space: Space,
        objective: Objective,
        limits: Sequence[Limit],
        seed: int,
        goal: int | None,
    ):
        self.space = space
        self.goal = goal
        self.attempt = 0
        self._trials = trials
        self._objective = objective
        self._limits = limits
        self._seed = seed

    @property
    def trials(self) -> Sequence[Trial]:
        """Every trial, by number."""
        return self._trials.trials

    @property
    def number(self) -> int:
        """The number of the next new trial."""
        return len(self._trials.trials)

    @property
    def running(self) -> int:
        """How many trials are running."""
        return len(self._trials.running)

    @property
    def running_vals(self) -> list[Vals]:
        """Vals of the trials that are running, by number."""
        return [trial.vals for trial in self._trials.running]

    @property
    def history(self) -> History:
        """Every trial that has ended, as a sampler reads it."""
        return History(
            self.space, tuple(self._observe(trial) for trial in self.trials if trial.status in ("ok", "fail"))
        )

    def standing(self, trial: TrialView, resource: int) -> Standing | None:
        """See ``metaopt.schedulers.View``."""
        raise NotImplementedError

    def generator(self, purpose: str) -> np.random.Generator:
        """Randomness for one purpose of the next trial, other at each attempt."""
        return randomness.generator(self._seed, self.number, purpose, self.attempt)

    def _observe(self, trial: Trial) -> Observation:
        outcome = trial.outcome(self._objective, self._limits)
        return Observation(
            trial=trial.number,
            vals=trial.vals,
            loss=outcome.loss if trial.status == "ok" else None,
            budget=trial.epochs,
            feasible=outcome.feasible,
            violation=outcome.violation,
        )
