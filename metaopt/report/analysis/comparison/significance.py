"""Significance tests for two trained models, and for two search strategies.

Two trained models are compared on the same test images (McNemar). Two strategies are compared over seeds, as one search
is a single draw of what a strategy finds. Several pairs are tested with Holm's correction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from metaopt import randomness
from metaopt.report.analysis.multiple_testing import LEVEL

MIN_FOR_CHI_SQUARED = 25
"""With fewer images than this on which two models differ, the test is exact (binomial)."""

# Largest number of pairs with tied ranks for which all 2ⁿ signs are enumerated.
_MAX_ENUMERATED = 13


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same images.

    Attributes:
        only_first: number of images that only the first model classifies correctly.
        only_second: number of images that only the second model classifies correctly.
        statistic: chi-squared with one degree of freedom; None where the test is exact.
        p_value: two-sided p-value of the hypothesis that both are correct equally often.
    """

    only_first: int
    only_second: int
    statistic: float | None
    p_value: float

    @property
    def is_exact(self) -> bool:
        """Whether the test is exact (binomial)."""
        return self.statistic is None


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """Test whether two models are correct equally often, given the images that only one of them classifies correctly.

    With b and c such images, the test is exact (binomial) where b + c < 25, otherwise chi-squared with Edwards'
    continuity correction, (|b − c| − 1)²/(b + c). Q. McNemar, Psychometrika 12 (1947); A. L. Edwards, Psychometrika 13
    (1948). The bound of 25 is usual, see S. Raschka, "Model evaluation, model selection, and algorithm selection in
    machine learning", arXiv:1811.12808.

    Args:
        only_first: b, 0 or more.
        only_second: c, 0 or more.
    """
    n = only_first + only_second
    if n == 0:
        return McNemar(0, 0, None, 1.0)
    if n < MIN_FOR_CHI_SQUARED:
        return McNemar(only_first, only_second, None, float(stats.binomtest(only_first, n).pvalue))
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / n
    return McNemar(only_first, only_second, statistic, float(stats.chi2.sf(statistic, 1)))


@dataclass(frozen=True)
class PairedBootstrap:
    """Paired bootstrap test of the mean scores of two models on the same images.

    Attributes:
        difference: mean of the first minus mean of the second.
        low: lower end of its 95 % percentile interval.
        high: upper end.
        p_value: two-sided p-value of the hypothesis that both means are equal.
    """

    difference: float
    low: float
    high: float
    p_value: float


def paired_bootstrap(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], resamples: int = 5000, seed: int = 0
) -> PairedBootstrap:
    """Compare two models by a score of each image, with images drawn with replacement.

    The p-value is the share of resamples of the centred differences whose mean is at least as far from 0 as that of
    the images, the images themselves included: B. Efron & R. J. Tibshirani, "An introduction to the bootstrap" (1993),
    section 16.4.

    Args:
        first: ``(n,)`` scores of the first model.
        second: ``(n,)`` scores of the second.
        resamples: number of bootstrap samples.
        seed: seed of the resampling.
    """
    differences = first - second
    mean, n = float(differences.mean()), len(differences)
    rng = randomness.make_generator(seed, 0, "bootstrap")
    means = np.array([differences[rng.integers(0, n, n)].mean() for _ in range(resamples)])
    low, high = np.quantile(means, [0.025, 0.975])
    extreme = int((np.abs(means - mean) >= abs(mean)).sum())
    return PairedBootstrap(mean, float(low), float(high), (1 + extreme) / (1 + resamples))


@dataclass(frozen=True)
class PairedTest:
    """Wilcoxon's signed-rank test of two strategies over common seeds.

    Attributes:
        n_seeds: number of seeds that both were run with.
        first_better: number of seeds with which the first found the smaller loss.
        second_better: number of seeds with which the second found the smaller loss.
        median_difference: median of the loss difference, first − second; None where it is not finite.
        effect: rank-biserial correlation, −1..1: the share of the ranks for the first minus the share for the second
            (D. S. Kerby, "The simple difference formula", Comprehensive Psychology 3, 2014).
        p_value: two-sided p-value of the hypothesis that neither is better; 1 where both are equal with every seed.
    """

    n_seeds: int
    first_better: int
    second_better: int
    median_difference: float | None
    effect: float
    p_value: float


def compare_over_seeds(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Return Wilcoxon's signed-rank test on the losses that two strategies found with the same seeds.

    The paired t-test needs normal differences, which cannot be checked with few seeds, and the best score of a search
    is skewed. A search without a feasible trial has an infinite loss, which has a rank but no mean. Seeds without a
    difference are ignored, as by Wilcoxon. The p-value is exact up to 50 seeds, with ties up to 13. F. Wilcoxon,
    "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945).

    Args:
        first: (n,) losses, smaller is better; infinite where no trial was feasible.
        second: (n,) losses with the same seeds.
    """
    # Two searches without a feasible trial are equal.
    pairs = zip(first, second, strict=True)
    differences = np.array([0.0 if a == b else a - b for a, b in pairs], float)  # (n,)
    nonzero = differences[differences != 0]
    better, worse = int((nonzero < 0).sum()), int((nonzero > 0).sum())
    middle = float(np.median(differences)) if len(differences) else math.nan
    median = middle if math.isfinite(middle) else None
    signed = np.sign(nonzero) * stats.rankdata(np.abs(nonzero))  # infinite differences have the highest ranks
    if len(signed) == 0:
        return PairedTest(len(differences), 0, 0, median, 0.0, 1.0)
    effect = -float(signed.sum() / np.abs(signed).sum())
    return PairedTest(len(differences), better, worse, median, effect, _signed_rank_p_value(signed))


def _signed_rank_p_value(signed: npt.NDArray[np.float64]) -> float:
    """Return the p-value of nonzero signed ranks."""
    n = len(signed)
    has_ties = len(np.unique(np.abs(signed))) < n
    method = stats.PermutationMethod(n_resamples=2**n) if has_ties and n <= _MAX_ENUMERATED else "auto"
    return float(stats.wilcoxon(signed, method=method).pvalue)


def seeds_needed(n_tests: int) -> int:
    """Return the smallest number of common seeds with which any of so many tests can be significant.

    The smallest p-value of a signed-rank test on n seeds is 2/2ⁿ, and Holm multiplies the smallest by the number of
    tests: 6 seeds for one pair of strategies, 7 for the three pairs of three, 8 for the six pairs of four.
    """
    return math.ceil(math.log2(2 * n_tests / LEVEL))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of two or more values and its Student's t interval, (mean, low, high).

    Raises:
        ValueError: There are fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"Expected at least two values for an interval of their mean, got {len(values)}.")
    mean = float(np.mean(values))
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values))
    return mean, mean - half, mean + half
