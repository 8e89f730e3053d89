"""Gaussian process of the losses of trials over their points and their epochs.

With t = log(epoch) / log(R) and standardised losses, the covariance of trial i at t and trial j at t' is

    k(x_i, x_j) · (v + w · exp(−(t − t')² / (2 · 0.8²)))  +  [i = j] · o · exp(−|t − t'| / 0.5)
        +  0.1 · exp(−(t − t')² / (2 · 0.5²))  +  0.6² · φ(x_i)ᵀ φ(x_j)  +  [i = j, t = t'] · noise

k is a Matérn kernel with ν = 5/2 and a length scale for each group of parameters. The first term is what the point
tells, at every epoch alike (v) and changing along the curve (w). The second is the luck of a trial: what its networks
of equal hyperparameters would not share. It is one thing at all epochs of a trial rather than independent noise, so a
trial that is lucky at one rung is expected to stay so. The third is the learning curve that all trials share. The fourth is
knowledge about numbers on a logarithmic scale, such as learning rates: users centre their ranges on what works. The
loss has the prior mean β φ(x), φ(x) = (2u − 1)² − 1/2 for the unit value u of each such number (0 where it is
inactive), with β ~ N(0.8, 0.6²) for each, so that evidence against it changes β itself.

The idea of such a product over points and epochs is from Swersky, Snoek, Adams 2014: Freeze-Thaw Bayesian Optimization,
arXiv:1406.3896; the constants were chosen on tables of recorded learning curves, on which none of them is sensitive.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from metaopt.strategies.points import Metric, Points

_CHANGE_SCALE = 0.8  # length scale over t of how a point's effect changes
_LUCK_SCALE = 0.5  # length scale over t of a trial's luck
_SHARED_SCALE, _SHARED_VARIANCE = 0.5, 0.1  # of the learning curve that all trials share
_EDGE_MEAN, _EDGE_DEVIATION = 0.8, 0.6  # β
# Medians of the log-normal priors, and standard deviations of the logarithms. The median length scale grows with the
# square root of the number of parameters as distances do (Hvarfner et al. 2024, arXiv:2402.02229, section 5).
_SCALE_MEDIAN, _SCALE_DEVIATION = 0.3, 0.8
_MEDIANS = np.log([0.6, 0.4, 0.1, 0.03])  # v, w, o, noise
_DEVIATIONS = np.full(4, 0.7)
_BOUNDS = (-9.0, 6.0)
_MAX_ITERATIONS = 20
_MIN_VARIANCE = 1e-9
_SQRT5 = 5**0.5


@dataclass(frozen=True)
class Observed:
    """Losses of trials at some of their epochs.

    Attributes:
        points: the m trials.
        trials: index of the trial of each observation, (n,), ascending.
        times: t of each observation, (n,).
        losses: standardised losses, (n,).
    """

    points: Points
    trials: np.ndarray
    times: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True)
class Posterior:
    """Joint posterior of trials at times, without noise.

    Attributes:
        means: (a, h).
        variances: (a, h).
        covariances: with the same trial at the last time, (a, h).
        noise: variance of an observation about the process.
    """

    means: np.ndarray
    variances: np.ndarray
    covariances: np.ndarray
    noise: float


@dataclass(frozen=True)
class LearningCurveProcess:
    """Posterior process.

    Attributes:
        observed: the observations, n >= 1.
        metric: distances of points.
        log_parameters: logarithms of the length scales, v, w, o and the noise.
    """

    observed: Observed
    metric: Metric
    log_parameters: np.ndarray

    @classmethod
    def fit(cls, observed: Observed, metric: Metric) -> "LearningCurveProcess":
        """Maximise the posterior density of the parameters, from their prior medians on."""
        medians = prior_medians(metric)
        density = _NegativeLogDensity(observed, metric, medians)
        bounds = [_BOUNDS] * len(medians)
        options = {"maxiter": _MAX_ITERATIONS}
        found = minimize(density, medians, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
        return cls(observed, metric, found)

    def posterior(self, points: Points, times: np.ndarray, trials: np.ndarray | None = None) -> Posterior:
        """Return the posterior at points.

        Args:
            points: a points.
            times: t at which each is predicted, (a, h).
            trials: index of the observed trial of each point, (a,); -1 or None for a new trial.
        """
        observed, (v, w, o, noise) = self.observed, np.exp(self.log_parameters[-4:])
        squares = self.metric.squared_distances(points, observed.points)
        matern = _matern(squares, self.log_parameters[:-4])[0][:, observed.trials]  # (a, n)
        apart = times[:, :, None] - observed.times  # (a, h, n)
        cross = matern[:, None] * (v + w * _change(apart)) + _SHARED_VARIANCE * _shared(apart)
        if trials is not None:
            same = trials[:, None] == observed.trials
            cross += same[:, None] * o * _luck(apart)
        edges = points.edges
        cross += _EDGE_DEVIATION**2 * (edges @ observed.points.edges.T)[:, None, observed.trials]
        count, levels, n = cross.shape
        flat = cross.reshape(count * levels, n)
        means = (flat @ self._weights).reshape(count, levels) + _EDGE_MEAN * edges.sum(axis=1)[:, None]
        explained = solve_triangular(self._factor, flat.T, lower=True, check_finite=False).reshape(n, count, levels)
        to_last = times - times[:, -1:]
        prior = v + w * _change(to_last) + o * _luck(to_last) + _SHARED_VARIANCE * _shared(to_last)
        prior += _EDGE_DEVIATION**2 * (edges**2).sum(axis=1)[:, None]
        variances = np.maximum(prior[:, -1:] - (explained**2).sum(axis=0), _MIN_VARIANCE)
        covariances = prior - np.einsum("nah,na->ah", explained, explained[:, :, -1])
        return Posterior(means, variances, covariances, float(noise))

    @cached_property
    def _factor(self) -> np.ndarray:
        return cholesky(_Kernel.of(self.observed, self.metric).matrix(self.log_parameters)[0], lower=True)

    @cached_property
    def _weights(self) -> np.ndarray:
        return cho_solve((self._factor, True), _residuals(self.observed))


def _residuals(observed: Observed) -> np.ndarray:
    return observed.losses - _EDGE_MEAN * observed.points.edges.sum(axis=1)[observed.trials]


def prior_medians(metric: Metric) -> np.ndarray:
    """Return the medians of the priors of ``log_parameters``."""
    scale = math.log(_SCALE_MEDIAN * max(1, len(metric.groups)) ** 0.5)
    return np.concatenate([np.full(metric.n_scales, scale), _MEDIANS])


@dataclass(frozen=True)
class _Kernel:
    """Covariance matrix of observations as a function of the parameters."""

    squares: np.ndarray  # between trials, (groups, m, m)
    trials: np.ndarray
    change: np.ndarray
    luck: np.ndarray  # 0 between different trials
    fixed: np.ndarray  # what depends on no parameter

    @classmethod
    def of(cls, observed: Observed, metric: Metric) -> "_Kernel":
        apart = observed.times[:, None] - observed.times
        same = observed.trials[:, None] == observed.trials
        edges = observed.points.edges[observed.trials]
        return cls(
            metric.squared_distances(observed.points, observed.points),
            observed.trials,
            _change(apart),
            same * _luck(apart),
            _SHARED_VARIANCE * _shared(apart) + _EDGE_DEVIATION**2 * edges @ edges.T,
        )

    def matrix(self, log_parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the covariance, its factors k and v + w · change of the first term, and the slope of k."""
        v, w, o, noise = np.exp(log_parameters[-4:])
        matern, slope = _matern(self.squares, log_parameters[:-4])
        matern = matern[np.ix_(self.trials, self.trials)]
        weight = v + w * self.change
        covariance = matern * weight + o * self.luck + self.fixed
        covariance[np.diag_indices_from(covariance)] += noise
        return covariance, matern, weight, slope


