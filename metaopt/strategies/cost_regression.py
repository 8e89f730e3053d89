"""Bayesian linear regression of logarithms of seconds (Bishop 2006: Pattern Recognition and Machine Learning, 3.3)."""

import numpy as np

_PRIOR_DEVIATION = 0.5  # of the coefficients of log seconds: from one end of a parameter to the other, a factor of 1.6
_NOISE_DEVIATION = 0.15  # of log seconds about the regression
_FLAT = 1e3


def regress(inputs: np.ndarray, targets: np.ndarray, constant_deviation: float = _FLAT) -> np.ndarray:
    """Return the posterior mean of the coefficients, (k, targets).

    Args:
        inputs: of n >= 0 trials, the constant first, (n, k).
        targets: logarithms of seconds, (n, targets).
        constant_deviation: prior standard deviation of the constant about 0.
    """
    precision = np.full(inputs.shape[1], 1 / _PRIOR_DEVIATION**2)
    precision[0] = 1 / constant_deviation**2
    scaled = inputs.T / _NOISE_DEVIATION**2
    return np.linalg.solve(np.diag(precision) + scaled @ inputs, scaled @ targets)
