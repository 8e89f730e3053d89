"""The first trials: far from each other, and near the centre of numbers on a logarithmic scale."""

import numpy as np

from metaopt.strategies.points import Metric, Points

_CENTRE_WEIGHT = 1.0  # squared distances that one number at the edge of its range costs


def farthest(candidates: Points, others: Points, metric: Metric) -> int:
    """Return the index of the candidate that is farthest from all others, less a penalty for edges.

    Args:
        candidates: at least one.
        others: points of the trials so far, maybe none.
        metric: distances.
    """
    penalties = _CENTRE_WEIGHT * (2 * candidates.edges + 1).sum(axis=1) / 2
    if not len(others):
        return int(np.argmin(penalties))
    distances = metric.squared_distances(candidates, others).sum(axis=0).min(axis=1)
    return int(np.argmax(distances - penalties))
