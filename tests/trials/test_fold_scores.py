"""Scores of folds: the corrected resampled variance, and the paired test."""

import math

import numpy as np
import pytest
from scipy import stats

from metaopt.trials.fold_scores import corrected_standard_error, mean_of_folds, probability_not_worse


def test_standard_error_of_one_cross_validation_is_that_of_its_folds():
    scores = [0.8, 0.9, 0.85, 0.7, 0.95]
    assert corrected_standard_error(scores, 5) == pytest.approx(stats.sem(scores))


def test_standard_error_of_repeated_folds_is_corrected():
    """Nadeau & Bengio's equation 9 with n2 / n1 = 1 / 4."""
    scores = [0.8, 0.9, 0.85, 0.7, 0.95, 0.8, 0.82, 0.88, 0.79, 0.91]
    assert corrected_standard_error(scores, 5, 2) == pytest.approx(math.sqrt((1 / 10 + 1 / 4) * np.var(scores, ddof=1)))
    many = corrected_standard_error(scores * 100, 5, 200)
    assert many > 0.4 * np.std(scores, ddof=1), "repeats cannot make it small"


def test_p_value_without_shared_images_is_that_of_scipy():
    """With as many folds as one likes, n2 / n1 vanishes, and the paired t-test is left."""
    differences = [0.03, 0.01, 0.05, -0.01, 0.02]
    expected = stats.ttest_1samp(differences, 0, alternative="greater").pvalue
    assert probability_not_worse(differences, 10**9) == pytest.approx(expected, rel=1e-6)


def test_p_value_is_that_of_the_corrected_t_statistic():
    differences = np.array([0.03, 0.01, 0.05, -0.01, 0.02])
    t = differences.mean() / math.sqrt((1 / 5 + 1 / 4) * differences.var(ddof=1))
    assert probability_not_worse(differences, 5) == pytest.approx(stats.t.sf(t, 4))


@pytest.mark.parametrize(("difference", "expected"), [(0.1, 0.0), (0.0, 1.0), (-0.1, 1.0)])
def test_p_value_of_equal_differences(difference, expected):
    assert probability_not_worse([difference] * 3, 5) == pytest.approx(expected, abs=1e-12)


def test_error_rate_on_real_folds_is_that_of_the_test():
    """Two equal algorithms on overlapping training sets: the uncorrected test errs far more often than the level."""
    rng = np.random.default_rng(0)
    n_runs, corrected, plain = 400, 0, 0
    for _ in range(n_runs):
        # Differences of folds share a part: the correlation of Nadeau & Bengio, n2 / (n1 + n2).
        shared, own = rng.normal(0, math.sqrt(0.2)), rng.normal(0, math.sqrt(0.8), 10)
        differences = list(shared + own)
        corrected += probability_not_worse(differences, 5) < 0.05
        plain += stats.ttest_1samp(differences, 0, alternative="greater").pvalue < 0.05
    assert corrected / n_runs <= 0.07
    assert plain / n_runs > 0.12


def test_repeats_count_each_image_once():
    folds = [{"val_accuracy": 0.5, "val_images": 20.0}, {"val_accuracy": 0.7, "val_images": 20.0}] * 2
    assert mean_of_folds(folds, 2) == {"val_accuracy": pytest.approx(0.6), "val_images": 40.0}
    assert mean_of_folds(folds[:1], 2) == folds[0]
