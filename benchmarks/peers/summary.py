"""Figures of the benchmark: costs, regrets with intervals, and mean ranks over tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.peers.results import Result
from benchmarks.peers.tables import Table
from metaopt.randomness import make_generator

REGRETS_AT = (5, 10, 20, 40)  # full trainings
SHARES = (0.05, 0.01)
_RESAMPLES = 2_000

Interval = tuple[float, float, float]
"""Mean, and the lower and upper end of its 95 % interval."""


@dataclass(frozen=True)
class Figures:
    """Figures of one method on one table.

    Attributes:
        seeds: number of searches.
        median_cost: share of ``SHARES`` → median cost in full trainings; None if fewer than half of the seeds reached
            it.
        mean_cost: share → mean cost; a search that did not reach it counts with the budget.
        reached: share → fraction of the seeds that reached it.
        regret: cost → mean of the incumbent's validation error above the best of the table.
        test_regret: cost → mean of the incumbent's held-out error above the best of the table.
        thinking_s: mean CPU seconds of a decision.
        thinking_in_all_s: mean CPU seconds of a search.
    """

    seeds: int
    median_cost: Mapping[float, float | None]
    mean_cost: Mapping[float, Interval]
    reached: Mapping[float, float]
    regret: Mapping[float, Interval]
    test_regret: Mapping[float, Interval]
    thinking_s: float
    thinking_in_all_s: float


def summarise(table: Table, results: Sequence[Result], budget: float) -> Figures:
    """Return the figures of the searches of one method on one table.

    Args:
        table: the table.
        results: one per seed, at least one.
        budget: full trainings that count.
    """
    costs = {share: [one.cost_to(table.threshold(share), budget) for one in results] for share in SHARES}
    capped = {share: [budget if cost is None else cost for cost in found] for share, found in costs.items()}
    best, best_test = float(table.final_errors.min()), table.best_test_error
    at = [cost for cost in REGRETS_AT if cost <= budget]
    return Figures(
        seeds=len(results),
        median_cost={share: _median(found) for share, found in costs.items()},
        mean_cost={share: mean_interval(values) for share, values in capped.items()},
        reached={share: float(np.mean([cost is not None for cost in found])) for share, found in costs.items()},
        regret={cost: mean_interval([one.incumbent(cost).error - best for one in results]) for cost in at},
        test_regret={
            cost: mean_interval([one.incumbent(cost).test_error - best_test for one in results]) for cost in at
        },
        thinking_s=float(np.mean([one.thinking_s / max(1, one.decisions) for one in results])),
        thinking_in_all_s=float(np.mean([one.thinking_s for one in results])),
    )


def _median(costs: Sequence[float | None]) -> float | None:
    median = float(np.median([np.inf if cost is None else cost for cost in costs]))
    return median if np.isfinite(median) else None


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean with its bootstrap percentile interval, 95 %; of equal values or one value, the mean alone."""
    mean = float(np.mean(values))
    if len(set(values)) < 2:
        return mean, mean, mean
    rng = make_generator(0, 0, "bootstrap")
    found = stats.bootstrap(
        (np.array(values),), np.mean, n_resamples=_RESAMPLES, method="percentile", rng=rng
    ).confidence_interval
    return mean, float(found.low), float(found.high)


@dataclass(frozen=True)
class Ranks:
    """Mean ranks over tables (J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006).

    Attributes:
        scores: method → score on each table, smaller is better; the tables in the same order.
        mean: method → mean rank, 1 for the best, in ascending order.
        p_value: of Friedman's test that all methods are equal; None with fewer than three methods or two tables.
        critical_difference: difference of two mean ranks that is significant at 0.05 by Nemenyi's test; None with fewer
            than two methods or tables.
    """

    scores: Mapping[str, Sequence[float]]
    mean: Mapping[str, float]
    p_value: float | None
    critical_difference: float | None


def rank_methods(scores: Mapping[str, Sequence[float]]) -> Ranks:
    """Rank methods on each table by a score, e.g. mean cost; equal scores share their mean rank.

    Args:
        scores: method → score on each table, smaller is better; the tables in the same order.
    """
    matrix = np.array(list(scores.values()), dtype=float)  # (methods, tables)
    methods, tables = matrix.shape
    ranks = stats.rankdata(matrix, axis=0).mean(axis=1)
    mean = dict(sorted(zip(scores, map(float, ranks), strict=True), key=lambda pair: pair[1]))
    p_value = float(stats.friedmanchisquare(*matrix).pvalue) if methods > 2 and tables > 1 else None
    difference = None
    if methods > 1 and tables > 1:
        # q of Nemenyi's test is the quantile of the studentized range with infinite degrees of freedom over √2.
        q = float(stats.studentized_range.ppf(0.95, methods, np.inf)) / np.sqrt(2)
        difference = float(q * np.sqrt(methods * (methods + 1) / (6 * tables)))
    return Ranks(scores, mean, p_value, difference)
