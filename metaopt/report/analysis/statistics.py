"""Statistics of scores and hyperparameters: confidence intervals, effects and associations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy import stats

from metaopt import randomness
from metaopt.report.analysis.features import Feature
from metaopt.report.analysis.multiple_testing import LEVEL, holm

MIN_TRIALS = 20
"""Smallest number of trials that show a trend, an effect or an association."""

# With fewer residual degrees of freedom the effect of a hyperparameter is not estimated.
_MIN_RESIDUAL_FREEDOM = 4
# Largest number of cells of the resampled confusion matrices that are in memory at once.
_MAX_CELLS = 2_000_000


def wilson_interval(proportion: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share of n independent images, which is valid also near 0 and 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), computed by
    ``scipy.stats``.

    Args:
        proportion: the share, 0..1; the nearest multiple of 1/n is taken.
        n: number of images, 1 or more.
        confidence: coverage, e.g. 0.95.

    Raises:
        ValueError: n is below 1, or the share is not within 0..1.
    """
    _check_proportion(proportion, n)
    interval = stats.binomtest(round(proportion * n), n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def macro_precision_interval(
    labels: np.ndarray, predicted: np.ndarray, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return a bootstrap percentile interval of the macro-averaged precision, over images.

    A resample of n images with replacement is equivalent to a draw of the confusion matrix from a multinomial
    distribution, which is faster. As in scikit-learn, the average is over the classes that occur in either array, and a
    class that is never predicted has precision 0.

    Args:
        labels: (n,) true classes.
        predicted: (n,) predicted classes.
        confidence: coverage, e.g. 0.95.
        resamples: number of bootstrap samples.
        seed: seed of the resampling.

    Raises:
        ValueError: There are no images, or the arrays differ in length.
    """
    if len(labels) == 0 or len(labels) != len(predicted):
        raise ValueError(
            f"Expected one label and one prediction for each image, got {len(labels)} labels and {len(predicted)}"
            " predictions."
        )
    classes, indices = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    cells, counts = np.unique(indices.reshape(2, -1), axis=1, return_counts=True)  # (2, m), (m,)
    column = (cells[1][:, None] == np.arange(len(classes))).astype(float)  # (m, classes): predicted as
    correct = column * (cells[0] == cells[1])[:, None]
    rng = randomness.make_generator(seed, 0, "bootstrap")
    precisions: list[np.ndarray] = []
    rows = max(1, _MAX_CELLS // len(counts))
    for start in range(0, resamples, rows):
        draws = rng.multinomial(len(labels), counts / len(labels), size=min(rows, resamples - start))
        n_predicted = draws @ column  # (rows, classes)
        precisions.append((draws @ correct / np.maximum(n_predicted, 1)).mean(axis=1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(precisions), [tail, 1 - tail])
    return float(low), float(high)


def balanced_intervals(
    labels: np.ndarray,
    predicted: np.ndarray,
    n_classes: int,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return bootstrap percentile intervals of balanced accuracy and macro F1, over images.

    As for ``macro_precision_interval``, the confusion matrix is drawn from a multinomial distribution.

    Args:
        labels: (n,) true classes; at least one image.
        predicted: (n,) predicted classes.
        n_classes: number of classes, over which F1 is averaged.
        confidence: coverage, e.g. 0.95.
        resamples: number of bootstrap samples.
        seed: seed of the resampling.

    Returns:
        The lower and the upper ends, each of balanced accuracy and of F1.
    """
    pairs, counts = np.unique(np.stack([labels, predicted]), axis=1, return_counts=True)  # (2, m), (m,)
    classes = np.arange(n_classes)
    is_true = (pairs[0][:, None] == classes).astype(float)  # (m, classes)
    is_predicted = (pairs[1][:, None] == classes).astype(float)
    rng = randomness.make_generator(seed, 0, "bootstrap")
    parts: list[np.ndarray] = []
    rows = max(1, _MAX_CELLS // len(counts))
    for start in range(0, resamples, rows):
        draws = rng.multinomial(len(labels), counts / len(labels), size=min(rows, resamples - start))
        n_true, n_predicted, hits = draws @ is_true, draws @ is_predicted, draws @ (is_true * is_predicted)
        occurs = n_true > 0
        recall = (hits / np.maximum(n_true, 1)).sum(axis=1) / occurs.sum(axis=1)
        f1 = (2 * hits / np.maximum(n_true + n_predicted, 1)).mean(axis=1)
        parts.append(np.stack([recall, f1]))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(parts, axis=1), [tail, 1 - tail], axis=1)
    return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))


