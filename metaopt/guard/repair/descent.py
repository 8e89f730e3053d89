"""The repair that knows nothing of the network: one label at a time, whatever brings it nearer to standing."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from metaopt.guard.repair.ladders import Ladders
from metaopt.spaces import Distribution, Space, Vals

# How far values miss: 0 where the network stands.
Miss = Callable[[Vals], float]


class Spent(Exception):
    """The evaluations that a search may make are made."""


def descend(start: Vals, miss: Miss, space: Space, ladders: Ladders, rng: np.random.Generator) -> Vals | None:
    """Moves single labels, in random order, as long as one brings the network nearer.

    Args:
        start: where to begin.
        miss: may raise ``Spent``.
        space: of the values.
        ladders: of the space.
        rng: what is tried first.

    Returns:
        Values whose network stands; None where no single label brings it nearer.
    """
    vals, least = start, miss(start)
    while least > 0:
        for trial in _neighbours(vals, space, ladders, rng):
            missed = miss(trial)
            if missed < least:
                vals, least = trial, missed
                break
        else:
            return None
    return vals


def return_to(wanted: Mapping[str, float], found: Vals, miss: Miss, space: Space, rng: np.random.Generator) -> Vals:
    """Moves labels back to what they were, or part of the way, wherever the network still stands; in random order.

    Args:
        wanted: the values before the descent.
        found: the values after it.
        miss: may raise ``Spent``.
        space: of the values.
        rng: the order, and values of labels that become active.
    """
    moved = [label for label, value in found.items() if label in wanted and wanted[label] != value]
    try:
        for index in rng.permutation(len(moved)).tolist():
            label = moved[index]
            if label not in found:
                continue
            for value in _way_back(space.by_label[label].distribution, found[label], wanted[label]):
                trial = space.complete({**found, label: value}, rng)
                if miss(trial) == 0:
                    found = trial
                    break
    except Spent:
        pass
    return found


def _way_back(distribution: Distribution, value: float, wanted: float) -> list[float]:
    """The value that is wanted, and of a number those at half and at a quarter of the way to it."""
    if distribution.is_choice:
        return [wanted]
    start, end = distribution.to_prior_scale(value), distribution.to_prior_scale(wanted)
    return [
        wanted,
        *[distribution.cast(distribution.from_prior_scale(start + part * (end - start))) for part in (0.5, 0.25)],
    ]


def _neighbours(vals: Vals, space: Space, ladders: Ladders, rng: np.random.Generator) -> Iterator[Vals]:
    """Values that differ in one label: each label's near values first, then every label's far ones."""
    labels = sorted(vals)
    order = [labels[index] for index in rng.permutation(len(labels)).tolist()]
    for far in (False, True):
        for label in order:
            others = ladders.nearest(label, vals[label])
            choice = space.by_label[label].distribution.is_choice
            for value in others if choice and not far else _steps(others, vals[label], far):
                yield space.complete({**vals, label: value}, rng)


def _steps(others: list[float], value: float, far: bool) -> list[float]:
    """Of a label's other values, the one halfway down and halfway up, or both ends."""
    below = sorted(other for other in others if other < value)
    above = sorted(other for other in others if other > value)
    if far:
        return [*below[:1], *above[-1:]]
    return [*below[len(below) // 2 :][:1], *above[(len(above) - 1) // 2 :][:1]]
