"""Order of single results, the best first; ``pareto`` orders a set of results under several objectives."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from metaopt.trials.pareto import by_distance, order_results
from metaopt.trials.result import Result

K = TypeVar("K", bound=Hashable)

RankKey = tuple[float, ...]
"""Sort key of a result: the smaller, the better."""

WORST: RankKey = (float("inf"),)
"""Rank key of a trial without a value."""


class Ranking(Protocol):
    """Orders results of one study."""

    def key(self, result: Result) -> RankKey:
        """Return the rank key of a result that has values."""


class LexicographicRanking:
    """Feasible results by their values, then infeasible ones by their violation ("a priori" constraint handling).

    Values are compared objective by objective: the further ones decide between results that are equal in the first.
    """

    def key(self, result: Result) -> RankKey:
        """Return (is infeasible, violation, value of each objective)."""
        return float(not result.is_feasible), result.violation, *result.values


RANKING: Ranking = LexicographicRanking()
"""The policy of every study."""


def rank_key(result: Result | None) -> RankKey:
    """Return the rank key of a result, ``WORST`` for one without a value or with NaN."""
    if result is None or not result.values:
        return WORST
    key = RANKING.key(result)
    return key if all(number == number for number in key) else WORST


def is_better(one: Result | None, other: Result | None) -> bool:
    """Return whether the first result ranks before the second."""
    return rank_key(one) < rank_key(other)


def rank_together(results: Sequence[tuple[K, Result]]) -> dict[K, RankKey]:
    """Return the rank keys of results under several objectives: (is infeasible, violation, place among them).

    Feasible ones are ordered by front, and within a front so that each is the farthest from those before it, as by
    multi-objective successive halving (Schmucker et al. 2021, arXiv:2106.12639): however many are promoted, they are
    spread over the front. Results with NaN or infinite values are ``WORST``.

    Args:
        results: (name, result with values).
    """
    known = [(name, result) for name, result in results if result.has_loss]
    found: dict[K, RankKey] = {name: WORST for name, _ in results}
    if known:
        order = order_results(np.array([RANKING.key(result) for _, result in known]), by_distance)
        for place, index in enumerate(order.tolist()):
            name, result = known[index]
            found[name] = float(not result.is_feasible), result.violation, float(place)
    return found
