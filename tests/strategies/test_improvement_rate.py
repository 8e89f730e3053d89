"""The rate of a check against simulated trainings."""

import numpy as np
import pytest

from metaopt.strategies.improvement_rate import expected_improvement, improvement_rates


def test_expected_improvement_is_the_mean_of_improvements() -> None:
    draws = np.random.default_rng(0).normal(0.4, 0.7, 200_000)
    found = expected_improvement(0.1, np.array([0.4]), np.array([0.7]))
    assert found == pytest.approx(np.maximum(0.1 - draws, 0).mean(), rel=0.01)


def test_a_check_at_r_is_expected_improvement_per_cost() -> None:
    mean, variance = np.array([0.3, -0.2]), np.array([0.25, 0.04])
    rates = improvement_rates(0.0, mean, variance, np.zeros((2, 1)), np.array([[2.0], [3.0]]), np.zeros((2, 1)))
    expected = expected_improvement(0.0, mean, np.sqrt(variance)) / [2.0, 3.0]
    assert rates[:, 0] == pytest.approx(expected)


def test_rate_is_that_of_the_best_rule_of_dropping() -> None:
    """No threshold of simulated trainings has a better rate, and the best one has the rate that was computed."""
    best, mean, variance, told, first, rest = -0.5, 0.2, 0.5, 0.35, 1.0, 6.0
    found = improvement_rates(
        best, np.array([mean]), np.array([variance]), np.array([[told]]), np.array([[first]]), np.array([[rest]])
    )[0, 0]
    after = np.random.default_rng(0).normal(mean, told**0.5, 200_000)
    gains = expected_improvement(best, after, np.full(len(after), (variance - told) ** 0.5))
    rates = []
    for threshold in np.quantile(gains, np.linspace(0, 0.99, 50)):
        continued = gains > threshold
        rates.append((gains * continued).mean() / (first + continued.mean() * rest))
    assert found == pytest.approx(max(rates), rel=0.05)
    assert found > rates[0] * 1.2, "the right to drop is worth something"
