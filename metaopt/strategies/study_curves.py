"""The losses of a study's trials at all rungs, as arrays for a model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metaopt.samplers import Observation
from metaopt.schedulers import TrialView
from metaopt.strategies.learning_curve_process import Observed
from metaopt.strategies.points import Points
from metaopt.strategies.targets import LossScale, standardise
from metaopt.trials.pareto import compute_units, scalarise


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
        objectives: losses of all k objectives, NaN for a failure, (n, k).
        weights: those by which ``values`` are made of the objectives, (k,); None where they are the first objective.
    """

    numbers: np.ndarray
    trials: np.ndarray
    resources: np.ndarray
    values: np.ndarray
    arrivals: np.ndarray
    distances: np.ndarray
    objectives: np.ndarray
    weights: np.ndarray | None = None

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

    def weighted(self, weights: np.ndarray | None) -> "StudyCurves":
        """Return the same trials with one loss for all objectives, see ``metaopt.trials.pareto.scalarise``.

        Args:
            weights: of the objectives, (k,), which are compared by their quantiles here; None changes nothing.
        """
        if weights is None:
            return self
        is_known = np.isfinite(self.objectives).all(axis=1)
        values = np.full(len(self), np.nan)
        if is_known.any():
            values[is_known] = scalarise(compute_units(self.objectives[is_known]), weights)
        return replace(self, values=values, weights=weights)

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
            objectives=self.objectives[kept],
        )


class CurveReader:
    """Reads the losses of the trials of a study, those of each trial once."""

    def __init__(self) -> None:
        self._constraints: list[str] = []
        self._n_objectives = 0  # of the rows
        self._rows: dict[int, tuple[Observation, np.ndarray]] = {}

    def read(self, observations: Sequence[Observation], trials: Sequence[TrialView]) -> StudyCurves:
        """Return the losses of trials.

        Args:
            observations: the trials, sorted by number.
            trials: all trials of the study; at its target resource, a failed one counts as one of the worst.
        """
        new = [one for one in observations if (known := self._rows.get(one.trial)) is None or known[0] is not one]
        names = {name for one in new for result in one.results for name in result.constraints}
        n_objectives = next((len(one.result.values) for one in observations if one.result.values), 1)
        if not names.issubset(self._constraints) or n_objectives != self._n_objectives:
            self._constraints, new = sorted(names.union(self._constraints)), list(observations)
            self._n_objectives = n_objectives
        width = 3 + len(self._constraints) + n_objectives
        for one in new:
            rows = list(_read(one, trials[one.trial].target_resource, self._constraints, n_objectives))
            self._rows[one.trial] = one, np.array(rows, dtype=float).reshape(-1, width)
        tables = [self._rows[one.trial][1] for one in observations]
        counts = np.array([len(table) for table in tables], dtype=int)
        numbers = np.array([one.trial for one in observations], dtype=int)[counts > 0]
        table = np.concatenate([np.empty((0, width)), *tables])
        index = np.repeat(np.arange(len(numbers)), counts[counts > 0])
        distances, objectives = table[:, 3 : width - n_objectives], table[:, width - n_objectives :]
        return StudyCurves(numbers, index, table[:, 0], table[:, 1], table[:, 2], distances, objectives)


def scaled_times(resources: np.ndarray, top: int) -> np.ndarray:
    """Return t = log(resource) / log(R), within 0..1; 1 where R is 1."""
    if top <= 1:
        return np.ones(np.shape(resources))
    return np.clip(np.log(np.maximum(resources, 1.0)) / math.log(top), 0.0, 1.0)


def _read(one: Observation, target: int, constraints: Sequence[str], n_objectives: int) -> Iterator[tuple[float, ...]]:
    """Yield resource, value, arrival, distances and all values of a trial at each rung.

    A failed one has a row at its target.
    """
    if not one.results:
        yield target, math.nan, math.inf, *([math.nan] * (len(constraints) + n_objectives))
    for result in one.results:
        if result.values:
            distances = (result.constraints.get(name, math.nan) for name in constraints)
            yield result.resource, result.values[0], result.total_epochs, *distances, *result.values
