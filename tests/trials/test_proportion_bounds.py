"""Clopper-Pearson bounds: against scipy's, R's and published numbers."""

import pytest
from scipy import stats

from metaopt.trials.proportion_bounds import images_needed, lower_bound


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (1, 5), (5, 5), (58, 60), (700, 1000)])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_bounds_are_those_of_scipy(hits: int, total: int, confidence: float) -> None:
    test = stats.binomtest(hits, total, alternative="greater")
    expected = test.proportion_ci(confidence, method="exact").low
    assert lower_bound(hits, total, confidence) == pytest.approx(expected, abs=1e-12)
    quantile = stats.beta.ppf(1 - confidence, hits, total - hits + 1) if hits else 0.0
    assert lower_bound(hits, total, confidence) == pytest.approx(quantile, abs=1e-12)


def test_bound_is_that_of_conover_by_r() -> None:
    # Conover 1971, p. 97: 682 of 925 plants; the two-sided 95 % interval of R's help of binom.test.
    assert lower_bound(682, 925, 0.975) == pytest.approx(0.7076683, abs=1e-7)


@pytest.mark.parametrize(("bound", "confidence", "n"), [(0.95, 0.95, 59), (0.9, 0.95, 29), (0.99, 0.95, 299)])
def test_images_needed_are_the_sizes_of_wilks(bound: float, confidence: float, n: int) -> None:
    assert images_needed(bound, confidence) == n
    assert lower_bound(n, n, confidence) >= bound > lower_bound(n - 1, n - 1, confidence)


def test_without_images_the_bound_is_zero() -> None:
    assert lower_bound(0, 0, 0.95) == 0
