"""Widths raised at random, one label after the other, until a network uses enough of its limits."""

from collections.abc import Mapping

import numpy as np

from metaopt.guard.repair.ladders import Ladders
from metaopt.guard.repair.sizes import Costs
from metaopt.spaces import Distribution, Space

_HALVINGS = 12  # of a width's range, in search of the largest value that keeps the limits
_MOST_MOVES = 200


def widen(
    costs: Costs,
    vals: Mapping[str, float],
    bounds: Mapping[str, float],
    share: float,
    space: Space,
    ladders: Ladders,
    rng: np.random.Generator,
) -> None:
    """Raises widths until one of the sums is at least the share of its bound, or no width can be raised any more.

    Each time a label is drawn, then a value for it, evenly on the scale of its prior between its own and the largest
    that keeps all bounds: what comes out is neither all at its largest nor all alike.

    Args:
        costs: of the network; moved.
        vals: of the walk of the costs, which change with it.
        bounds: limit's name → what the sum may be.
        share: of a bound, in (0, 1).
        space: of the labels.
        ladders: of the space.
        rng: decides which labels, and how far.
    """
    labels = costs.labels
    for _ in range(_MOST_MOVES):
        if not labels or used(costs.sums, bounds) >= share:
            return
        number = int(rng.random() * len(labels))
        label = labels[number]
        value = _raised(costs, label, vals[label], bounds, space.by_label[label].distribution, ladders, rng)
        if value is None:
            labels.pop(number)  # nothing that is raised later gives it room again
        else:
            costs.move(label, value)


def used(sums: Mapping[str, float], bounds: Mapping[str, float]) -> float:
    """The share of the tightest bound that is used."""
    return max([sums[name] / bound for name, bound in bounds.items()])


def _raised(
    costs: Costs,
    label: str,
    value: float,
    bounds: Mapping[str, float],
    distribution: Distribution,
    ladders: Ladders,
    rng: np.random.Generator,
) -> float | None:
    """A value at which the network is larger and keeps all bounds; the label is left as it was."""
    before = used(costs.sums, bounds)

    def use(other: float) -> float:
        costs.move(label, other)
        return used(costs.sums, bounds)

    try:
        if distribution.is_choice:  # its options may have any order
            larger = [other for other in ladders.values(label) if before < use(other) <= 1]
            return larger[int(rng.random() * len(larger))] if larger else None
        start, end = distribution.to_prior_scale(value), distribution.to_prior_scale(ladders.values(label)[-1])
        top = start
        if use(distribution.from_prior_scale(end)) <= 1:
            top = end
        else:
            low, high = start, end
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                if use(distribution.from_prior_scale(middle)) <= 1:
                    low = middle
                else:
                    high = middle
            top = low
        largest = distribution.from_prior_scale(top)
        if not use(largest) > before:
            return None
        drawn = distribution.from_prior_scale(start + rng.random() * (top - start))
        return drawn if use(drawn) > before else largest
    finally:
        costs.move(label, value)
