"""Probability that a trial meets the measured constraints at R."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from metaopt.strategies.learning_curve_process import LearningCurveProcess, Observed
from metaopt.strategies.points import Metric, Points
from metaopt.strategies.study_curves import StudyCurves, scaled_times
from metaopt.strategies.targets import scale

_EXTREME = 5.0  # multiples of the median distance beyond which a distance counts as this


@dataclass(frozen=True)
class Feasibility:
    """One process for each constraint, over its signed distances (Gardner et al. 2014: Bayesian Optimization with
    Inequality Constraints; the probabilities of the constraints are multiplied).

    Attributes:
        processes: (process of a constraint, the standardised distance 0).
    """

    processes: tuple[tuple[LearningCurveProcess, float], ...]

    @classmethod
    def of(
        cls, curves: StudyCurves, points: Points, metric: Metric, parameters: list[np.ndarray], resource: int
    ) -> "Feasibility":
        """Return the model of the constraints that a trial has violated.

        Args:
            curves: losses and distances of the trials of the model.
            points: their points.
            metric: distances of points.
            parameters: parameters of the process of each constraint.
            resource: R.
        """
        violated = [number for number in range(curves.distances.shape[1]) if (curves.distances[:, number] > 0).any()]
        return cls(
            tuple(
                (LearningCurveProcess(observed, metric, parameters[number]), limit)
                for number in violated
                for observed, limit in [observe_distances(curves, number, points, resource)]
            )
        )

    def probabilities(self, points: Points, trials: np.ndarray) -> np.ndarray:
        """Return the probability of each point to meet all constraints at R, (a,).

        Args:
            points: a points.
            trials: index of each in the model, -1 for a new trial, (a,).
        """
        found = np.ones(len(points))
        for process, limit in self.processes:
            final = process.posterior(_without_beliefs(points), np.ones((len(points), 1)), trials)
            found *= ndtr((limit - final.means[:, 0]) / np.sqrt(final.variances[:, 0]))
        return found


def observe_distances(curves: StudyCurves, number: int, points: Points, resource: int) -> tuple[Observed, float]:
    """Return the distances to a constraint as a model reads them, and the value that the distance 0 has there."""
    distances = curves.distances[:, number]
    is_known = np.isfinite(distances)
    typical = np.median(np.abs(distances[is_known])) if is_known.any() else 1.0
    clipped = np.clip(distances / (typical if typical > 0 else 1.0), -_EXTREME, _EXTREME)
    clipped[~is_known] = clipped[is_known].max() if is_known.any() else 0.0  # a failed trial meets nothing
    losses, mean, deviation = scale(clipped)
    times = scaled_times(curves.resources, resource)
    return Observed(_without_beliefs(points), curves.trials, times, losses), -mean / deviation


def _without_beliefs(points: Points) -> Points:
    """Return points without the expectation that the centre of a range is better."""
    return Points(points.features, np.zeros((len(points), 0)))
