"""How many trials have come to rest since the last better one, which ``--stop-after`` bounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from metaopt.storage.state import StudyState
from metaopt.trials.constraints import Limit
from metaopt.trials.objective import Objective
from metaopt.trials.trial import Rung, Trial


@dataclass
class Staleness:
    """Counts trials in the order in which they came to rest, which a search that goes on reads from the journal.

    Attributes:
        objective: what is optimised.
        limits: those in force.
        count: trials since the last better one; a trial that comes to rest at several rungs counts once.
    """

    objective: Objective
    limits: Sequence[Limit]
    count: int = 0
    _losses: dict[int, float] = field(default_factory=dict)
    _best: float = math.inf

    @classmethod
    def of(cls, trials: StudyState, objective: Objective, limits: Sequence[Limit]) -> "Staleness":
        """That of a study as it stands."""
        staleness = cls(objective, limits)
        for place, (number, rung) in enumerate(trials.arrivals, start=1):
            staleness.take_in(trials.trials[number], rung)
            if place == trials.arrivals_before:  # a new goal gives the search as many trials again
                staleness.count = 0
        return staleness

    @property
    def found(self) -> bool:
        """Whether any trial may be the best."""
        return self._best < math.inf

    def take_in(self, trial: Trial, rung: Rung | None) -> None:
        """A trial has come to rest: at a rung, or, where that is None, by failing."""
        is_new, before = trial.number not in self._losses, self._losses.get(trial.number, math.inf)
        loss = math.inf if rung is None else self._loss(trial, rung)
        self._losses[trial.number] = loss
        self.count = 0 if loss < self._best else self.count + is_new
        if loss > before == self._best:  # the best was this one, as it stood before
            self._best = min(self._losses.values())
        self._best = min(self._best, loss)

    def _loss(self, trial: Trial, rung: Rung) -> float:
        outcome = trial.outcome(self.objective, self.limits, rung)
        loss = outcome.loss
        return loss if loss is not None and outcome.feasible and not math.isnan(loss) else math.inf
