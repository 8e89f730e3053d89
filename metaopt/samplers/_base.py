"""What a sampler is told and what it answers; and how any of them serves ``hyperopt.fmin``.

A sampler is a pure function: the same history, running trials and generator give the same proposal in every process.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metaopt.spaces import Space, Vals


@dataclass(frozen=True)
class Observation:
    """A trial that ended, or is paused at a rung.

    Attributes:
        trial: its number.
        vals: what was trained.
        loss: to be minimised, at the largest budget that it reached; None (or not finite) if it failed.
        budget: the largest resource that it was trained to, e.g. epochs; a trial that ended by itself before it counts
            as trained to it.
        feasible: it keeps every limit.
        violation: how far it misses its limits, 0 if it keeps them; comparable between trials.
        losses: (budget, loss) at every rung that it reached, ascending, the last one of them (``budget``, ``loss``);
            empty for a trial that was trained in one go, or failed.
        violations: how far it missed its limits at each of ``losses``; empty where it was as it is now.
        full: it was trained to the end, not stopped or paused at a rung below R.
    """

    trial: int
    vals: Vals
    loss: float | None
    budget: int = 1
    feasible: bool = True
    violation: float = 0.0
    losses: tuple[tuple[int, float], ...] = ()
    violations: tuple[float, ...] = ()
    full: bool = True

    @property
    def ok(self) -> bool:
        """It has a loss that is a number."""
        return self.loss is not None and math.isfinite(self.loss)

    @property
    def standing(self) -> tuple[bool, float, float]:
        """What trials with a loss are sorted by, the best first."""
        assert self.loss is not None
        return not self.feasible, 0.0 if self.feasible else self.violation, self.loss

    def at(self, budget: int) -> "Observation | None":
        """The trial as it stood at a budget, or None if it did not stand there.

        One that was trained to its end before stands at every later budget with what it had.
        """
        if budget == self.budget or (self.full and budget > self.budget):
            return replace(self, budget=budget, losses=(), violations=())
        return next((self._at_rung(place) for place, (to, _) in enumerate(self.losses) if to == budget), None)

    @property
    def rungs(self) -> "tuple[Observation, ...]":
        """The trial as it stood at every rung that it reached; itself where it has none."""
        return tuple(map(self._at_rung, range(len(self.losses)))) or (self,)

    def _at_rung(self, place: int) -> "Observation":
        budget, loss = self.losses[place]
        there = replace(self, budget=budget, loss=loss, losses=(), violations=())
        if not self.violations:
            return there
        missed = self.violations[place]
        return replace(there, feasible=missed == 0, violation=missed)


@dataclass(frozen=True)
class History:
    """The trials of a study that ended.

    Attributes:
        space: what they were drawn from.
        observations: sorted by trial.
    """

    space: Space
    observations: tuple[Observation, ...] = ()

    @property
    def budgets(self) -> list[int]:
        """Every budget at which a trial with a loss stands, ascending."""
        known = [one for one in self.observations if one.ok]
        return sorted({one.budget for one in known} | {budget for one in known for budget, _ in one.losses})

    def at(self, budget: int) -> "History":
        """The trials that stand at a budget, as they stood there, so that their losses can be compared."""
        standing = (one.at(budget) for one in self.observations)
        return History(self.space, tuple(one for one in standing if one is not None))

    def comparable(self, enough: int) -> "History":
        """The trials as they stood at one budget: the largest at which so many with a loss stand, or else the one at
        which most do. Where there is but one, that is every trial.
        """
        budgets = self.budgets
        if len(budgets) <= 1:
            return self
        most: tuple[int, History] = (0, self)
        for budget in reversed(budgets):
            there = self.at(budget)
            count = sum(one.ok for one in there.observations)
            if count >= enough:
                return there
            most = max(most, (count, there), key=lambda pair: pair[0])
        return most[1]

    def ranked(self) -> list[Observation]:
        """Those with a loss, the best first: feasible ones by their loss, then the others by how far they miss the
        limits; equal ones by their number.
        """
        return sorted((one for one in self.observations if one.ok), key=lambda one: (*one.standing, one.trial))


class Sampler(ABC):
    """Proposes values; knows nothing of budgets and schedulers."""

    @abstractmethod
    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:
        """Proposes what to train next.

        Args:
            n: number of the trial that is proposed.
            history: the trials that ended.
            running: values of the trials that are in training, in the order in which they started.
            rng: the only source of randomness.

        Returns:
            Values of the active labels of ``history.space``.
        """

    def suggest(self, new_ids: list[int], domain: Any, trials: Any, seed: int) -> list[dict[str, Any]]:
        """The sampler as an algorithm of ``hyperopt.fmin``: ``algo=TPE().suggest``.

        Args:
            new_ids: numbers of the trials that are wanted, one or more.
            domain: a ``hyperopt.base.Domain``.
            trials: a ``hyperopt.Trials``.
            seed: drawn by ``fmin`` from its ``rstate``.

        Returns:
            New trial documents.
        """
        from metaopt.samplers._hyperopt import suggest  # it imports this module

        return suggest(self, new_ids, domain, trials, seed)


def untried(draws: list[Vals], history: History, running: Sequence[Vals]) -> list[Vals]:
    """Those of some draws that were never trained, at whatever budget; all of them if there are none.

    The guard would refuse the others.
    """
    known = {_key(vals) for vals in (*(one.vals for one in history.observations), *running)}
    return [vals for vals in draws if _key(vals) not in known] or draws


def _key(vals: Vals) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(vals.items()))
