"""Adaptive Parzen estimators: mixtures of normal distributions over single parameters, as hyperopt's TPE defines them.

Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization, NeurIPS 2011, section 4, and
``hyperopt/tpe.py``: each observed value is the centre of a kernel; its bandwidth is the larger distance to its two
neighbours, clipped; the prior is one more kernel.

The mixtures of all parameters are in flat arrays, one kernel after another, so that one NumPy call serves them all.
Equal values of rounded parameters share their kernels.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from metaopt.samplers._observed_values import Observed

# The smallest bandwidth is that of the prior divided by 1 + the number of kernels, at most by this number.
_MAX_PRECISION = 100.0
_BLOCK = 32_768  # kernel values that are computed at once, so that they stay in the cache of the processor
_SQRT_2PI = float(np.sqrt(2 * np.pi))


@dataclass(frozen=True)
class Priors:
    """Kernels of the priors of P parameters; each array has the shape (P,).

    Attributes:
        means: means, on the scale on which the prior is uniform or normal: the logarithm of a loguniform.
        deviations: standard deviations; the whole range for a uniform prior.
        lows: lower bounds on this scale, or −inf.
        highs: upper bounds, or inf.
    """

    means: np.ndarray
    deviations: np.ndarray
    lows: np.ndarray
    highs: np.ndarray

    def first(self, n: int) -> "Priors":
        """Return those of the first n parameters."""
        return Priors(self.means[:n], self.deviations[:n], self.lows[:n], self.highs[:n])

    def repeat(self, n: int) -> "Priors":
        """Return those of all parameters n times, one time after another."""
        return Priors(*(np.tile(each, n) for each in (self.means, self.deviations, self.lows, self.highs)))


@dataclass(frozen=True)
class Mixtures:
    """Mixtures of K normal kernels in all, one mixture for each of P parameters, truncated at the bounds of the prior.

    Attributes:
        parameter: number of the parameter of each kernel, ascending, (K,).
        weights: weight of each kernel, (K,); they sum to 1 for each parameter.
        means: (K,).
        deviations: (K,).
        starts: first kernel of each parameter, (P,).
        priors: the priors of the parameters.
    """

    parameter: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    starts: np.ndarray
    priors: Priors

    @classmethod
    def fit(cls, observed: Observed, priors: Priors, prior_weight: float) -> "Mixtures":
        """Return the adaptive Parzen estimators of observed values.

        Of equal values, hyperopt gives the first the distance to the left neighbour and the last that to the right one
        as bandwidths, and the others the smallest bandwidth. Which weights these have depends on its sorting algorithm;
        here equal values have equal weights.
        """
        n_parameters = len(priors.means)
        parameter, value, count, weight, is_prior = _insert_priors(observed, priors, prior_weight)
        n_kernels = np.bincount(parameter, count, n_parameters)
        deviations = priors.deviations[parameter]
        precision = np.minimum(_MAX_PRECISION, 1 + n_kernels)
        left, right = np.zeros(len(value)), np.zeros(len(value))
        left[1:] = np.where(parameter[1:] == parameter[:-1], value[1:] - value[:-1], 0.0)
        right[:-1] = left[1:]
        widest = np.maximum(left, right)
        if (n_kernels == 2).any():
            alone = n_kernels[parameter] == 2
            widest[alone] = 0.5 * deviations[alone]
        widest[is_prior] = priors.deviations
        totals = np.bincount(parameter, weight, n_parameters)
        if (count > 1).any():
            narrowest = (priors.deviations / precision)[parameter]
            parameter, value, weight, widest = _split_equal(
                parameter, value, np.where(widest > narrowest, count, 1), weight, left, right, widest
            )
        bandwidths = np.clip(widest, (priors.deviations / precision)[parameter], priors.deviations[parameter])
        starts = np.searchsorted(parameter, np.arange(n_parameters))
        return cls(parameter, weight / totals[parameter], value, bandwidths, starts, priors)

    def first(self, n: int) -> "Mixtures":
        """Return the mixtures of the first n parameters."""
        end = int(self.starts[n]) if n < len(self.starts) else len(self.means)
        return Mixtures(
            self.parameter[:end],
            self.weights[:end],
            self.means[:end],
            self.deviations[:end],
            self.starts[:n],
            self.priors.first(n),
        )

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw numbers (n, P) on the scale of the priors."""
        low, high = self._cumulative(self.priors.lows), self._cumulative(self.priors.highs)
        mass = np.cumsum(self.weights * (high - low))
        before = np.append(0.0, mass)[self.starts]
        ends = np.append(self.starts[1:], len(mass))
        uniform, inside = rng.random((2, n, len(self.starts)))
        kernel = np.searchsorted(mass, before + uniform * (mass[ends - 1] - before), side="right")
        kernel = np.clip(kernel, self.starts, ends - 1)
        unit = low[kernel] + inside * (high - low)[kernel]
        drawn = self.means[kernel] + self.deviations[kernel] * ndtri(np.clip(unit, 2.0**-53, 1 - 2.0**-53))
        return np.clip(drawn, self.priors.lows, self.priors.highs)

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the logarithm of the densities at numbers (n, P) on the scale of the priors, up to a constant.

        The constant of a parameter is ``log_inside``.
        """
        factors = self.weights / (self.deviations * _SQRT_2PI)
        precisions = np.sqrt(0.5) / self.deviations
        ends = [*self.starts[1:].tolist(), len(self.means)]
        found = np.empty(points.shape)
        block = max(1, _BLOCK // max(1, len(self.means)))
        for first in range(0, len(points), block):
            kernels = np.take(points[first : first + block], self.parameter, axis=1)
            kernels -= self.means
            kernels *= precisions
            np.square(kernels, out=kernels)
            np.negative(kernels, out=kernels)
            np.exp(kernels, out=kernels)
            for parameter, (start, end) in enumerate(zip(self.starts.tolist(), ends, strict=True)):
                found[first : first + block, parameter] = kernels[:, start:end] @ factors[start:end]
        return np.log(found)

    def log_mass(self, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probabilities of intervals, up to ``log_inside``.

        Args:
            lows: lower ends (n, P) on the scale of the priors.
            highs: upper ends (n, P).
        """
        low = (np.clip(lows, self.priors.lows, None)[:, self.parameter] - self.means) / self.deviations
        high = (np.clip(highs, None, self.priors.highs)[:, self.parameter] - self.means) / self.deviations
        # In the upper tail, where Φ is near 1, the difference of small numbers is exact.
        flip = low > 0
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        return np.log(np.add.reduceat(self.weights * (ndtr(high) - ndtr(low)), self.starts, axis=1))

    @property
    def log_inside(self) -> np.ndarray:
        """Logarithm of the probability inside the bounds, (P,), which the normalised densities are divided by."""
        inside = self._cumulative(self.priors.highs) - self._cumulative(self.priors.lows)
        return np.log(np.add.reduceat(self.weights * inside, self.starts))

    def _cumulative(self, bounds: np.ndarray) -> np.ndarray:
        """Return the distribution function of each kernel at a bound of its parameter, (K,)."""
        return ndtr((bounds[self.parameter] - self.means) / self.deviations)


