"""Order of results under several objectives: Pareto dominance first, then how well results spread along a front.

Spread is measured on the quantiles of each objective among the results that are compared, so only the order within an
objective counts: parameters spread over decades, and a diverged loss of 1e30 does not squeeze all others together.
"""

from bisect import bisect_right
from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from metaopt.trials.hypervolume import compute_hypervolume

Spread = Callable[[np.ndarray, int], np.ndarray]
"""Function from the units of a front, (k, m), and a number to the order in which at least so many of its results are
taken."""

_RHO = 0.05  # weight of the sum in the augmented Tchebycheff function, as in ParEGO
_REFERENCE = 1.1  # of hypervolume, for units
_MOST_CANDIDATES = 128  # results of a front among which hypervolume selects, which bounds its time


def dominates(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether the first values, (m,), are nowhere worse than the second, and somewhere better."""
    return bool((first <= second).all() and (first < second).any())


def compute_fronts(values: np.ndarray) -> np.ndarray:
    """Return the front of each result, 0 for those that no other one dominates, (n,).

    Non-dominated sorting (Deb et al. 2002: A fast and elitist multiobjective genetic algorithm: NSGA-II,
    doi:10.1109/4235.996017).

    Args:
        values: finite losses, (n, m).
    """
    if not len(values):
        return np.zeros(0, dtype=int)
    different, inverse = np.unique(values, axis=0, return_inverse=True)  # in lexicographic order
    found = _fronts_of_two(different) if values.shape[1] == 2 else _fronts_of_many(different)
    return found[inverse.reshape(-1)]


def find_front(values: np.ndarray) -> np.ndarray:
    """Return the indices of the results that no other one dominates, in lexicographic order of their values.

    Of results with equal values, the first one counts.

    Args:
        values: finite losses, (n, m).
    """
    _, first = np.unique(values, axis=0, return_index=True)
    return first[compute_fronts(values[first]) == 0]


def compute_units(values: np.ndarray) -> np.ndarray:
    """Return the quantiles of values within their objective: 0 for the best, 1 for the worst, (n, m)."""
    ranks = np.column_stack([rankdata(column, method="dense") - 1 for column in values.T])
    return ranks / np.maximum(ranks.max(axis=0), 1)


def order_results(keys: np.ndarray, spread: Spread, n_best: int | None = None) -> np.ndarray:
    """Return the indices of results, the best first; equal ones in their order.

    Feasible results come first, by front and within a front by ``spread``; then infeasible ones by violation
    ("constrained domination", Deb et al. 2002).

    Args:
        keys: (is infeasible, violation, value of each objective), (n, 2 + m).
        spread: order within a front.
        n_best: number of results that are returned, or all if there are fewer; all by default.
    """
    n_left = len(keys) if n_best is None else min(n_best, len(keys))
    feasible = np.flatnonzero(keys[:, 0] == 0)
    infeasible = np.flatnonzero(keys[:, 0] != 0)
    found: list[int] = []
    if len(feasible):
        fronts, units = compute_fronts(keys[feasible, 2:]), compute_units(keys[feasible, 2:])
        for front in range(int(fronts.max()) + 1):
            members = np.flatnonzero(fronts == front)
            found += feasible[members[spread(units[members], n_left - len(found))]].tolist()
            if len(found) >= n_left:
                break
    found += infeasible[np.lexsort(keys[infeasible, 1:].T[::-1])].tolist()
    return np.array(found[:n_left], dtype=int)


def by_crowding(units: np.ndarray, n: int) -> np.ndarray:  # noqa: ARG001 - the distances are known all at once
    """Order a front by crowding distance, the largest first (NSGA-II, Deb et al. 2002)."""
    return np.argsort(-compute_crowding(units), kind="stable")


def compute_crowding(units: np.ndarray) -> np.ndarray:
    """Return the crowding distance of each result of a front, (k,): the mean side of the cuboid of its neighbours.

    It is infinite for the best and the worst result of each objective.
    """
    found = np.zeros(len(units))
    for column in units.T:
        order = np.argsort(column, kind="stable")
        width = float(np.ptp(column)) or 1.0
        found[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
        found[order[[0, -1]]] = np.inf
    return found


def by_distance(units: np.ndarray, n: int) -> np.ndarray:
    """Order a front so that each result is the farthest from all before it, from the best in the first objective on.

    It is the ε-net of multi-objective successive halving (Schmucker et al. 2021: Multi-objective Asynchronous
    Successive Halving, arXiv:2106.12639, section 3.2).
    """
    nearest = np.full(len(units), np.inf)
    found = [int(np.lexsort(units.T[::-1])[0])]
    while len(found) < min(n, len(units)):
        nearest = np.minimum(nearest, np.abs(units - units[found[-1]]).max(axis=1))
        nearest[found] = -1.0
        found.append(int(np.argmax(nearest)))
    return np.array(found)


def by_hypervolume(units: np.ndarray, n: int) -> np.ndarray:
    """Order a front so that each result adds the most hypervolume to those before it.

    It is the greedy hypervolume subset selection of MOTPE (Ozaki et al. 2022: Multiobjective Tree-Structured Parzen
    Estimator, doi:10.1613/jair.1.13188, section 4.1), with the reference point 1.1. A front of more than
    128 results is thinned first.
    """
    reference = np.full(units.shape[1], _REFERENCE)
    left, found = by_distance(units, _MOST_CANDIDATES).tolist(), list[int]()
    while left and len(found) < n:
        gains = [compute_hypervolume(units[[*found, index]], reference) for index in left]
        found.append(left.pop(int(np.argmax(gains))))
    return np.array(found, dtype=int)


def scalarise(units: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the augmented Tchebycheff function max(wᵢ uᵢ) + 0.05 Σ wᵢ uᵢ of results, (n,).

    Unlike a weighted sum, it is the least at results in concave parts of a front, too (Knowles 2006: ParEGO,
    doi:10.1109/TEVC.2005.851274, equation 2).

    Args:
        units: (n, m).
        weights: >= 0, with the sum 1, (m,).
    """
    weighted = units * weights
    found: np.ndarray = weighted.max(axis=1) + _RHO * weighted.sum(axis=1)
    return found


def find_knee(values: np.ndarray) -> int:
    """Return the index of the knee of a front: the result farthest below the plane through its extremes.

    On objectives scaled to 0..1 over the front, it is the result with the least sum (Das 1999: On characterizing the
    "knee" of the Pareto curve, doi:10.1007/s001580050111, for the plane through the ends of the axes).

    Args:
        values: finite losses of a front, (k, m), k >= 1.
    """
    width = np.ptp(values, axis=0)
    return int(np.argmin(((values - values.min(axis=0)) / np.where(width > 0, width, 1.0)).sum(axis=1)))


def _fronts_of_two(values: np.ndarray) -> np.ndarray:
    """Return the fronts of different results in lexicographic order, (n, 2), in n log n steps."""
    found, lowest = np.zeros(len(values), dtype=int), list[float]()  # second value of the latest result of each front
    for index, second in enumerate(values[:, 1].tolist()):
        front = bisect_right(lowest, second)
        lowest[front : front + 1] = [second]
        found[index] = front
    return found


def _fronts_of_many(values: np.ndarray) -> np.ndarray:
    """Return the fronts of different results, (n, m)."""
    beaten = np.ones((len(values), len(values)), dtype=bool)  # [i, j]: j dominates i
    for column in values.T:
        beaten &= column[None, :] <= column[:, None]
    np.fill_diagonal(beaten, False)
    found, front, left = np.zeros(len(values), dtype=int), 0, np.ones(len(values), dtype=bool)
    while left.any():
        members = left & ~(beaten & left).any(axis=1)
        found[members] = front
        left &= ~members
        front += 1
    return found