class _NegativeLogDensity:
    """Negative logarithm of the posterior density of the parameters, up to a constant."""

    def __init__(self, observed: Observed, metric: Metric, medians: np.ndarray) -> None:
        self._losses = _residuals(observed)
        self._kernel = _Kernel.of(observed, metric)
        self._first = np.flatnonzero(np.diff(observed.trials, prepend=-1))  # first observation of each trial
        self._medians = medians
        self._deviations = np.append(np.full(metric.n_scales, _SCALE_DEVIATION), _DEVIATIONS)

    def __call__(self, log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient."""
        kernel = self._kernel
        covariance, matern, weight, slope = kernel.matrix(log_parameters)
        v, w, o, noise = np.exp(log_parameters[-4:])
        factor = cho_factor(covariance, lower=True, check_finite=False)
        weights = cho_solve(factor, self._losses, check_finite=False)
        value = 0.5 * self._losses @ weights + np.log(np.diag(factor[0])).sum()
        # ∂value/∂K, see Rasmussen & Williams: Gaussian Processes for Machine Learning, 2006, equation 5.9.
        outer = 0.5 * (cho_solve(factor, np.eye(len(covariance)), check_finite=False) - np.outer(weights, weights))
        by_trial = np.add.reduceat(np.add.reduceat(outer * weight, self._first, axis=0), self._first, axis=1)
        by_scale = kernel.squares.reshape(len(kernel.squares), -1) @ (by_trial * slope).ravel()
        gradient = np.concatenate(
            [
                by_scale * np.exp(-2 * log_parameters[:-4]),
                [
                    v * (outer * matern).sum(),
                    w * (outer * matern * kernel.change).sum(),
                    o * (outer * kernel.luck).sum(),
                    noise * np.trace(outer),
                ],
            ]
        )
        off = (log_parameters - self._medians) / self._deviations
        return float(value + 0.5 * (off @ off)), gradient + off / self._deviations


def _matern(squares: np.ndarray, log_scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return k(r) and s(r) with ∂k/∂log ℓ_g = s(r) · d_g² / ℓ_g²."""
    distance = _SQRT5 * np.sqrt(np.tensordot(np.exp(-2 * log_scales), squares, axes=1))
    decay = np.exp(-distance)
    return (1 + distance + distance**2 / 3) * decay, 5 / 3 * (1 + distance) * decay


def _change(apart: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * (apart / _CHANGE_SCALE) ** 2)


def _luck(apart: np.ndarray) -> np.ndarray:
    return np.exp(-np.abs(apart) / _LUCK_SCALE)


def _shared(apart: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * (apart / _SHARED_SCALE) ** 2)
