"""Is one better than the other, or was it chance? Tests for two models, and for two search strategies.

Two trained models are compared on the same test images (McNemar). Two strategies are compared over seeds, as one search
is a single draw of what a strategy finds. Where several pairs are tested, Holm's correction is for all of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

LEVEL = 0.05
"""The chance of one or more false alarms in a family of tests that "significant" stands for."""

FEWEST_FOR_CHI_SQUARED = 25
"""Where fewer images than this tell two models apart, the binomial distribution itself is used."""

# Up to so many pairs all 2ⁿ signs are gone through where ranks are tied.
_MOST_FOR_ALL_SIGNS = 13


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same images.

    Attributes:
        only_first: images that the first model alone gets right.
        only_second: those that the second alone gets right.
        statistic: chi-squared with one degree of freedom; None where the test is exact.
        p_value: of the hypothesis that both are right equally often; two-sided.
    """

    only_first: int
    only_second: int
    statistic: float | None
    p_value: float

    @property
    def exact(self) -> bool:
        """Whether the binomial distribution itself was used."""
        return self.statistic is None


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """McNemar's test: of the images that one model alone gets right, does each get its half?

    With b and c such images, exact (binomial) where b + c < 25, else chi-squared with Edwards' continuity correction,
    (|b − c| − 1)²/(b + c). Q. McNemar, Psychometrika 12 (1947); A. L. Edwards, Psychometrika 13 (1948). The bound of 25
    is usual, see S. Raschka, "Model evaluation, model selection, and algorithm selection in machine learning",
    arXiv:1811.12808.

    Args:
        only_first: b, 0 or more.
        only_second: c, 0 or more.
    """
    differing = only_first + only_second
    if differing == 0:
        return McNemar(0, 0, None, 1.0)
    if differing < FEWEST_FOR_CHI_SQUARED:
        return McNemar(only_first, only_second, None, float(stats.binomtest(only_first, differing).pvalue))
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / differing
    return McNemar(only_first, only_second, statistic, float(stats.chi2.sf(statistic, 1)))


@dataclass(frozen=True)
class Paired:
    """Wilcoxon's signed-rank test of two strategies over common seeds.

    Attributes:
        seeds: how many both were run with.
        first_better: in how many of them the first found the smaller loss.
        second_better: in how many the second.
        median_difference: of loss, first − second; None where it is not finite.
        effect: the rank-biserial correlation, −1..1: the share of the ranks for the first less the share for the
            second (D. S. Kerby, "The simple difference formula", Comprehensive Psychology 3, 2014).
        p_value: of the hypothesis that neither is better; two-sided; 1 where no seed tells them apart.
    """

    seeds: int
    first_better: int
    second_better: int
    median_difference: float | None
    effect: float
    p_value: float


def compare_over_seeds(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Wilcoxon's signed-rank test on losses that two strategies found with the same seeds.

    Chosen over the paired t-test: with few seeds nobody can check that differences are normal, and the best of a search
    is skewed; a search that found nothing within its limits has an infinite loss, which has a rank but no mean. Seeds
    without a difference are left out, as Wilcoxon did. The p-value is exact up to 50 seeds, with ties up to 13.
    F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945).

    Args:
        first: (n,) losses, smaller is better; infinite where nothing was found.
        second: (n,) of the same seeds.
    """
    # Two searches that both found nothing are equal.
    pairs = zip(first, second, strict=True)
    differences = np.array([0.0 if a == b else a - b for a, b in pairs], float)  # (n,)
    told = differences[differences != 0]
    better, worse = int((told < 0).sum()), int((told > 0).sum())
    middle = float(np.median(differences)) if len(differences) else math.nan
    median = middle if math.isfinite(middle) else None
    signed = np.sign(told) * stats.rankdata(np.abs(told))  # infinite differences have the highest ranks
    if len(signed) == 0:
        return Paired(len(differences), 0, 0, median, 0.0, 1.0)
    effect = -float(signed.sum() / np.abs(signed).sum())
    return Paired(len(differences), better, worse, median, effect, _signed_rank_p(signed))


def _signed_rank_p(signed: npt.NDArray[np.float64]) -> float:
    """The p-value of signed ranks, of which none is 0."""
    n = len(signed)
    tied = len(np.unique(np.abs(signed))) < n
    method = stats.PermutationMethod(n_resamples=2**n) if tied and n <= _MOST_FOR_ALL_SIGNS else "auto"
    return float(stats.wilcoxon(signed, method=method).pvalue)


def seeds_needed(tests: int) -> int:
    """The fewest common seeds with which so many tests can find anything at all.

    The smallest p-value of a signed-rank test on n seeds is 2/2ⁿ, and Holm multiplies the smallest by the number of
    tests: 6 seeds for one pair of strategies, 7 for the three pairs of three, 8 for the six pairs of four.
    """
    return math.ceil(math.log2(2 * tests / LEVEL))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: below a level α, with at most α as the chance of one or more false alarms among all.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979): the
    i-th smallest of m, times m − i + 1, made monotone and at most 1.

    Args:
        p_values: (m,) in any order.

    Returns:
        In the same order.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of two or more values and Student's interval of it, (mean, low, high).

    Raises:
        ValueError: there are fewer than two.
    """
    if len(values) < 2:
        raise ValueError(f"an interval of a mean needs two values or more, got {len(values)}")
    mean = float(np.mean(values))
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values))
    return mean, mean - half, mean + half
