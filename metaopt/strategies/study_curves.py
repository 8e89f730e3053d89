"""The losses of a study's trials at all rungs, as arrays for a model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metaopt.samplers import Observation
from metaopt.strategies.learning_curve_process import Observed
from metaopt.strategies.points import Points
from metaopt.strategies.targets import standardise

# (loss, NaN for a failure; violation; epochs of the study by then, infinite for a failure)
_Value = tuple[float, float, float]


@dataclass(frozen=True)
class StudyCurves:
    """Losses of m trials at their rungs, n in all, the trials in the order of their numbers.

    Attributes:
        numbers: numbers of the trials, (m,).
        trials: index of the trial of each loss, (n,), ascending.
        resources: resource of each loss, (n,).
        values: see ``_Value``, (n, 3).
    """

    numbers: np.ndarray
    trials: np.ndarray
    resources: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, observations: Sequence[Observation], targets: Sequence[int]) -> "StudyCurves":
        """Collect the losses of trials.

        Args:
            observations: the trials, sorted by number.
            targets: by number, the target resource of each trial: where a failed trial counts as one of the worst.
        """
        numbers, trials, resources, values = [], [], [], []
        for one in observations:
            rungs = _read(one, targets[one.trial])
            if not rungs:
                continue
            trials += [len(numbers)] * len(rungs)
            numbers.append(one.trial)
            resources += [resource for resource, _ in rungs]
            values += [value for _, value in rungs]
        return cls(
            np.array(numbers, dtype=int),
            np.array(trials, dtype=int),
            np.array(resources, dtype=float),
            np.array(values, dtype=float).reshape(-1, 3),
        )

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def has_loss(self) -> bool:
        """Whether a trial has a finite loss."""
        return bool(np.isfinite(self.values[:, 0]).any())

    @property
    def last(self) -> np.ndarray:
        """Index of the last loss of each trial, (m,)."""
        return np.searchsorted(self.trials, np.arange(len(self.numbers)), side="right") - 1

    @property
    def losses(self) -> np.ndarray:
        """Standardised losses, (n,)."""
        return standardise(self.values[:, 0], self.values[:, 1])

    def first(self, count: int) -> "StudyCurves":
        """Return the first losses in the order in which the study found them."""
        order = np.lexsort((self.resources, self.trials, self.values[:, 2]))
        return self._subset(np.sort(order[:count]))

    def limited(self, most: int) -> "StudyCurves":
        """Return all losses of a part of the trials, about ``most`` losses.

        Half are of the best trials; the other half are of trials that are spread evenly over the rest.
        """
        if len(self) <= most:
            return self
        counts = np.bincount(self.trials)
        best_first = np.argsort(self.losses[self.last], kind="stable")
        n_best = int(np.searchsorted(np.cumsum(counts[best_first]), most / 2)) + 1
        others = np.sort(best_first[n_best:])
        step = max(1.0, counts[others].sum() / (most / 2))
        spread = others[np.unique(np.arange(0, len(others), step).astype(int))]
        kept = np.append(best_first[:n_best], spread)
        return self._subset(np.flatnonzero(np.isin(self.trials, kept)))

    def observed(self, points: Points, top: int) -> Observed:
        """Return the losses as a model reads them.

        Args:
            points: the points of ``numbers``.
            top: R.
        """
        return Observed(points, self.trials, scaled_times(self.resources, top), self.losses)

    def _subset(self, kept: np.ndarray) -> "StudyCurves":
        """Return a part of the losses, given their indices, ascending."""
        trials, renumbered = np.unique(self.trials[kept], return_inverse=True)
        return replace(
            self,
            numbers=self.numbers[trials],
            trials=renumbered,
            resources=self.resources[kept],
            values=self.values[kept],
        )


def scaled_times(resources: np.ndarray, top: int) -> np.ndarray:
    """Return t = log(resource) / log(R), within 0..1; 1 where R is 1."""
    if top <= 1:
        return np.ones(np.shape(resources))
    return np.clip(np.log(np.maximum(resources, 1.0)) / math.log(top), 0.0, 1.0)


def _read(one: Observation, target: int) -> list[tuple[int, _Value]]:
    """Return (resource, value) of a trial at each rung; a failed one has a value at its target."""
    if not one.results:
        return [(target, (math.nan, 0.0, math.inf))]
    return [
        (result.resource, (result.values[0], result.violation, float(result.total_epochs)))
        for result in one.results
        if result.values
    ]
