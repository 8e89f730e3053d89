"""Trend of a score along a hyperparameter: a running median with quartiles, and the quartiles of an option."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metaopt.report.analysis.statistics import MIN_TRIALS

Values = npt.NDArray[np.float64]

MIN_OF_OPTION = 5
"""Smallest number of trials of an option that has quartiles."""

# Smallest standard deviation of the running median's weights as a share of the axis, and how many trials must lie
# within it.
_BANDWIDTH = 0.1
_NEIGHBOURS = 6
_POINTS = 80


@dataclass(frozen=True)
class Trend:
    """Running quartiles along an axis.

    Attributes:
        at: (80,) positions on the axis, ascending.
        low: (80,) lower quartile there.
        median: (80,) median.
        high: (80,) upper quartile.
    """

    at: Values
    low: Values
    median: Values
    high: Values


def quartiles(scores: Values) -> tuple[float, float, float] | None:
    """Return lower quartile, median and upper quartile; None for fewer than ``MIN_OF_OPTION`` scores."""
    if len(scores) < MIN_OF_OPTION:
        return None
    low, median, high = np.quantile(scores, [0.25, 0.5, 0.75])
    return float(low), float(median), float(high)


def running_quartiles(positions: Values, scores: Values) -> Trend | None:
    """Return the running quartiles of scores; None for fewer than ``MIN_TRIALS`` trials.

    The trials are weighted by a Gaussian around each point of the axis, which is wider where they are rare.

    Args:
        positions: (n,) positions on the axis, 0..1.
        scores: (n,) scores.
    """
    if len(positions) < MIN_TRIALS:
        return None
    grid = np.linspace(positions.min(), positions.max(), _POINTS)
    distances = np.abs(grid[:, None] - positions)  # (grid, n)
    nearest = np.partition(distances, _NEIGHBOURS - 1, axis=1)[:, _NEIGHBOURS - 1]
    weights = np.exp(-0.5 * (distances / np.maximum(nearest, _BANDWIDTH)[:, None]) ** 2)
    order = np.argsort(scores)
    cumulated = np.cumsum(weights[:, order], axis=1)
    # Weighted quantiles, interpolated between the midpoints of the trials' weights, so that the lines are smooth.
    middles = (cumulated - weights[:, order] / 2) / cumulated[:, -1:]
    low, median, high = (np.array([np.interp(q, row, scores[order]) for row in middles]) for q in (0.25, 0.5, 0.75))
    return Trend(grid, low, median, high)
