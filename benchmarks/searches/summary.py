"""Figures of the benchmark: seconds to given accuracies, accuracies over time, and ratios to other methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.peers.summary import Interval, mean_interval
from benchmarks.searches.results import Result
from metaopt.randomness import make_generator

SHARES_OF_TIME = (0.25, 0.5, 1.0)
_RESAMPLES = 2_000


@dataclass(frozen=True)
class TimeTo:
    """Wall seconds of a method's searches to a validation accuracy.

    Attributes:
        median: median seconds; None if fewer than half of the searches reached it.
        mean: mean seconds with its interval; a search that did not reach it counts with its limit.
        reached: share of the searches that reached it.
    """

    median: float | None
    mean: Interval
    reached: float


@dataclass(frozen=True)
class Figures:
    """Figures of one method on one task.

    Attributes:
        seeds: number of searches.
        time_to: validation accuracy → seconds.
        accuracy: share of the time limit → mean of the best validation accuracy so far.
        test_accuracy: mean test accuracy of the chosen networks; None if it was not measured for all.
        configurations: mean number of configurations that were trained.
        epochs: mean number of trained epochs.
        full_trainings: mean number of configurations that reached the last epoch.
        failed: mean number of proposals that were no valid networks.
        first_epoch_s: mean seconds until the first epoch was trained.
        cpu_share: smallest CPU seconds per wall second of a search.
    """

    seeds: int
    time_to: Mapping[float, TimeTo]
    accuracy: Mapping[float, Interval]
    test_accuracy: Interval | None
    configurations: float
    epochs: float
    full_trainings: float
    failed: float
    first_epoch_s: float
    cpu_share: float


def find_common_target(results: Mapping[str, Sequence[Result]]) -> float:
    """Return the validation accuracy that the median search of the worst method has at its end.

    At least half of the searches of every method reach it.

    Args:
        results: method → its searches.
    """
    ends = [[one.best_accuracy(one.setting.limit) for one in found] for found in results.values()]
    # The lower median is the accuracy of a search, also with an even number of them.
    return min(sorted(each)[(len(each) - 1) // 2] for each in ends)


def summarise(results: Sequence[Result], targets: Sequence[float]) -> Figures:
    """Return the figures of the searches of one method.

    Args:
        results: one per seed, at least one.
        targets: validation accuracies.
    """
    limit = results[0].setting.limit
    judged = [one.judged["test_accuracy"] for one in results if one.judged is not None]
    return Figures(
        seeds=len(results),
        time_to={target: _time_to(results, target, limit) for target in targets},
        accuracy={
            share: mean_interval([one.best_accuracy(share * limit) for one in results]) for share in SHARES_OF_TIME
        },
        test_accuracy=mean_interval(judged) if len(judged) == len(results) else None,
        configurations=float(np.mean([one.configurations for one in results])),
        epochs=float(np.mean([len(one.epochs) for one in results])),
        full_trainings=float(np.mean([one.full_trainings for one in results])),
        failed=float(np.mean([one.failed for one in results])),
        first_epoch_s=float(np.mean([one.first_epoch_s for one in results])),
        cpu_share=min(one.cpu_share for one in results),
    )


def _time_to(results: Sequence[Result], target: float, limit: float) -> TimeTo:
    found = [one.seconds_to(target) for one in results]
    median = float(np.median([np.inf if seconds is None else seconds for seconds in found]))
    return TimeTo(
        median if np.isfinite(median) else None,
        mean_interval([limit if seconds is None else seconds for seconds in found]),
        float(np.mean([seconds is not None for seconds in found])),
    )


def capped_seconds(results: Sequence[Result], target: float) -> dict[int, float]:
    """Return seed → seconds to a validation accuracy; the limit where it was not reached."""
    return {one.seed: one.setting.limit if (seconds := one.seconds_to(target)) is None else seconds for one in results}


def ratio_interval(numerators: Mapping[int, float], denominators: Mapping[int, float]) -> Interval | None:
    """Return the ratio of two means over the seeds that both have, with its paired bootstrap percentile interval, 95 %.

    Args:
        numerators: seed → seconds.
        denominators: seed → seconds.

    Returns:
        None without a common seed.
    """
    seeds = sorted(numerators.keys() & denominators.keys())
    if not seeds:
        return None
    pairs = [np.array([values[seed] for seed in seeds]) for values in (numerators, denominators)]
    ratio = float(pairs[0].mean() / pairs[1].mean())
    if len(seeds) == 1:
        return ratio, ratio, ratio

    def ratio_of_means(above: np.ndarray, below: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.mean(above, axis=axis) / np.mean(below, axis=axis)

    found = stats.bootstrap(
        pairs,
        ratio_of_means,
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=make_generator(0, 0, "bootstrap"),
    ).confidence_interval
    return ratio, float(found.low), float(found.high)