@dataclass(frozen=True)
class Effect:
    """Marginal effect of one hyperparameter on the score.

    Attributes:
        share: share of the variance of the scores' ranks that it explains alone, 0..1 (adjusted R²); NaN with too few
            trials.
        p_value: p-value of the F test of no effect; NaN likewise.
        n_trials: number of trials in which it was active.
    """

    share: float
    p_value: float
    n_trials: int

    @property
    def is_significant(self) -> bool:
        """Whether the p-value is below 0.05."""
        return self.p_value < LEVEL

    @property
    def n_missing(self) -> int:
        """Number of further trials that an estimate needs; 0 where there are enough."""
        return max(0, MIN_TRIALS - self.n_trials)


def marginal_effect(feature: Feature, losses: np.ndarray) -> Effect:
    """Return the share of the losses' ranks that a hyperparameter explains alone.

    The ranks are regressed on a parabola (numbers) or on the levels (choices), with Ezekiel's adjustment
    1 − (1 − R²)(n − 1)/(n − k − 1) for the k regressors, so that a choice of many options gains nothing by chance.
    Ranks are robust to outliers, such as a trial that diverged. The importances of a random forest are mostly noise at
    twenty trials of twenty hyperparameters. Like them, the share describes the trials, not the network: a sampler that
    has learnt something draws hyperparameters that depend on each other.

    Args:
        feature: the hyperparameter.
        losses: (n,) losses of the same trials.

    Returns:
        The effect; without an estimate where the hyperparameter was active in fewer than ``MIN_TRIALS`` trials.
    """
    active = feature.active
    n = int(active.sum())
    design = feature.design()
    design = design[:, np.ptp(design, axis=0) > 0] if n else design
    if n < MIN_TRIALS or n - design.shape[1] - 1 < _MIN_RESIDUAL_FREEDOM or design.shape[1] == 0:
        return Effect(math.nan, math.nan, n)
    ranks = stats.rankdata(losses[active])
    ranks -= ranks.mean()
    total = float(ranks @ ranks)
    if total == 0:
        return Effect(0.0, 1.0, n)
    full = np.column_stack([np.ones(n), design])
    fitted, _, rank, _ = np.linalg.lstsq(full, ranks, rcond=None)
    k, freedom = rank - 1, n - rank
    unexplained = min(float(np.sum((ranks - full @ fitted) ** 2)) / total, 1.0)
    share = 1 - unexplained * (n - 1) / freedom
    f = math.inf if unexplained == 0 else (1 - unexplained) / k / (unexplained / freedom)
    return Effect(max(share, 0.0), float(stats.f.sf(f, k, freedom)), n)


@dataclass(frozen=True)
class Association:
    """Association of two hyperparameters, or of one with the score.

    Attributes:
        symbol: the measure: Spearman's ρ in −1..1 for two ordered ones, the correlation ratio η in 0..1 of the ranks of
            an ordered one on the levels of another, Cramér's V in 0..1 for two unordered ones.
        value: its value; NaN where it is undefined, or with fewer than ``MIN_TRIALS`` trials.
        p_value: p-value of the test of independence; NaN likewise.
        n_trials: number of trials in which both are active.
    """

    symbol: str
    value: float
    p_value: float
    n_trials: int

    @property
    def is_significant(self) -> bool:
        """Whether the p-value is below 0.05."""
        return self.p_value < LEVEL


def association(a: Feature, b: Feature) -> Association:
    """Return the association of two hyperparameters, over the trials in which both are active.

    Independence is tested by Spearman's ρ, by Kruskal and Wallis' H, or by Pearson's χ².
    """
    both = a.active & b.active
    x, y = a.positions()[both], b.positions()[both]
    symbol = "ρ" if a.is_ordered and b.is_ordered else "η" if a.is_ordered or b.is_ordered else "V"
    if len(x) < MIN_TRIALS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Association(symbol, math.nan, math.nan, len(x))
    if symbol == "ρ":
        value, p_value = stats.spearmanr(x, y)
    elif symbol == "V":
        table = stats.contingency.crosstab(x, y).count
        value = stats.contingency.association(table, method="cramer")
        p_value = stats.chi2_contingency(table, correction=False).pvalue
    else:
        levels, ordered = (y, x) if a.is_ordered else (x, y)
        groups = [ordered[levels == level] for level in np.unique(levels)]
        statistic, p_value = stats.kruskal(*groups)
        value = math.sqrt(statistic / (len(x) - 1))  # H is n − 1 times the share of the ranks' variance
    return Association(symbol, float(value), float(p_value), len(x))


T = TypeVar("T", Effect, Association)


def corrected(tests: Sequence[T]) -> list[T]:
    """Return the tests with Holm's correction of their p-values for all that have one."""
    adjusted = iter(holm([test.p_value for test in tests if not math.isnan(test.p_value)]))
    return [test if math.isnan(test.p_value) else replace(test, p_value=next(adjusted)) for test in tests]


def _check_proportion(proportion: float, n: int) -> None:
    if n < 1 or not 0 <= proportion <= 1:
        raise ValueError(f"Expected a share within 0..1 of at least one image, got {proportion} of {n}.")
