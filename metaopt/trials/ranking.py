"""Ranking policy: the order in which results are compared."""

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


class SingleObjectiveRanking:
    """Feasible results by their value, then infeasible ones by their violation ("a priori" constraint handling)."""

    def key(self, result: Result) -> RankKey:
        """Return (is infeasible, violation, value)."""
        return float(not result.is_feasible), result.violation, result.values[0]


RANKING: Ranking = SingleObjectiveRanking()
"""The policy of every study today; several objectives bring others."""


def rank_key(result: Result | None) -> RankKey:
    """Return the rank key of a result, ``WORST`` for one without a value or with NaN."""
    if result is None or not result.values:
        return WORST
    key = RANKING.key(result)
    return key if all(number == number for number in key) else WORST


def is_better(one: Result | None, other: Result | None) -> bool:
    """Return whether the first result ranks before the second."""
    return rank_key(one) < rank_key(other)