def _insert_priors(
    observed: Observed, priors: Priors, prior_weight: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return parameter, value, count, weight and whether it is the prior, sorted by parameter and value."""
    n_parameters = len(priors.means)
    parameter = np.concatenate([np.arange(n_parameters), observed.parameter])
    value = np.concatenate([priors.means, observed.value])
    order = np.lexsort((value, parameter))  # stable: the prior is before equal values
    count = np.concatenate([np.ones(n_parameters), observed.count])[order]
    weight = np.concatenate([np.full(n_parameters, float(prior_weight)), observed.weight])[order]
    return parameter[order], value[order], count, weight, order < n_parameters


def _split_equal(
    parameter: np.ndarray,
    value: np.ndarray,
    count: np.ndarray,
    weight: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    widest: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return parameter, value, weight and bandwidth of up to three kernels for each value.

    They stand for the first and the last of equal observations, and for the others.
    """
    n_kernels = np.minimum(count, 3).astype(np.intp)
    of_value = np.repeat(np.arange(len(value)), n_kernels)
    position = np.arange(len(of_value)) - np.repeat(np.cumsum(n_kernels) - n_kernels, n_kernels)
    share = (weight / count)[of_value]
    share[position == 2] *= (count - 2)[of_value[position == 2]]
    bandwidths = np.choose(position, [np.where(count > 1, left, widest)[of_value], right[of_value], 0.0])
    return parameter[of_value], value[of_value], share, bandwidths
