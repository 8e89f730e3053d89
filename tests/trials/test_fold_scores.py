"""Scores of folds: the corrected resampled variance, and the chance of a trial after its first folds."""

import math

import numpy as np
import pytest
from scipy import stats

from metaopt.trials.fold_scores import chance_to_win, corrected_standard_error, mean_of_folds


def test_standard_error_of_one_cross_validation_is_that_of_its_folds():
    scores = [0.8, 0.9, 0.85, 0.7, 0.95]
    assert corrected_standard_error(scores, 5) == pytest.approx(stats.sem(scores))


def test_standard_error_of_repeated_folds_is_corrected():
    """Nadeau & Bengio's equation 9 with n2 / n1 = 1 / 4."""
    scores = [0.8, 0.9, 0.85, 0.7, 0.95, 0.8, 0.82, 0.88, 0.79, 0.91]
    assert corrected_standard_error(scores, 5, 2) == pytest.approx(math.sqrt((1 / 10 + 1 / 4) * np.var(scores, ddof=1)))
    many = corrected_standard_error(scores * 100, 5, 200)
    assert many > 0.4 * np.std(scores, ddof=1), "repeats cannot make it small"


def test_chance_to_win_among_very_many_folds_is_the_p_value_of_the_paired_t_test():
    differences = [0.03, 0.01, 0.05, -0.01, 0.02]
    expected = stats.ttest_1samp(differences, 0, alternative="greater").pvalue
    assert chance_to_win(differences, 10**9) == pytest.approx(expected, rel=1e-6)


def test_chance_to_win_is_that_of_the_folds_to_come():
    """Drawn from the predictive distribution of normal differences: mean of the rest, given the first ones."""
    differences, total = np.array([0.03, 0.01, 0.05, -0.01]), 10
    rng, n, n_rest = np.random.default_rng(0), len(differences), total - len(differences)
    # Posterior of mean and variance under the usual noninformative prior (Gelman et al., Bayesian Data Analysis, 3.2).
    variance = differences.var(ddof=1) * (n - 1) / rng.chisquare(n - 1, 400_000)
    mean = rng.normal(differences.mean(), np.sqrt(variance / n))
    rest = rng.normal(mean, np.sqrt(variance / n_rest))
    won = np.mean((differences.sum() + n_rest * rest) / total <= 0)
    assert chance_to_win(differences, total) == pytest.approx(won, abs=2e-3)


@pytest.mark.parametrize(("difference", "expected"), [(0.1, 0.0), (0.0, 1.0), (-0.1, 1.0)])
def test_chance_to_win_with_equal_differences(difference, expected):
    assert chance_to_win([difference] * 3, 5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.6])
def test_chance_to_win_holds_for_correlated_folds(correlation):
    """However much folds share, a chance below 5 % is given to fewer than 5 % of the trials that win."""
    rng, total, n = np.random.default_rng(1), 10, 4
    shared = rng.normal(0, math.sqrt(correlation), (20_000, 1))
    differences = shared + rng.normal(0, math.sqrt(1 - correlation), (20_000, total))
    wins = differences.mean(axis=1) <= 0
    hopeless = np.array([chance_to_win(each[:n], total) < 0.05 for each in differences[:4000]])
    assert np.mean(hopeless & wins[:4000]) < 0.05
    assert np.mean(hopeless) > 0.07  # and some that do lose are found


def test_repeats_count_each_image_once():
    folds = [{"val_accuracy": 0.5, "val_images": 20.0}, {"val_accuracy": 0.7, "val_images": 20.0}] * 2
    assert mean_of_folds(folds, 2) == {"val_accuracy": pytest.approx(0.6), "val_images": 40.0}
    assert mean_of_folds(folds[:1], 2) == folds[0]
