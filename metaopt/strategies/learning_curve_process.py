"""Gaussian process of the losses of trials over their points and their epochs.

With t = log(epoch) / log(R) and standardised losses, the covariance of trial i at t and trial j at t' is

    k(x_i, x_j) · (v + w · exp(−(t − t')² / (2 · c²)))  +  [i = j] · o · exp(−|t − t'| / l)
        +  0.1 · exp(−(t − t')² / (2 · 0.5²))  +  0.6² · φ(x_i)ᵀ φ(x_j)  +  [i = j, t = t'] · noise

k is a Matérn kernel with ν = 5/2 and a length scale for each group of parameters. The first term is what the point
tells, at every epoch alike (v) and changing along the curve (w). Networks with a small learning rate or with batch
normalisation start late and may end first, so the scale c of the change is fitted. The second is the luck of a trial:
what its networks of equal hyperparameters would not share. It is one thing at all epochs of a trial rather than
independent noise, so a trial that is lucky at one rung is expected to stay so. The third is the learning curve that all
trials share. The fourth is knowledge about numbers, such as learning rates: users centre their ranges on what works.
The loss has the prior mean β φ(x), φ(x) = weight · ((2u − 1)² − 1/2) for the unit value u of each number (0 where it is
inactive; the weights are in ``points``), with β ~ N(0.8, 0.6²) for each, so that evidence against it changes β itself.

The idea of a product over points and epochs is from Swersky, Snoek, Adams 2014: Freeze-Thaw Bayesian Optimization,
arXiv:1406.3896. The constants were chosen on tables of recorded learning curves, on which none of them is sensitive but
c: with c = 0.8, winners that start late are dropped at early rungs.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from metaopt.strategies.points import Metric, Points

_SHARED_SCALE, _SHARED_VARIANCE = 0.5, 0.1  # of the learning curve that all trials share
_EDGE_MEAN, _EDGE_DEVIATION = 0.8, 0.6  # β
# Medians of the log-normal priors, and standard deviations of the logarithms. The median length scale grows with the
# square root of the number of parameters as distances do (Hvarfner et al. 2024, arXiv:2402.02229, section 5).
_SCALE_MEDIAN, _SCALE_DEVIATION = 0.3, 0.8
_MEDIANS = np.log([0.6, 0.4, 0.1, 0.03, 0.4, 0.5])  # v, w, o, noise, c, l
_DEVIATIONS = np.array([0.7, 0.7, 0.7, 0.7, 0.3, 0.3])
_OTHERS = len(_MEDIANS)  # parameters after the length scales of points
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
        log_parameters: logarithms of the length scales, v, w, o, the noise, c and l.
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
        observed, (v, w, o, noise, change_scale, luck_scale) = self.observed, np.exp(self.log_parameters[-_OTHERS:])
        squares = self.metric.squared_distances(points, observed.points)
        matern = _matern(squares, self.log_parameters[:-_OTHERS])[0][:, observed.trials]  # (a, n)
        apart = times[:, :, None] - observed.times  # (a, h, n)
        cross = matern[:, None] * (v + w * _change(apart, change_scale)) + _SHARED_VARIANCE * _shared(apart)
        if trials is not None:
            same = trials[:, None] == observed.trials
            cross += same[:, None] * o * _luck(apart, luck_scale)
        beliefs = points.beliefs
        cross += _EDGE_DEVIATION**2 * (beliefs @ observed.points.beliefs.T)[:, None, observed.trials]
        count, levels, n = cross.shape
        flat = cross.reshape(count * levels, n)
        means = (flat @ self._weights).reshape(count, levels) + _EDGE_MEAN * beliefs.sum(axis=1)[:, None]
        explained = solve_triangular(self._factor, flat.T, lower=True, check_finite=False).reshape(n, count, levels)
        to_last = times - times[:, -1:]
        prior = (
            v
            + w * _change(to_last, change_scale)
            + o * _luck(to_last, luck_scale)
            + _SHARED_VARIANCE * _shared(to_last)
        )
        prior += _EDGE_DEVIATION**2 * (beliefs**2).sum(axis=1)[:, None]
        variances = np.maximum(prior[:, -1:] - (explained**2).sum(axis=0), _MIN_VARIANCE)
        covariances = prior - np.einsum("nah,na->ah", explained, explained[:, :, -1])
        return Posterior(means, variances, covariances, float(noise))

    @cached_property
    def _factor(self) -> np.ndarray:
        return cholesky(_Kernel.of(self.observed, self.metric).matrix(self.log_parameters).covariance, lower=True)

    @cached_property
    def _weights(self) -> np.ndarray:
        return cho_solve((self._factor, True), _residuals(self.observed))


def _residuals(observed: Observed) -> np.ndarray:
    return observed.losses - _EDGE_MEAN * observed.points.beliefs.sum(axis=1)[observed.trials]


def prior_medians(metric: Metric) -> np.ndarray:
    """Return the medians of the priors of ``log_parameters``."""
    scale = math.log(_SCALE_MEDIAN * max(1, len(metric.groups)) ** 0.5)
    return np.concatenate([np.full(metric.n_scales, scale), _MEDIANS])


@dataclass(frozen=True)
class _Kernel:
    """Covariance matrix of observations as a function of the parameters."""

    squares: np.ndarray  # between trials, (groups, m, m)
    trials: np.ndarray
    apart: np.ndarray  # differences of times
    same: np.ndarray  # whether observations are of one trial
    fixed: np.ndarray  # what depends on no parameter

    @classmethod
    def of(cls, observed: Observed, metric: Metric) -> "_Kernel":
        apart = observed.times[:, None] - observed.times
        same = observed.trials[:, None] == observed.trials
        beliefs = observed.points.beliefs[observed.trials]
        return cls(
            metric.squared_distances(observed.points, observed.points),
            observed.trials,
            apart,
            same,
            _SHARED_VARIANCE * _shared(apart) + _EDGE_DEVIATION**2 * beliefs @ beliefs.T,
        )

    def matrix(self, log_parameters: np.ndarray) -> "_Matrix":
        """Return the covariance and its parts."""
        v, w, o, noise, change_scale, luck_scale = np.exp(log_parameters[-_OTHERS:])
        matern, slope = _matern(self.squares, log_parameters[:-_OTHERS])
        matern = matern[np.ix_(self.trials, self.trials)]
        change = w * _change(self.apart, change_scale)
        luck = o * np.where(self.same, _luck(self.apart, luck_scale), 0.0)
        covariance = matern * (v + change) + luck + self.fixed
        covariance[np.diag_indices_from(covariance)] += noise
        return _Matrix(covariance, matern, slope, change, luck)


@dataclass(frozen=True)
class _Matrix:
    """Covariance (n, n) and its parts: k; the slope of k between trials, (m, m); w · exp(…); o · exp(…)."""

    covariance: np.ndarray
    matern: np.ndarray
    slope: np.ndarray
    change: np.ndarray
    luck: np.ndarray


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
        kernel, parts = self._kernel, self._kernel.matrix(log_parameters)
        v, _, _, noise, change_scale, luck_scale = np.exp(log_parameters[-_OTHERS:])
        factor = cho_factor(parts.covariance, lower=True, check_finite=False)
        weights = cho_solve(factor, self._losses, check_finite=False)
        value = 0.5 * self._losses @ weights + np.log(np.diag(factor[0])).sum()
        # ∂value/∂K, see Rasmussen & Williams: Gaussian Processes for Machine Learning, 2006, equation 5.9.
        inverse = cho_solve(factor, np.eye(len(weights)), check_finite=False)
        outer = 0.5 * (inverse - np.outer(weights, weights))
        by_trial = outer * (v + parts.change)
        by_trial = np.add.reduceat(np.add.reduceat(by_trial, self._first, axis=0), self._first, axis=1)
        by_scale = np.tensordot(kernel.squares, by_trial * parts.slope, axes=2)
        by_scale *= np.exp(-2 * log_parameters[:-_OTHERS])
        by_change, by_luck = outer * parts.matern * parts.change, outer * parts.luck
        by_others = [
            v * (outer * parts.matern).sum(),
            by_change.sum(),
            by_luck.sum(),
            noise * np.trace(outer),
            (by_change * (kernel.apart / change_scale) ** 2).sum(),
            (by_luck * np.abs(kernel.apart) / luck_scale).sum(),
        ]
        gradient = np.append(by_scale, by_others)
        off = (log_parameters - self._medians) / self._deviations
        return float(value + 0.5 * (off @ off)), gradient + off / self._deviations


def _matern(squares: np.ndarray, log_scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return k(r) and s(r) with ∂k/∂log ℓ_g = s(r) · d_g² / ℓ_g²."""
    distance = _SQRT5 * np.sqrt(np.tensordot(np.exp(-2 * log_scales), squares, axes=1))
    decay = np.exp(-distance)
    return (1 + distance + distance**2 / 3) * decay, 5 / 3 * (1 + distance) * decay


def _change(apart: np.ndarray, scale: float) -> np.ndarray:
    return np.exp(-0.5 * (apart / scale) ** 2)


def _luck(apart: np.ndarray, scale: float) -> np.ndarray:
    return np.exp(-np.abs(apart) / scale)


def _shared(apart: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * (apart / _SHARED_SCALE) ** 2)
