"""Local search over single labels, for faults that a trace does not explain.

It treats the network as a black box: coordinate descent on the violation of validity and limits.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from metaopt.guard.repair.value_grid import ValueGrid
from metaopt.spaces import Distribution, Space, Vals

# Violation of validity and limits by a network; 0 if it is valid and within the limits.
Violation = Callable[[Vals], float]


class EvaluationsExhausted(Exception):
    """The allowed number of evaluations has been used."""


def coordinate_descent(
    start: Vals, violation: Violation, space: Space, grid: ValueGrid, rng: np.random.Generator
) -> Vals | None:
    """Move single labels in random order, as long as one of them lowers the violation.

    Args:
        start: initial values.
        violation: to be minimised; may raise ``EvaluationsExhausted``.
        space: of the values.
        grid: of the space.
        rng: decides the order of the labels.

    Returns:
        Values with a violation of 0; None in a local minimum.
    """
    vals, lowest = start, violation(start)
    while lowest > 0:
        for trial in _neighbours(vals, space, grid, rng):
            value = violation(trial)
            if value < lowest:
                vals, lowest = trial, value
                break
        else:
            return None
    return vals


def restore_values(
    wanted: Mapping[str, float], found: Vals, violation: Violation, space: Space, rng: np.random.Generator
) -> Vals:
    """Move labels back to or towards their original values where the violation stays 0, in random order.

    Args:
        wanted: the values before the search.
        found: the values after it, with a violation of 0.
        violation: may raise ``EvaluationsExhausted``, which ends the restoration.
        space: of the values.
        rng: decides the order, and the values of labels that become active.
    """
    moved = [label for label, value in found.items() if label in wanted and wanted[label] != value]
    try:
        for index in rng.permutation(len(moved)).tolist():
            label = moved[index]
            if label not in found:
                continue
            for value in _values_towards(space.by_label[label].distribution, found[label], wanted[label]):
                trial = space.complete({**found, label: value}, rng)
                if violation(trial) == 0:
                    found = trial
                    break
    except EvaluationsExhausted:
        pass
    return found


def _values_towards(distribution: Distribution, value: float, wanted: float) -> list[float]:
    """Return the wanted value; for numbers also those at a half and at a quarter of the way to it."""
    if distribution.is_choice:
        return [wanted]
    start, end = distribution.to_prior_scale(value), distribution.to_prior_scale(wanted)
    return [
        wanted,
        *[distribution.cast(distribution.from_prior_scale(start + part * (end - start))) for part in (0.5, 0.25)],
    ]


def _neighbours(vals: Vals, space: Space, grid: ValueGrid, rng: np.random.Generator) -> Iterator[Vals]:
    """Yield values that differ in one label: near values of every label first, then far ones."""
    labels = sorted(vals)
    order = [labels[index] for index in rng.permutation(len(labels)).tolist()]
    for far in (False, True):
        for label in order:
            others = grid.nearest(label, vals[label])
            choice = space.by_label[label].distribution.is_choice
            for value in others if choice and not far else _steps(others, vals[label], far):
                yield space.complete({**vals, label: value}, rng)


def _steps(others: list[float], value: float, far: bool) -> list[float]:
    """Return the values halfway down and halfway up from a value; both ends if ``far``."""
    below = sorted(other for other in others if other < value)
    above = sorted(other for other in others if other > value)
    if far:
        return [*below[:1], *above[-1:]]
    return [*below[len(below) // 2 :][:1], *above[(len(above) - 1) // 2 :][:1]]
