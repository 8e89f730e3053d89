"""The first trials: far from each other, and near the centre of the ranges of numbers.

The blocks of a stack share their roles (number of filters, kernel, …). A role counts once, however many blocks have it:
with a term per block, the deepest stacks would be the farthest from all others, and these are the dearest to train.
"""

import numpy as np

from metaopt.strategies.points import Metric, Points

_CENTRE_WEIGHT = 1.0  # squared distances between the centre and the ends of a learning rate's range


def farthest(candidates: Points, others: Points, metric: Metric) -> int:
    """Return the index of the candidate that is farthest from all others, less what beliefs have against it.

    Args:
        candidates: at least one.
        others: points of the trials so far, maybe none.
        metric: distances, with a group for each role.
    """
    penalties = _CENTRE_WEIGHT * candidates.beliefs.sum(axis=1)
    if not len(others):
        return int(np.argmin(penalties))
    per_role = metric.squared_distances(candidates, others) / np.bincount(metric.groups)[:, None, None]
    distances = per_role.sum(axis=0).min(axis=1)
    return int(np.argmax(distances - penalties))
