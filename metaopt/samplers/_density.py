"""Joint kernel density of trials over all parameters of a space.

The density is defined on the unit cube of ``Space.encode``, in which the prior is uniform, and is relative to the
prior. One bandwidth therefore suits all parameters, and an inactive parameter contributes a factor of 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from metaopt.spaces import Parameter, Space, Vals

_BANDWIDTH = 0.2  # bandwidth for a single trial, relative to the range of the prior


@dataclass(frozen=True)
class Encoded:
    """Encoded trials or draws; each array has the shape (trials, parameters).

    Attributes:
        units: unit values, see ``Space.encode``.
        active: whether the parameter is active in the trial.
        probabilities: prior probability of the option of the trial; 1 for numbers and inactive parameters.
    """

    units: np.ndarray
    active: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, space: Space, trials: Sequence[Vals]) -> "Encoded":
        """Encode trials of a space."""
        shape = len(trials), len(space.parameters)
        encoded = [space.encode(vals) for vals in trials]
        probabilities = [[_get_prior_probability(one, vals) for one in space.parameters] for vals in trials]
        return cls(
            np.array([units for units, _ in encoded], dtype=float).reshape(shape),
            np.array([active for _, active in encoded], dtype=bool).reshape(shape),
            np.array(probabilities, dtype=float).reshape(shape),
        )

    def __len__(self) -> int:
        return len(self.units)

    def __getitem__(self, index: slice | np.ndarray) -> "Encoded":
        return Encoded(self.units[index], self.active[index], self.probabilities[index])


class Density:
    """Mixture of one kernel for each trial and of the prior.

    The kernel of a number is a normal distribution truncated at the bounds of the prior, with a standard deviation of
    0.2·n^(−1/(d+4)) for n trials and d parameters (Scott's rule). The kernel of an unordered parameter keeps the option
    of the trial, or draws from the prior with a probability of twice this deviation (Aitchison and Aitken 1976).
    """

    def __init__(self, space: Space, trials: Encoded, prior_weight: float) -> None:
        """Create the density of trials.

        Args:
            space: the space of the trials.
            trials: the trials; without any, the density is the prior.
            prior_weight: weight of the prior relative to one trial.
        """
        self._trials = trials
        self._unordered = np.array([one.distribution.is_unordered for one in space.parameters])
        self._width = _BANDWIDTH * max(1, len(trials)) ** (-1 / (len(space.parameters) + 4))
        self._prior_probability = 2 * self._width
        weights = np.append(np.ones(len(trials)), prior_weight)
        self._weights = weights / weights.sum()

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw unit values (n, parameters) from the density, for ``Space.decode``."""
        uniform = rng.random((n, len(self._unordered)))
        from_prior = rng.random(uniform.shape) < self._prior_probability
        kernels = rng.choice(len(self._weights), size=n, p=self._weights)
        of_trial = kernels < len(self._trials)  # the last kernel is the prior
        centre, active = self._trials.units[kernels[of_trial]], self._trials.active[kernels[of_trial]]
        low, high = ndtr(-centre / self._width), ndtr((1 - centre) / self._width)
        numbers = centre + self._width * ndtri(low + uniform[of_trial] * (high - low))
        options = np.where(from_prior[of_trial], uniform[of_trial], centre)
        drawn = uniform.copy()
        drawn[of_trial] = np.where(active, np.where(self._unordered, options, numbers), uniform[of_trial])
        return drawn

    def log(self, points: Encoded) -> np.ndarray:
        """Return the logarithm of the density relative to the prior, (points,)."""
        centres, width = self._trials.units, self._width
        units = points.units[:, None]  # broadcast to (points, trials, parameters)
        inside = ndtr((1 - centres) / width) - ndtr(-centres / width)
        numbers = -0.5 * ((units - centres) / width) ** 2 - np.log(inside * width * np.sqrt(2 * np.pi))
        keep = (1 - self._prior_probability) * (units == centres) / self._trials.probabilities
        options = np.log(self._prior_probability + keep)
        both = points.active[:, None] & self._trials.active
        kernels = np.where(both, np.where(self._unordered, options, numbers), 0.0).sum(axis=2)
        return logsumexp(np.append(kernels, np.zeros((len(points), 1)), axis=1), axis=1, b=self._weights)


def _get_prior_probability(parameter: Parameter, vals: Vals) -> float:
    """Return the prior probability of the option of a draw; 1 for numbers and inactive parameters."""
    if parameter.label not in vals:
        return 1.0
    if parameter.kind == "pchoice":
        return parameter.args[int(vals[parameter.label])]
    if parameter.n_options is not None:
        return 1 / parameter.n_options
    return 1 / (parameter.args[1] - parameter.args[0]) if parameter.kind == "randint" else 1.0
