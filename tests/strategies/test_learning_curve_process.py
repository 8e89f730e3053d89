"""The process of learning curves: its gradient, and its posterior against the formulas written out."""

import math

import numpy as np
import pytest

from metaopt.strategies.learning_curve_process import (
    LearningCurveProcess,
    Observed,
    _NegativeLogDensity,
    prior_medians,
)
from metaopt.strategies.points import Metric, Points

METRIC = Metric(np.array([False, True, False]), np.array([0, 1, 0]))


def points(n: int, seed: int = 0) -> Points:
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.random(n), rng.integers(0, 3, n) / 3, rng.random(n)])
    return Points(features, (2 * features[:, :1] - 1) ** 2 - 0.5)


def observed(seed: int = 0) -> Observed:
    """Seven trials with one to three losses each."""
    rng = np.random.default_rng(seed)
    trials = np.repeat(np.arange(7), [1, 2, 3, 1, 3, 2, 3])
    return Observed(points(7), trials, rng.choice([0.2, 0.5, 0.8, 1.0], len(trials)), rng.normal(size=len(trials)))


def covariance(process, one, t, other, u, *, same: bool) -> float:
    """Covariance of a trial at t and another at u, as the docstring of the module has it."""
    *scales, v, w, o, _, c, luck_scale = np.exp(process.log_parameters)
    ordered = (one.features[0, [0, 2]] - other.features[0, [0, 2]]) ** 2
    differs = float(one.features[0, 1] != other.features[0, 1])
    r = math.sqrt(5) * math.sqrt(ordered.sum() / scales[0] ** 2 + differs / scales[1] ** 2)
    k = (1 + r + r**2 / 3) * math.exp(-r)
    shared = 0.1 * math.exp(-((t - u) ** 2) / 0.5) + 0.36 * float(one.beliefs[0] @ other.beliefs[0])
    luck = o * math.exp(-abs(t - u) / luck_scale) if same else 0.0
    return k * (v + w * math.exp(-((t - u) ** 2) / (2 * c**2))) + luck + shared


def test_gradient_is_that_of_the_density() -> None:
    density = _NegativeLogDensity(observed(), METRIC, prior_medians(METRIC))
    for seed in range(3):
        at = prior_medians(METRIC) + np.random.default_rng(seed).normal(size=8) / 2
        numeric = [(density(at + step)[0] - density(at - step)[0]) / 2e-5 for step in 1e-5 * np.eye(len(at))]
        assert density(at)[1] == pytest.approx(numeric, abs=1e-5)


def test_posterior_is_that_of_the_formulas() -> None:
    seen = observed()
    process = LearningCurveProcess(seen, METRIC, prior_medians(METRIC) + 0.1)
    new, times = points(2, seed=5), np.array([[0.3, 1.0], [0.6, 1.0]])
    found = process.posterior(new, times, np.array([-1, 4]))
    seen_at = [(seen.points[i : i + 1], t, i) for i, t in zip(seen.trials, seen.times, strict=True)]
    matrix = np.array([[covariance(process, p, t, q, u, same=i == j) for q, u, j in seen_at] for p, t, i in seen_at])
    matrix += np.exp(process.log_parameters[-3]) * np.eye(len(matrix))
    residuals = seen.losses - 0.8 * seen.points.beliefs[seen.trials, 0]
    for a, trial in ((0, -1), (1, 4)):
        mine = new[a : a + 1]
        cross = np.array(
            [[covariance(process, mine, t, q, u, same=trial == j) for q, u, j in seen_at] for t in times[a]]
        )
        prior = np.array([[covariance(process, mine, t, mine, u, same=True) for u in times[a]] for t in times[a]])
        expected = prior - cross @ np.linalg.solve(matrix, cross.T)
        mean = 0.8 * mine.beliefs[0, 0] + cross @ np.linalg.solve(matrix, residuals)
        assert found.means[a] == pytest.approx(mean)
        assert found.variances[a] == pytest.approx(np.diag(expected))
        assert found.covariances[a] == pytest.approx(expected[:, -1])


def test_fit_finds_the_parameter_that_matters() -> None:
    rng = np.random.default_rng(1)
    features = rng.random((40, 3))
    metric = Metric(np.zeros(3, dtype=bool), np.arange(3))
    seen = Observed(Points(features, np.zeros((40, 0))), np.arange(40), np.ones(40), np.sin(6 * features[:, 0]) * 1.4)
    scales = np.exp(LearningCurveProcess.fit(seen, metric).log_parameters[:3])
    assert scales[0] < scales[1:].min() / 2
