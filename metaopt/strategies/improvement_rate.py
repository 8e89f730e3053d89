"""Expected improvement per cost of training a trial on, with the right to drop it at a check on the way.

The trial has a final loss F ~ N(m, s²) at R. A check at an earlier rung observes a loss that is correlated with F,
after which the posterior mean of F is distributed as N(m, told), told = cov(F, check)² / var(check), and its variance
is s² − told. With e the expected improvement after the check, c₁ the cost up to it and c₂ the cost from there to R, the
trial is trained on where e > r · c₂, so the rate of the pair (trial, check) solves

    r = E[e · 1(e > r · c₂)] / (c₁ + P(e > r · c₂) · c₂)

It is found by Dinkelbach's iteration (1967, doi:10.1287/mnsc.13.7.492), with a quadrature over the posterior mean. The
check at R itself is plain expected improvement per cost (Snoek, Larochelle, Adams 2012, arXiv:1206.2944, section 3.2).
"""

import math

import numpy as np
from scipy.special import ndtr

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(17)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_ITERATIONS = 6


def expected_improvement(best: float, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return E[max(best − F, 0)] for F ~ N(mean, deviation²)."""
    z = (best - mean) / deviation
    return deviation * (np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) + z * ndtr(z))


def improvement_rates(
    best: float,
    mean: np.ndarray,
    variance: np.ndarray,
    told: np.ndarray,
    cost_to_check: np.ndarray,
    cost_to_end: np.ndarray,
) -> np.ndarray:
    """Return the rate of each trial through each check, (a, h).

    Args:
        best: the loss to improve on.
        mean: mean of the final loss of each trial, (a,).
        variance: its variance, (a,).
        told: variance of the posterior mean after each check, (a, h).
        cost_to_check: cost until the check, > 0, (a, h).
        cost_to_end: cost from the check to R, (a, h); 0 for the check at R.
    """
    told = np.clip(told, 0.0, variance[:, None] * (1 - 1e-6))
    after = mean[:, None, None] + np.sqrt(told)[:, :, None] * _NODES
    left = np.sqrt(variance[:, None] - told)[:, :, None]
    gains = expected_improvement(best, after, left)  # (a, h, nodes)
    rates = (gains @ _WEIGHTS) / (cost_to_check + cost_to_end)
    for _ in range(_ITERATIONS):
        trains_on = gains > (rates * cost_to_end)[:, :, None]
        rates = ((gains * trains_on) @ _WEIGHTS) / (cost_to_check + (trains_on @ _WEIGHTS) * cost_to_end)
    return rates
