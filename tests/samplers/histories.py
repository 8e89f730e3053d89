"""Histories for tests: trials with equal losses, failures, infeasible results and gaps in their numbers."""

import math
from dataclasses import replace

import numpy as np

from metaopt.samplers import History
from metaopt.spaces import Space
from tests.samplers.observing import observe


def with_further_objective(history: History, seed: int = 0) -> History:
    """Return a history whose results have a second objective, which spreads over decades."""
    rng = np.random.default_rng(seed)
    found = []
    for one in history.observations:
        results = [replace(each, values=(*each.values, float(10 ** rng.integers(0, 7)))) for each in one.results]
        found.append(replace(one, results=tuple(results)))
    return History(history.space, tuple(found))


def make_history(space: Space, n: int, seed: int = 0) -> History:
    """Return a history with equal losses, failed and infeasible trials, and gaps in the trial numbers."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        vals = space.draw(rng)
        loss = [round(float(rng.normal()), 1), None, math.nan, math.inf][int(rng.choice(4, p=[0.85, 0.05, 0.05, 0.05]))]
        infeasible = rng.random() < 0.2
        violation = float(rng.random()) if infeasible else 0.0
        found.append(observe(3 * number, vals, loss, feasible=not infeasible, violation=violation))
    return History(space, tuple(found))
