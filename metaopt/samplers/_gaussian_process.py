"""Gaussian process regression of losses over the points of a space and the budgets.

scikit-learn lacks three features that are needed here: priors on the length scales, without which a dozen trials
overfit; distances of options and of inactive parameters; and a term for the learning curve that all trials share.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

# Hvarfner, Hellsten, Nardi: Vanilla Bayesian Optimization Performs Great in High Dimensions, ICML 2024,
# arXiv:2402.02229, section 5: in the unit cube of d dimensions, the logarithm of a length scale has a normal prior with
# mean √2 + log(d) / 2 and standard deviation √3. The logarithm of the noise variance has mean −4 and standard deviation
# 1, as in BoTorch.
_SCALE_MEAN, _SCALE_DEVIATION = 2**0.5, 3**0.5
_NOISE_MEAN, _NOISE_DEVIATION = -4.0, 1.0
_SCALE_BOUNDS = (-4.0, 6.0)  # bounds of the logarithms of the length scales
_NOISE_BOUNDS = (-9.0, 1.0)  # bounds of the logarithm of the noise variance
_INITIAL_SCALE = 0.5  # length scale at the start of the fit
_CURVE_SCALE = 0.5  # length scale of the shared learning curve, over the logarithms of the budgets mapped to 0..1
_MAX_ITERATIONS = 40  # maximum number of iterations of the fit; further ones hardly change proposals
_PRIOR_VARIANCE = 2.0  # variance before any observation: 1 of the kernel and 1 of the learning curve
_MIN_VARIANCE = 1e-12
_SQRT5 = 5**0.5


@dataclass(frozen=True)
class Inputs:
    """Inputs of n observations.

    Attributes:
        units: unit values (n, d), see ``Space.encode``; the last column is the budget. An inactive number has the
            middle of its range; for a choice, being inactive is an additional option.
        unordered: (d,), whether all different values have the same distance.
    """

    units: np.ndarray
    unordered: np.ndarray

    def __len__(self) -> int:
        return len(self.units)

    def squared_distances(self, other: "Inputs") -> np.ndarray:
        """Return the squared distances (d, n, m) in each dimension; 0 or 1 for options."""
        squares = (self.units.T[:, :, None] - other.units.T[:, None, :]) ** 2
        squares[self.unordered] = squares[self.unordered] > 0
        return squares

    def __add__(self, other: "Inputs") -> "Inputs":
        return Inputs(np.vstack([self.units, other.units]), self.unordered)


@dataclass(frozen=True)
class GaussianProcess:
    """Posterior of losses with mean 0 and variance 1.

    The covariance is the sum of a Matérn kernel with ν = 5/2, with a length scale for each parameter and the budget, of
    noise, and of the covariance of a learning curve that all points share.

    Attributes:
        inputs: inputs of n >= 1 observations.
        losses: observed losses (n,).
        log_scales: logarithms of the length scales (d,).
        log_noise: logarithm of the noise variance.
    """

    inputs: Inputs
    losses: np.ndarray
    log_scales: np.ndarray
    log_noise: float

    @classmethod
    def fit(cls, inputs: Inputs, losses: np.ndarray) -> "GaussianProcess":
        """Fit length scales and noise: maximise their posterior density under the priors above."""
        count = len(inputs.unordered)
        density = _NegativeLogDensity(inputs, losses)
        start = np.append(np.full(count, math.log(_INITIAL_SCALE)), _NOISE_MEAN)
        bounds = [_SCALE_BOUNDS] * count + [_NOISE_BOUNDS]
        options = {"maxiter": _MAX_ITERATIONS}
        found = minimize(density, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
        return cls(inputs, losses, found[:-1], float(found[-1]))

    def predict(self, points: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the losses at m points, both (m,), without noise."""
        squares = points.squared_distances(self.inputs)
        cross = _compute_matern(squares, self.log_scales)[0] + _compute_curve_covariance(points, self.inputs)
        mean = cross @ cho_solve((self._factor, True), self.losses)
        explained = solve_triangular(self._factor, cross.T, lower=True)
        return mean, np.sqrt(np.maximum(_PRIOR_VARIANCE - (explained**2).sum(axis=0), _MIN_VARIANCE))

    def condition_on_mean(self, inputs: Inputs) -> "GaussianProcess":
        """Add observations that equal the predicted mean: the mean does not change, the deviation decreases."""
        mean, _ = self.predict(inputs)
        return replace(self, inputs=self.inputs + inputs, losses=np.append(self.losses, mean))

    @cached_property
    def _factor(self) -> np.ndarray:
        squares = self.inputs.squared_distances(self.inputs)
        kernel = _compute_matern(squares, self.log_scales)[0] + _compute_curve_covariance(self.inputs, self.inputs)
        kernel[np.diag_indices_from(kernel)] += math.exp(self.log_noise)
        return cholesky(kernel, lower=True)


class _NegativeLogDensity:
    """Negative logarithm of the posterior density of length scales and noise, up to a constant."""

    def __init__(self, inputs: Inputs, losses: np.ndarray):
        self._losses = losses
        self._squares = inputs.squared_distances(inputs)
        self._curve = _compute_curve_covariance(inputs, inputs)
        count = len(inputs.unordered)
        self._means = np.append(np.full(count, _SCALE_MEAN + math.log(count) / 2), _NOISE_MEAN)
        self._deviations = np.append(np.full(count, _SCALE_DEVIATION), _NOISE_DEVIATION)

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient (d + 1,) for the logarithms of the length scales and of the noise variance."""
        log_scales, noise = parameters[:-1], math.exp(parameters[-1])
        matern, slope = _compute_matern(self._squares, log_scales)
        kernel = matern + self._curve
        kernel[np.diag_indices_from(kernel)] += noise
        factor = cho_factor(kernel, lower=True)
        weights = cho_solve(factor, self._losses)
        value = 0.5 * self._losses @ weights + np.log(np.diag(factor[0])).sum()
        # ∂value/∂K, see Rasmussen & Williams: Gaussian Processes for Machine Learning, 2006, equation 5.9.
        outer = 0.5 * (cho_solve(factor, np.eye(len(kernel))) - np.outer(weights, weights))
        by_scale = self._squares.reshape(len(log_scales), -1) @ (outer * slope).ravel() * np.exp(-2 * log_scales)
        off = (parameters - self._means) / self._deviations
        gradient = np.append(by_scale, noise * np.trace(outer)) + off / self._deviations
        return float(value + 0.5 * (off @ off)), gradient


def _compute_matern(squares: np.ndarray, log_scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel k(r), (n, m), and s(r), (n, m), with ∂k/∂log ℓ_i = s(r) · d_i² / ℓ_i²."""
    scaled = np.tensordot(np.exp(-2 * log_scales), squares, axes=1)
    distance = _SQRT5 * np.sqrt(scaled)
    decay = np.exp(-distance)
    return (1 + distance + distance**2 / 3) * decay, 5 / 3 * (1 + distance) * decay


def _compute_curve_covariance(one: Inputs, other: Inputs) -> np.ndarray:
    """Return the covariance (n, m) of the learning curve that all points share."""
    return np.exp(-0.5 * ((one.units[:, None, -1] - other.units[None, :, -1]) / _CURVE_SCALE) ** 2)
