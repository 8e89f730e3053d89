"""Gaussian process regression of losses over points of a space and budgets.

Written here, and not taken from scikit-learn, for what that lacks: priors on the length scales, without which a dozen
trials overfit, distances of choices and of parameters that a trial does not have, and a term for the learning curve
that all trials share.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

# Hvarfner, Hellsten, Nardi: Vanilla Bayesian Optimization Performs Great in High Dimensions, ICML 2024,
# arXiv:2402.02229, section 5: logarithms of the length scales are normal around √2 + log(d) / 2 with a standard
# deviation of √3, in the unit cube of d dimensions. That of the noise's variance is as in BoTorch: around −4, 1.
_SCALE_MEAN, _SCALE_DEVIATION = 2**0.5, 3**0.5
_NOISE_MEAN, _NOISE_DEVIATION = -4.0, 1.0
_BOUNDS = (-4.0, 6.0)  # of the logarithms of length scales
_NOISE_BOUNDS = (-9.0, 1.0)
_FIRST_SCALE = 0.5  # from which the fit begins
_CURVE_SCALE = 0.5  # of the shared learning curve, over all budgets' logarithms mapped to 0..1
_ITERATIONS = 40  # of the fit; later ones change proposals little
_VARIANCE = 2.0  # before anything is observed: the kernel's 1, and 1 of the learning curve
_LEAST_VARIANCE = 1e-12
_SQRT5 = 5**0.5


@dataclass(frozen=True)
class Inputs:
    """Where losses were, or are to be, observed; each array has a row per observation.

    Attributes:
        places: (n, d), see ``Space.encode``; the last column is the budget's. A number that a trial does not have is in
            the middle of its range; an option that it does not have is an option of its own.
        unordered: (d,), whether unequal places are equally far apart.
    """

    places: np.ndarray
    unordered: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def squares(self, other: "Inputs") -> np.ndarray:
        """Squared distances (d, n, m), 0 or 1 between options."""
        found = (self.places.T[:, :, None] - other.places.T[:, None, :]) ** 2
        found[self.unordered] = found[self.unordered] > 0
        return found

    def __add__(self, other: "Inputs") -> "Inputs":
        return Inputs(np.vstack([self.places, other.places]), self.unordered)


@dataclass(frozen=True)
class GaussianProcess:
    """The posterior of losses, which are to have mean 0 and variance 1.

    The covariance is a Matérn kernel with ν = 5/2 and a length scale for each parameter and the budget, noise, and the
    covariance of a learning curve that all points share.

    Attributes:
        inputs: n of them, 1 or more.
        losses: (n,).
        log_scales: logarithms of the length scales, (d,).
        log_noise: logarithm of the noise's variance.
    """

    inputs: Inputs
    losses: np.ndarray
    log_scales: np.ndarray
    log_noise: float

    @classmethod
    def fit(cls, inputs: Inputs, losses: np.ndarray) -> "GaussianProcess":
        """With the length scales and the noise of the largest posterior density under the priors above."""
        count = len(inputs.unordered)
        density = _Density(inputs, losses)
        start = np.append(np.full(count, math.log(_FIRST_SCALE)), _NOISE_MEAN)
        bounds = [_BOUNDS] * count + [_NOISE_BOUNDS]
        options = {"maxiter": _ITERATIONS}
        found = minimize(density, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
        return cls(inputs, losses, found[:-1], float(found[-1]))

    def predict(self, points: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the losses at points, both (m,), without noise."""
        cross = _matern(points.squares(self.inputs), self.log_scales)[0] + _curve(points, self.inputs)
        mean = cross @ cho_solve((self._factor, True), self.losses)
        explained = solve_triangular(self._factor, cross.T, lower=True)
        return mean, np.sqrt(np.maximum(_VARIANCE - (explained**2).sum(axis=0), _LEAST_VARIANCE))

    def also(self, inputs: Inputs) -> "GaussianProcess":
        """As if losses as expected had been observed at further points: the mean stays, the deviation shrinks."""
        mean, _ = self.predict(inputs)
        return replace(self, inputs=self.inputs + inputs, losses=np.append(self.losses, mean))

    @cached_property
    def _factor(self) -> np.ndarray:
        kernel = _matern(self.inputs.squares(self.inputs), self.log_scales)[0] + _curve(self.inputs, self.inputs)
        kernel[np.diag_indices_from(kernel)] += math.exp(self.log_noise)
        return cholesky(kernel, lower=True)


class _Density:
    """The negative logarithm of the posterior density of length scales and noise, up to a constant."""

    def __init__(self, inputs: Inputs, losses: np.ndarray):
        self._losses = losses
        self._squares = inputs.squares(inputs)
        self._shared = _curve(inputs, inputs)
        count = len(inputs.unordered)
        self._means = np.append(np.full(count, _SCALE_MEAN + math.log(count) / 2), _NOISE_MEAN)
        self._deviations = np.append(np.full(count, _SCALE_DEVIATION), _NOISE_DEVIATION)

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """The value and its gradient (d + 1,) at logarithms of the length scales and of the noise's variance."""
        log_scales, noise = parameters[:-1], math.exp(parameters[-1])
        matern, slope = _matern(self._squares, log_scales)
        kernel = matern + self._shared
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


def _matern(squares: np.ndarray, log_scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kernel k(r), (n, m), and s(r) such that ∂k/∂log ℓ_i = s(r) · d_i² / ℓ_i²."""
    scaled = np.tensordot(np.exp(-2 * log_scales), squares, axes=1)
    distance = _SQRT5 * np.sqrt(scaled)
    decay = np.exp(-distance)
    return (1 + distance + distance**2 / 3) * decay, 5 / 3 * (1 + distance) * decay


def _curve(one: Inputs, other: Inputs) -> np.ndarray:
    """Covariance of the learning curve that all points share."""
    return np.exp(-0.5 * ((one.places[:, None, -1] - other.places[None, :, -1]) / _CURVE_SCALE) ** 2)
