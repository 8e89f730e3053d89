"""The losses of a study's trials at all rungs, as arrays for a model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metaopt.samplers import Observation
from metaopt.strategies.learning_curve_process import Observed
from metaopt.strategies.points import Points
from metaopt.strategies.targets import LossScale, standardise


@dataclass(frozen=True)
class StudyCurves:
    """Losses of m trials at their rungs, n in all, the trials in the order of their numbers.

    Attributes:
        numbers: numbers of the trials, (m,).
        trials: index of the trial of each loss, (n,), ascending.
        resources: resource of each loss, (n,).
        values: the losses, NaN for a failure, (n,).
        arrivals: epochs that the study had trained when it found each loss, infinite for a failure, (n,).
        distances: signed distance to each of c constraints, above 0 where it is violated, NaN where it is not known,
            (n, c).
    """

    numbers: np.ndarray
    trials: np.ndarray
    resources: np.ndarray
    values: np.ndarray
    arrivals: np.ndarray
    distances: np.ndarray

    @classmethod
    def of(cls, observations: Sequence[Observation], targets: Sequence[int]) -> "StudyCurves":
        """Collect the losses of trials.

        Args:
            observations: the trials, sorted by number.
            targets: by number, the target resource of each trial: where a failed trial counts as one of the worst.
        """
        constraints = sorted({name for one in observations for result in one.results for name in result.constraints})
        numbers: list[int] = []
        rows: list[tuple[float, ...]] = []
        for one in observations:
            found = list(_read(one, targets[one.trial], constraints))
            rows += [(len(numbers), *row) for row in found]
            numbers += [one.trial] if found else []
        table = np.array(rows, dtype=float).reshape(-1, 4 + len(constraints))
        trials, resources, values, arrivals, *distances = table.T
        by_constraint = np.array(distances).reshape(len(constraints), len(table)).T
        return cls(np.array(numbers, dtype=int), trials.astype(int), resources, values, arrivals, by_constraint)

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def has_loss(self) -> bool:
        """Whether a trial has a finite loss."""
        return bool(np.isfinite(self.values).any())

    @property
    def last(self) -> np.ndarray:
        """Index of the last loss of each trial, (m,)."""
        return np.searchsorted(self.trials, np.arange(len(self.numbers)), side="right") - 1

    @property
    def losses(self) -> np.ndarray:
        """Standardised losses, (n,)."""
        return standardise(self.values)

    def scale(self, numbers: np.ndarray) -> LossScale:
        """Return the scale on which the losses of some trials are standardised."""
        return LossScale.of(self.values[np.isin(self.numbers[self.trials], numbers)])

    def first(self, count: int) -> "StudyCurves":
        """Return the first losses in the order in which the study found them."""
        order = np.lexsort((self.resources, self.trials, self.arrivals))
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
            arrivals=self.arrivals[kept],
            distances=self.distances[kept],
        )


def scaled_times(resources: np.ndarray, top: int) -> np.ndarray:
    """Return t = log(resource) / log(R), within 0..1; 1 where R is 1."""
    if top <= 1:
        return np.ones(np.shape(resources))
    return np.clip(np.log(np.maximum(resources, 1.0)) / math.log(top), 0.0, 1.0)


def _read(one: Observation, target: int, constraints: Sequence[str]) -> Iterator[tuple[float, ...]]:
    """Yield resource, value, arrival and distances of a trial at each rung; a failed one has a row at its target."""
    if not one.results:
        yield target, math.nan, math.inf, *([math.nan] * len(constraints))
    for result in one.results:
        if result.values:
            distances = (result.constraints.get(name, math.nan) for name in constraints)
            yield result.resource, result.values[0], result.total_epochs, *distances
