"""Weights of several objectives, by which a strategy makes one loss of them, decision by decision."""

from functools import lru_cache
from itertools import combinations

import numpy as np

_LEAST = 8  # weightings at least, as far apart as they can be; the model is fitted to the losses of each


def find_weightings(n_objectives: int, moment: int) -> list[np.ndarray | None]:
    """Return the weightings in the order in which a decision asks them.

    Args:
        n_objectives: number of objectives; there is one weighting, None, for one.
        moment: a number that grows with the study. The first weighting changes with it, and takes all in turn, in an
            order in which successive ones are far apart.
    """
    if n_objectives == 1:
        return [None]
    known = _simplex_lattice(n_objectives)
    shift = moment % len(known)
    return [*known[shift:], *known[:shift]]


@lru_cache
def _simplex_lattice(n_objectives: int) -> tuple[np.ndarray, ...]:
    """Return weights on a regular lattice inside the simplex (Das & Dennis 1998, doi:10.1137/S1052623496307510).

    The lattice is moved off the border, so that no objective has the weight 0. The order is that of multiples of the
    golden ratio, so that every few successive weightings are spread over the simplex.
    """
    steps = 1
    while True:
        bars = combinations(range(steps + n_objectives - 1), n_objectives - 1)
        counts = [np.diff([-1, *bar, steps + n_objectives - 1]) - 1 for bar in bars]
        if len(counts) >= _LEAST:
            break
        steps += 1
    weights = [(count + 1 / n_objectives) / (steps + 1) for count in counts]
    golden = (5**0.5 - 1) / 2
    order = np.argsort(np.argsort([number * golden % 1 for number in range(len(weights))]))
    return tuple([weights[index] for index in order])
