"""Gaussian process of a function that changes with time, and its upper confidence bound.

The covariance of two observations is k((x, t), (x', t')) = exp(−‖x − x'‖² / (2 ℓ²)) · (1 − ε)^(|t − t'| / 2), so that
observations are forgotten with time at the rate ε (Bogunovic, Scarlett, Cevher 2016: Time-Varying Gaussian Process
Bandit Optimization, arXiv:1601.06650, section 2; Parker-Holder, Nguyen, Roberts 2020, arXiv:2002.02518, section 4).
Length scale, noise and rate maximise the marginal likelihood.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from metaopt.samplers._gaussian_process import Inputs

# Bounds of the fit: logarithms of length scale and noise variance, and the forgetting rate, for which
# ray.tune.schedulers.pb2_utils, by an author of PB2, has these.
_SCALE_BOUNDS = (math.log(0.05), math.log(20.0))
_NOISE_BOUNDS = (math.log(1e-4), 0.0)
_FORGETTING_BOUNDS = (1e-5, 0.5)
_START = (0.0, math.log(0.01), 0.1)
_C1, _C2 = 0.2, 0.4  # of the exploration weight, as in the same file
_MIN_VARIANCE = 1e-12


@dataclass(frozen=True)
class Moments:
    """Points in time.

    Attributes:
        inputs: the points.
        times: their times, (n,).
    """

    inputs: Inputs
    times: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.inputs + other.inputs, np.append(self.times, other.times))


@dataclass(frozen=True)
class TimeVaryingProcess:
    """Posterior of a function with mean 0 and variance 1 that changes with time.

    Attributes:
        moments: where n >= 1 values were observed.
        values: the values, (n,).
        log_scale: logarithm of the length scale ℓ.
        log_noise: logarithm of the noise variance.
        forgetting: the rate ε.
    """

    moments: Moments
    values: np.ndarray
    log_scale: float
    log_noise: float
    forgetting: float

    @classmethod
    def fit(cls, moments: Moments, values: np.ndarray) -> "TimeVaryingProcess":
        """Fit length scale, noise and forgetting rate: maximise the marginal likelihood."""
        squares, gaps = _distances(moments, moments)

        def negative_log_likelihood(parameters: np.ndarray) -> float:
            kernel = compute_kernel(squares, gaps, parameters[0], parameters[2])
            kernel[np.diag_indices_from(kernel)] += math.exp(parameters[1])
            factor = cholesky(kernel, lower=True)
            return float(0.5 * values @ cho_solve((factor, True), values) + np.log(np.diag(factor)).sum())

        bounds = [_SCALE_BOUNDS, _NOISE_BOUNDS, _FORGETTING_BOUNDS]
        scale, noise, forgetting = minimize(negative_log_likelihood, _START, method="L-BFGS-B", bounds=bounds).x
        return cls(moments, values, float(scale), float(noise), float(forgetting))

    def predict(self, moments: Moments) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the function at m points in time, both (m,), without noise."""
        cross = compute_kernel(*_distances(moments, self.moments), self.log_scale, self.forgetting)
        mean = cross @ cho_solve((self._factor, True), self.values)
        explained = solve_triangular(self._factor, cross.T, lower=True)
        return mean, np.sqrt(np.maximum(1.0 - (explained**2).sum(axis=0), _MIN_VARIANCE))

    def condition_on_mean(self, moments: Moments) -> "TimeVaryingProcess":
        """Add observations that equal the predicted mean: the mean does not change, the deviation decreases.

        So points are selected for several workers at once (Desautels, Krause, Burdick 2014: Parallelizing
        Exploration-Exploitation Tradeoffs in Gaussian Process Bandit Optimization, JMLR 15, GP-BUCB).
        """
        mean, _ = self.predict(moments)
        return replace(self, moments=self.moments + moments, values=np.append(self.values, mean))

    def upper_bound(self, moments: Moments) -> np.ndarray:
        """Return μ + √β · σ of the function at m points in time, (m,)."""
        mean, deviation = self.predict(moments)
        return mean + math.sqrt(exploration_weight(len(self.values))) * deviation

    @cached_property
    def _factor(self) -> np.ndarray:
        squares, gaps = _distances(self.moments, self.moments)
        kernel = compute_kernel(squares, gaps, self.log_scale, self.forgetting)
        kernel[np.diag_indices_from(kernel)] += math.exp(self.log_noise)
        return cholesky(kernel, lower=True)


def exploration_weight(n: int) -> float:
    """Return β after n observations: c₁ + max(0, log(c₂ n)) with c₁ = 0.2 and c₂ = 0.4."""
    return _C1 + max(0.0, math.log(_C2 * n))


def compute_kernel(squares: np.ndarray, gaps: np.ndarray, log_scale: float, forgetting: float) -> np.ndarray:
    """Return the covariances of points in time.

    Args:
        squares: squared distances of the points, (n, m).
        gaps: differences of their times, (n, m).
        log_scale: logarithm of the length scale.
        forgetting: the rate ε, in [0, 1).
    """
    return np.exp(-0.5 * squares * math.exp(-2 * log_scale)) * (1 - forgetting) ** (0.5 * gaps)


def _distances(one: Moments, other: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Return squared distances and differences in time, both (n, m)."""
    squares = one.inputs.squared_distances(other.inputs).sum(axis=0)
    return squares, np.abs(one.times[:, None] - other.times[None, :])
