"""Order of single results, the best first; ``pareto`` orders a set of results under several objectives."""

from typing import Protocol

from metaopt.trials.result import Result

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
