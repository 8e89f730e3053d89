"""Predicted training costs: seconds of the first epoch and of later ones, as a function of the point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.strategies.cost_regression import regress
from metaopt.strategies.points import Metric, Points

_MAX_FEATURES = 100  # beyond them, all points have the same cost
SMALLEST_S = 1e-6
EQUAL_FIRST = 5.0  # epochs that the first one costs, with building and tracing, where no time counts
# A network that is twice as expensive is charged √2 as much: with the full factor, a search prefers cheap networks over
# good ones (chosen on tables of learning curves).
EXPONENT = 0.5


@dataclass(frozen=True)
class Seconds:
    """Seconds of a training.

    Attributes:
        first: of the first epoch, with building and tracing.
        later: of each later epoch, of a training in stages of the first one.
        tuned: of an epoch of the second stage, or None.
    """

    first: float
    later: float
    tuned: float | None = None


@dataclass(frozen=True)
class Overheads:
    """Seconds of a job besides its epochs.

    Attributes:
        start: of the first job of a trial: building and tracing its network, loading and saving.
        resume: of each later job of a trial. A worker keeps compiled models, so it is often the smaller one.
    """

    start: float = 0.0
    resume: float = 0.0

    @classmethod
    def measure(cls, totals: Sequence[tuple[float, int]]) -> "Overheads":
        """Return the medians, given the seconds besides the epochs, and the number of jobs, of each trial."""
        of_one = [seconds for seconds, jobs in totals if jobs == 1] or [seconds / jobs for seconds, jobs in totals]
        start = max(0.0, float(np.median(of_one))) if of_one else 0.0
        of_later = [(seconds - start) / (jobs - 1) for seconds, jobs in totals if jobs > 1]
        return cls(start, max(0.0, float(np.median(of_later))) if of_later else start)

    def of(self, begin: np.ndarray) -> np.ndarray:
        """Return the overhead of a job that begins at each of some epochs."""
        return np.where(begin > 0, self.resume, self.start)


@dataclass(frozen=True)
class TrainingCosts:
    """Cost model of a study.

    Regression of log seconds on the unit values of numbers and on indicators of options. What a trial's own epochs took
    replaces the prediction.

    Attributes:
        resource: R.
        first: coefficients for the first epoch, the constant first.
        later: coefficients for later epochs.
        options: (feature, value) of each indicator.
        numbers: features that are numbers.
        overheads: seconds of each job besides its epochs.
    """

    resource: int
    first: np.ndarray
    later: np.ndarray
    options: tuple[tuple[int, float], ...]
    numbers: tuple[int, ...]
    overheads: Overheads = Overheads()

    @classmethod
    def equal(cls, resource: int) -> "TrainingCosts":
        """Return a model of no measured time: every network costs the same, its first epoch as much as five others."""
        return cls(resource, np.log([EQUAL_FIRST]), np.zeros(1), (), ())

    @classmethod
    def fit(
        cls,
        points: Points,
        seconds: Sequence[Seconds],
        metric: Metric,
        resource: int,
        overheads: Overheads = Overheads(),
    ) -> "TrainingCosts":
        """Fit the model to n >= 0 trials with at least one epoch."""
        options: list[tuple[int, float]] = []
        for feature in np.flatnonzero(metric.unordered):
            values = np.unique(points.features[:, feature])
            options += [(int(feature), float(value)) for value in values if len(values) > 1]
        numbers = np.flatnonzero(~metric.unordered).tolist()
        if len(options) + len(numbers) > _MAX_FEATURES:
            options, numbers = [], []
        model = cls(resource, np.zeros(0), np.zeros(0), tuple(options), tuple(numbers))
        inputs = model.inputs(points)
        targets = np.log(np.maximum([[one.first, one.later] for one in seconds] or np.ones((0, 2)), SMALLEST_S))
        first, later = regress(inputs, targets).T
        return cls(resource, first, later, model.options, model.numbers, overheads)

    def costs(self, points: Points, begin: np.ndarray, ends: np.ndarray, own: Sequence[Seconds | None]) -> np.ndarray:
        """Return the cost of one job that trains from one epoch to others, (n, h), in seconds of a typical network.

        Args:
            points: n points.
            begin: epochs that each was trained, (n,).
            ends: epochs to train to, (h,).
            own: seconds of the trial of each point, None for a new one.
        """
        first, later = self.epoch_seconds(points, own)
        typical = float(np.exp(self.first[0]) + np.exp(self.later[0]) * (self.resource - 1))
        charged = ((first + later * (self.resource - 1)) / typical) ** (EXPONENT - 1)
        return _between(first, later, begin, ends) * charged[:, None] + self.overheads.of(begin)[:, None]

    def seconds(self, points: Points, begin: np.ndarray, ends: np.ndarray, own: Sequence[Seconds | None]) -> np.ndarray:
        """Return the predicted seconds of such jobs, (n, h); see ``costs``."""
        return _between(*self.epoch_seconds(points, own), begin, ends) + self.overheads.of(begin)[:, None]

    def epoch_seconds(self, points: Points, own: Sequence[Seconds | None]) -> tuple[np.ndarray, np.ndarray]:
        """Return the seconds of the first epoch and of each later one, (n,)."""
        inputs = self.inputs(points)
        first, later = np.exp(inputs @ self.first), np.exp(inputs @ self.later)
        for number, one in enumerate(own):
            if one is not None:
                first[number], later[number] = max(one.first, SMALLEST_S), max(one.later, SMALLEST_S)
        return first, later

    def inputs(self, points: Points) -> np.ndarray:
        """Return the inputs of the regression, (n, k), the constant first; they are 0 at the centre of the space."""
        columns = [np.ones(len(points))]
        columns += [points.features[:, feature] - 0.5 for feature in self.numbers]
        columns += [(points.features[:, feature] == value) - 0.5 for feature, value in self.options]
        return np.column_stack(columns)


def _between(first: np.ndarray, later: np.ndarray, begin: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the seconds of the epochs from ``begin`` to ``ends``, (n, h)."""
    until_begin = np.where(begin > 0, first + later * (begin - 1), 0.0)
    until_ends = first[:, None] + later[:, None] * (ends - 1)
    return until_ends - until_begin[:, None]
