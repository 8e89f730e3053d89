"""The study as a strategy sees it: read-only, and with the randomness of the trial that is being decided on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metaopt import randomness
from metaopt.samplers import History, Observation
from metaopt.schedulers import Standing, TrialView
from metaopt.spaces import Space, Vals
from metaopt.storage.state import StudyState
from metaopt.trials.constraints import Limit
from metaopt.trials.objective import Objective
from metaopt.trials.trial import Rung, Trial

TRAINING_LOSS = ("train", "loss")  # the cross-entropy of the first head on training images; Keras' total without it


class StudyView:
    """What a strategy may read.

    Attributes:
        space: the compiled space.
        goal: trials to train in all, imported ones apart, or None.
        attempt: how many proposals for the next trial the guard has already refused.
        memo: see ``metaopt.schedulers.View``.
    """

    def __init__(
        self,
        trials: StudyState,
        space: Space,
        objective: Objective,
        limits: Sequence[Limit],
        seed: int,
        goal: int | None,
    ):
        self.space = space
        self.goal = goal
        self.attempt = 0
        self.memo: dict[Any, Any] = {}
        self._trials = trials
        self._objective = objective
        self._limits = limits
        self._seed = seed
        # What a trial's rungs say of it does not change; thousands of trials are looked at before each proposal.
        self._observed: dict[int, tuple[tuple[str, int], Observation]] = {}
        self._standings: dict[tuple[int, int], Standing | None] = {}

    @property
    def trials(self) -> Sequence[Trial]:
        """Every trial, by number."""
        return self._trials.trials

    @property
    def exhausted(self) -> Sequence[int]:
        """How many trials of its own the study had each time that nothing new was found in a phase."""
        return self._trials.exhausted

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
        """Vals of the trials that are running and of which nothing is known yet, by number."""
        return [trial.vals for trial in self._trials.running if not trial.rungs]

    @property
    def history(self) -> History:
        """Every trial that has ended or reached a rung, as a sampler reads it."""
        known = (trial for trial in self.trials if trial.status in ("ok", "fail") or trial.rungs)
        return History(self.space, tuple(self._observe(trial) for trial in known))

    def standing(self, trial: TrialView, resource: int) -> Standing | None:
        """See ``metaopt.schedulers.View``."""
        own = self.trials[trial.number]
        rung = own.rung_within(resource)
        if rung is None or own.status in ("fail", "rejected"):
            return None
        key = own.number, rung.to
        if key not in self._standings:
            self._standings[key] = self._stand(own, rung)
        return self._standings[key]

    def generator(self, purpose: str) -> np.random.Generator:
        """Randomness for one purpose of the next trial, other at each attempt."""
        return randomness.generator(self._seed, self.number, purpose, self.attempt)

    def _stand(self, trial: Trial, rung: Rung) -> Standing | None:
        outcome = trial.outcome(self._objective, self._limits, rung)
        if outcome.loss is None:
            return None
        last = trial.metrics[rung.epochs - 1] if trial.metrics else {}
        training = next((last[name] for name in TRAINING_LOSS if name in last), 0.0)
        return float(not outcome.feasible), outcome.violation, outcome.loss, training, float(trial.number)

    def _observe(self, trial: Trial) -> Observation:
        state = trial.status, len(trial.rungs)
        known = self._observed.get(trial.number)
        if known is None or known[0] != state:
            known = self._observed[trial.number] = state, self._observation(trial)
        return known[1]

    def _observation(self, trial: Trial) -> Observation:
        if trial.status == "fail" or not trial.rungs:  # what was trained elsewhere has no rungs
            outcome = trial.outcome(self._objective, self._limits)
            loss, full = (outcome.loss if trial.status == "ok" else None), True
            budget = max(1, trial.epochs)
            losses: tuple[tuple[int, float], ...] = ()
            violations: tuple[float, ...] = ()
        else:
            outcomes = [trial.outcome(self._objective, self._limits, rung) for rung in trial.rungs]
            outcome = outcomes[-1]
            loss, full = outcome.loss, trial.complete
            budget = trial.to if trial.status == "ok" else trial.rungs[-1].to  # a hopeless one ended before its ``to``
            budgets = [*(rung.to for rung in trial.rungs[:-1]), budget]
            valued = [(to, each) for to, each in zip(budgets, outcomes, strict=True) if each.loss is not None]
            losses = tuple((to, each.loss) for to, each in valued if each.loss is not None)
            violations = tuple(each.violation for _, each in valued)
        return Observation(
            trial=trial.number,
            vals=trial.vals,
            loss=loss,
            budget=budget,
            feasible=outcome.feasible,
            violation=outcome.violation,
            losses=losses,
            violations=violations,
            full=full,
        )
