"""Sampler contract: observations in, hyperparameter values out; and the adapter to ``hyperopt.fmin``.

A sampler is a pure function: the same history, running trials and generator give the same proposal in every process.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from metaopt.spaces import Space, Vals
from metaopt.trials.pareto import by_crowding, order_results
from metaopt.trials.ranking import RANKING, RankKey
from metaopt.trials.result import Result


@dataclass(frozen=True)
class Observation:
    """A trial that ended or is paused, with its results.

    Attributes:
        trial: number of the trial.
        vals: label → value of every active hyperparameter.
        results: result at each rung that it reached, ascending; of a trial that was trained in one go there is one, of
            a failed trial none. The resource of the last one is what the trial was trained to, even where it ended by
            itself before.
        is_complete: whether it was trained to the end, rather than stopped or paused at a rung below R.
    """

    trial: int
    vals: Vals
    results: tuple[Result, ...] = ()
    is_complete: bool = True

    @classmethod
    def of(cls, trial: int, vals: Vals, loss: float | None) -> "Observation":
        """Return the observation of a trial with one loss, or with none where it failed."""
        return cls(trial, vals, () if loss is None else (Result(1, 1, (loss,)),))

    @property
    def result(self) -> Result:
        """The last result; an empty one for a failed trial."""
        return self.results[-1] if self.results else Result()

    @cached_property
    def has_loss(self) -> bool:
        """Whether the last result has a finite loss of each objective."""
        return self.result.has_loss

    @cached_property
    def rank_key(self) -> RankKey:
        """Sort key of the last result, which must have a loss."""
        return RANKING.key(self.result)

    def at(self, resource: int) -> "Observation | None":
        """Return the trial as it was at a resource, or None if it did not reach it.

        A complete trial has its last result at every larger resource.
        """
        if not self.results:
            return None
        last = self.results[-1]
        if resource == last.resource or (self.is_complete and resource > last.resource):
            return replace(self, results=(replace(last, resource=resource),))
        return next((replace(self, results=(each,)) for each in self.results if each.resource == resource), None)

    @property
    def at_each_rung(self) -> "tuple[Observation, ...]":
        """The trial as it was at every rung that it reached."""
        return tuple(replace(self, results=(result,)) for result in self.results)


@dataclass(frozen=True)
class History:
    """Trials of a study that ended or are paused.

    Attributes:
        space: space of the trials.
        observations: the trials, sorted by number.
    """

    space: Space
    observations: tuple[Observation, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every trial was trained to the end or failed; others were stopped or paused at rungs."""
        return all(map(operator.attrgetter("is_complete"), self.observations))

    @property
    def n_objectives(self) -> int:
        """Number of objectives of the trials with a loss; 1 where there is none."""
        return next((len(one.result.values) for one in self.observations if one.has_loss), 1)

    @property
    def resources(self) -> list[int]:
        """Every resource at which a trial has a loss, ascending."""
        known = (one for one in self.observations if one.has_loss)
        return sorted({result.resource for one in known for result in one.results if result.values})

    def at(self, resource: int) -> "History":
        """Return the trials that reached a resource, as they were there, so that their losses can be compared."""
        there = (one.at(resource) for one in self.observations)
        return History(self.space, tuple(one for one in there if one is not None))

    def comparable(self, enough: int) -> "History":
        """Return the trials as they were at one resource.

        Args:
            enough: number of trials with a loss that a resource needs. The largest such resource is taken, or else the
                one at which most trials have a loss. If there is only one resource, every trial is returned.
        """
        resources = self.resources
        if len(resources) <= 1:
            return self
        most: tuple[int, History] = (0, self)
        for resource in reversed(resources):
            there = self.at(resource)
            count = sum(one.has_loss for one in there.observations)
            if count >= enough:
                return there
            most = max(most, (count, there), key=lambda pair: pair[0])
        return most[1]

    def ranked(self) -> list[Observation]:
        """Return the trials with a loss, the best first: feasible ones by loss, then the others by violation.

        Under several objectives, feasible ones are ranked as by NSGA-II: by front, then by crowding distance. Equal
        ones are sorted by number.
        """
        known = sorted((one for one in self.observations if one.has_loss), key=lambda one: one.trial)
        if self.n_objectives == 1:
            return sorted(known, key=lambda one: one.rank_key)
        order = order_results(np.array([one.rank_key for one in known]), by_crowding)
        return [known[index] for index in order]


class Sampler(ABC):
    """Proposes values; knows nothing of budgets and schedulers."""

    @abstractmethod
    def propose(self, n: int, history: History, running: Sequence[Vals], rng: np.random.Generator) -> Vals:
        """Propose the next trial.

        Args:
            n: number of the proposed trial.
            history: trials that ended or are paused.
            running: values of the running trials, in the order in which they started.
            rng: the only source of randomness.

        Returns:
            Values of the active labels of ``history.space``.
        """

    def suggest(self, new_ids: list[int], domain: Any, trials: Any, seed: int) -> list[dict[str, Any]]:
        """Propose trials as an algorithm of ``hyperopt.fmin``, e.g. ``algo=TPE().suggest``.

        Args:
            new_ids: numbers of the new trials, one or more.
            domain: a ``hyperopt.base.Domain``.
            trials: a ``hyperopt.Trials``.
            seed: drawn by ``fmin`` from its ``rstate``.

        Returns:
            New trial documents.
        """
        from metaopt.samplers._hyperopt import suggest  # it imports this module

        return suggest(self, new_ids, domain, trials, seed)


def untried(draws: list[Vals], history: History, running: Sequence[Vals]) -> list[Vals]:
    """Return the draws that were never trained at any resource; all draws if there are none.

    The guard would reject the others.
    """
    known = {value_key(vals) for vals in (*(one.vals for one in history.observations), *running)}
    return [vals for vals in draws if value_key(vals) not in known] or draws


def value_key(vals: Mapping[str, float]) -> frozenset[tuple[str, float]]:
    """Return a key that is equal for equal values."""
    return frozenset(vals.items())


def count_same(first: Sequence[Any], second: Sequence[Any]) -> int:
    """Return the number of items at the beginning of both sequences that are the same objects."""
    are_same = list(map(operator.is_, first, second))
    return len(are_same) if all(are_same) else are_same.index(False)
