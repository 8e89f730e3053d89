"""The trained network that is nearest to a proposal.

The distance is the sum over the parameters of w·d. d is the difference of the unit values of the prior (of a
logarithmic parameter: of its logarithm), 1 for different options, and 1 where the parameter is active in one of the two
only. w is the share of the variance of the final error's rank that the parameter alone explains on the table, and at
least 1 % of the largest w. Without weights, the many parameters without effect would decide which network is nearest,
and a good learning rate would not be found again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from benchmarks.peers.curves import Floats, Network
from metaopt.spaces import Space, Vals

_SMALLEST_WEIGHT = 0.01  # of the largest one
_BINS = 5  # of a numeric parameter, for its weight


class Distances:
    """Distances of draws to the networks of a table.

    Args:
        space: the compiled space.
        networks: the trained networks.

    Attributes:
        weights: weight of each parameter, ``(parameters,)``.
    """

    def __init__(self, space: Space, networks: Sequence[Network]) -> None:
        self._space = space
        self._is_unordered = np.array([parameter.distribution.is_unordered for parameter in space.parameters])
        encoded = [space.encode(network.vals) for network in networks]
        self._units = np.array([units for units, _ in encoded])
        self._active = np.array([active for _, active in encoded])
        self.weights = self._weigh(rankdata([network.final_error for network in networks]))

    def to(self, vals: Vals) -> Floats:
        """Return the distance of a draw to each network, ``(networks,)``."""
        units, active = self._space.encode(vals)
        difference = np.abs(self._units - units)
        difference[:, self._is_unordered] = difference[:, self._is_unordered] > 0
        difference[self._active != active] = 1
        difference[:, ~active] *= self._active[:, ~active]
        return np.asarray(difference @ self.weights)

    def _weigh(self, ranks: Floats) -> Floats:
        """Return the weight of each parameter; see the module."""
        bins = np.where(self._is_unordered, self._units, np.minimum(self._units * _BINS, _BINS - 1).astype(int))
        bins[~self._active] = -1
        shares = np.array([_explained_share(column, ranks) for column in bins.T])
        return np.maximum(shares, _SMALLEST_WEIGHT * max(shares.max(), _SMALLEST_WEIGHT))


def _explained_share(groups: npt.NDArray[Any], values: Floats) -> float:
    """Return the share of the variance of values that the means of their groups explain: adjusted η², at least 0."""
    names, codes = np.unique(groups, return_inverse=True)
    if not 1 < len(names) < len(values):
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / counts
    within = ((values - means[codes]) ** 2).sum() / (len(values) - len(names))
    total = values.var(ddof=1)
    return float(max(0.0, 1 - within / total)) if total > 0 else 0.0
