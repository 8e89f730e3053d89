"""Points of a space as arrays, and distances between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.spaces import Space

_INACTIVE_OPTION = -1.0  # of a choice: inactive is an option of its own
_EDGE_WEIGHT = 0.5  # of a number that is no float on a logarithmic scale
_FEW_NUMBERS = 4  # beyond which this weight falls with the square root of their number
_MAX_GROUPS = 40  # length scales; each costs time in the fit, and few trials cannot tell more


@dataclass(frozen=True)
class Points:
    """Points of a space.

    Attributes:
        features: unit values (n, d), see ``Space.encode``. An inactive number has the middle of its range; an inactive
            choice has an option of its own.
        beliefs: losses as they are expected before any is known, in standard deviations, a column for each belief,
            (n, b). For each number it is its weight times −1/2 at the centre of its range and 1/2 at its ends, and 0
            where it is inactive.
    """

    features: np.ndarray
    beliefs: np.ndarray

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: np.ndarray | slice) -> "Points":
        return Points(self.features[index], self.beliefs[index])

    def __add__(self, other: "Points") -> "Points":
        return Points(np.vstack([self.features, other.features]), np.vstack([self.beliefs, other.beliefs]))


@dataclass(frozen=True)
class Metric:
    """Distances of points.

    Attributes:
        unordered: whether all different values of a feature have the same distance, (d,).
        groups: number of the length scale of each feature, from 0, (d,).
    """

    unordered: np.ndarray
    groups: np.ndarray

    @property
    def n_scales(self) -> int:
        """Number of length scales."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0

    def squared_distances(self, one: Points, other: Points) -> np.ndarray:
        """Return the squared distances of points in each group of features, (groups, n, m)."""
        found = np.zeros((self.n_scales, len(one), len(other)))
        for feature, group in enumerate(self.groups):
            difference = one.features[:, feature, None] - other.features[None, :, feature]
            found[group] += difference != 0 if self.unordered[feature] else difference**2
        return found


@dataclass(frozen=True)
class Encoder:
    """Encodes draws of a space.

    Attributes:
        space: the space.
        metric: its distances. The blocks of a stack share their length scales by role; beyond 40 length scales, all
            numbers share one and all options another.
        role_metric: the same with a group for each role, however many there are.
        edge_weights: weight of the belief in the centre for each parameter, (d,): 1 for a float on a logarithmic scale,
            at most 1/2 for another number, 0 for a choice. How much better the centre is than the ends is surest of
            learning rates and the like. That of many others together is bounded.
    """

    space: Space
    metric: Metric
    role_metric: Metric
    edge_weights: np.ndarray

    @classmethod
    def of(cls, space: Space) -> "Encoder":
        """Return the encoder of a space."""
        distributions = [one.distribution for one in space.parameters]
        unordered = np.array([one.is_unordered for one in distributions], dtype=bool)
        logarithmic = np.array([one.is_logarithmic and one.step is None for one in distributions], dtype=bool)
        n_others = max(1, int((~unordered & ~logarithmic).sum()))
        weights = np.where(logarithmic, 1.0, _EDGE_WEIGHT * min(1.0, (_FEW_NUMBERS / n_others) ** 0.5))
        weights[unordered] = 0.0
        roles = Metric(unordered, _roles(space))
        return cls(space, Metric(unordered, _groups(roles)), roles, weights)

    def encode(self, draws: Sequence[Mapping[str, float]]) -> Points:
        """Encode draws."""
        if not draws:
            return self.encode_points(
                np.empty((0, len(self.edge_weights))), np.empty((0, np.count_nonzero(self.edge_weights)))
            )
        units, active = map(np.array, zip(*map(self.space.encode, draws), strict=True))
        features = np.where(self.metric.unordered & ~active, _INACTIVE_OPTION, units)
        edges = np.where(active, ((2 * units - 1) ** 2 - 0.5) * self.edge_weights, 0.0)[:, self.edge_weights > 0]
        return self.encode_points(features, edges)

    def encode_points(self, features: np.ndarray, edges: np.ndarray) -> Points:
        """Return points.

        Args:
            features: their features, (n, d).
            edges: the belief in the centre of each number, (n, e).
        """
        return Points(features, edges)


def _roles(space: Space) -> np.ndarray:
    """Return the number of the role of each parameter: one for each parameter of a stack's block, or one of its own."""
    role = {label: label for label in space.labels}
    for stack in space.block_stacks:
        for block in stack.blocks:
            role.update({label: name for name, label in block.items()})
    numbers: dict[str, int] = {}
    for label in space.labels:
        numbers.setdefault(role[label], len(numbers))
    return np.array([numbers[role[label]] for label in space.labels], dtype=int)


def _groups(roles: Metric) -> np.ndarray:
    """Return the number of the length scale of each parameter."""
    if roles.n_scales <= _MAX_GROUPS:
        return roles.groups
    return np.searchsorted(np.unique(roles.unordered), roles.unordered)
