"""The tests of a comparison against published worked examples."""

import math

import numpy as np
import pytest
from scipy import stats

from metaopt.report.analysis.comparison.significance import (
    compare_over_seeds,
    mcnemar,
    mean_interval,
    paired_bootstrap,
    seeds_needed,
)
from metaopt.report.analysis.multiple_testing import holm


@pytest.mark.parametrize(
    ("b", "c", "statistic", "p_value"),
    [
        # A drug and a placebo, MathWorks File Exchange 15472: "McNemar chi-square (with Yates'es correction) =
        # 20.672222 p = 0.000005".
        (59, 121, 20.672222, 5.45e-6),
        (25, 15, 2.025, 0.155),  # mlxtend, "McNemar's Test", scenario B, and the next source: 2.025, p 0.155
        (61, 27, 12.375, 4.35e-4),  # Cumulus chart review, "The McNemar Command": 12.375, p 4.35e-04
    ],
)
def test_mcnemar_with_continuity_correction(b: int, c: int, statistic: float, p_value: float) -> None:
    test = mcnemar(b, c)
    assert not test.is_exact
    assert test.statistic == pytest.approx(statistic, abs=5e-5)
    assert test.p_value == pytest.approx(p_value, rel=5e-3)


@pytest.mark.parametrize(
    ("b", "c", "p_value"),
    [
        (4, 12, 0.07681274),  # scipy.stats.binomtest(4, 16, 0.5)
        (11, 1, 2 * (1 + 12) / 2**12),  # by hand: none or one of twelve, and as many on the other side
        (0, 5, 2 / 32),
        (7, 7, 1.0),
        (0, 0, 1.0),  # two models that are right on the same images
    ],
)
def test_mcnemar_is_exact_with_few_images(b: int, c: int, p_value: float) -> None:
    test = mcnemar(b, c)
    assert test.is_exact
    assert test.p_value == pytest.approx(p_value, abs=1e-7)
    assert mcnemar(c, b).p_value == pytest.approx(p_value, abs=1e-7)


def test_mcnemar_is_exact_below_25_images() -> None:
    assert mcnemar(12, 12).is_exact
    assert not mcnemar(12, 13).is_exact
    assert mcnemar(13, 12).p_value == pytest.approx(1.0)
    assert mcnemar(13, 13).p_value == 1.0  # the correction does not turn into a difference where there is none
    assert mcnemar(400, 300).p_value == pytest.approx(stats.binomtest(400, 700).pvalue, rel=0.05)


def test_wilcoxon() -> None:
    # Darwin's pairs of maize, the example of scipy.stats.wilcoxon after R. A. Fisher: p 0.041259765625.
    differences = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
    paired = compare_over_seeds(differences, [0] * 15)
    assert paired.p_value == pytest.approx(0.041259765625)
    assert (paired.n_seeds, paired.first_better, paired.second_better) == (15, 2, 13)
    assert paired.median_difference == 24
    assert paired.effect == pytest.approx((24 - (120 - 24)) / 120)  # its W is 24, and the ranks of 15 add up to 120


def test_wilcoxon_with_ties_and_infinite_losses() -> None:
    tied = compare_over_seeds([0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1])
    assert tied.p_value == pytest.approx(2 / 2**6)
    same = compare_over_seeds([1, math.inf], [1, math.inf])
    assert (same.p_value, same.first_better, same.second_better) == (1.0, 0, 0)
    assert same.median_difference == 0
    nothing = compare_over_seeds([math.inf] * 6, np.arange(6.0))
    assert nothing.p_value == pytest.approx(2 / 2**6)
    assert nothing.median_difference is None
    assert compare_over_seeds([], []).p_value == 1.0


def test_seeds_needed_for_significance() -> None:
    assert [seeds_needed(tests) for tests in (1, 3, 6)] == [6, 7, 8]
    for tests in (1, 3, 6):
        for seeds, found in ((seeds_needed(tests), True), (seeds_needed(tests) - 1, False)):
            smallest = compare_over_seeds(np.arange(seeds), np.arange(seeds) * 2.0 + 1).p_value
            assert (holm([smallest] + [1.0] * (tests - 1))[0] <= 0.05) == found


def test_interval_of_a_mean() -> None:
    values = [0.94, 0.95, 0.955, 0.96, 0.948]
    mean, low, high = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert low < mean < high
    assert mean_interval([0.5, 0.5]) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least two values"):
        mean_interval([0.5])


def test_paired_bootstrap_finds_a_difference_only_where_there_is_one() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=300)
    same = paired_bootstrap(first, first + rng.normal(0, 1, 300) * rng.choice([-1, 1], 300))
    assert same.low < 0 < same.high
    assert same.p_value > 0.05
    worse = paired_bootstrap(first, first - 0.5 + rng.normal(0, 0.5, 300))
    assert 0 < worse.low < worse.difference < worse.high
    assert worse.p_value < 0.001


def test_paired_bootstrap_agrees_with_the_t_test() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.12, 1, 300), np.zeros(300)
    assert paired_bootstrap(first, second).p_value == pytest.approx(stats.ttest_1samp(first, 0).pvalue, abs=0.02)
