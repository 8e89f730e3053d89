"""A density of trials over all parameters of a space together.

Everything happens in the unit cube of ``Space.encode``, in which the prior is uniform, and densities are relative to
the prior. That makes one width serve every parameter, and a parameter that a trial does not have counts as unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from metaopt.spaces import Parameter, Space, Vals

_SPREAD = 0.2  # of the kernel of a single trial, relative to the range of the prior


@dataclass(frozen=True)
class Encoded:
    """Trials, or draws, as numbers; each array is (trials, parameters).

    Attributes:
        places: see ``Space.encode``.
        known: which parameters they have.
        shares: how likely each option that they have is under the prior; 1 for numbers.
    """

    places: np.ndarray
    known: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, space: Space, trials: Sequence[Vals]) -> "Encoded":
        """Encodes trials of a space."""
        shape = len(trials), len(space.parameters)
        encoded = [space.encode(vals) for vals in trials]
        shares = [[_share(one, vals) for one in space.parameters] for vals in trials]
        return cls(
            np.array([places for places, _ in encoded], dtype=float).reshape(shape),
            np.array([known for _, known in encoded], dtype=bool).reshape(shape),
            np.array(shares, dtype=float).reshape(shape),
        )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, some: slice | np.ndarray) -> "Encoded":
        return Encoded(self.places[some], self.known[some], self.shares[some])


class Density:
    """A kernel per trial, and the prior beside them.

    A number's kernel is a normal distribution that is cut off at the ends of the prior, with a standard deviation of
    0.2·n^(−1/(d+4)) for n trials and d parameters (Scott's rule). A choice keeps its option, or is, with a probability
    of twice that, drawn from the prior (Aitchison and Aitken 1976).
    """

    def __init__(self, space: Space, trials: Encoded, prior_weight: float) -> None:
        """The density of some trials.

        Args:
            space: their space.
            trials: none of them, and only the prior is left.
            prior_weight: weight of the prior beside one trial.
        """
        self._trials = trials
        self._unordered = np.array([one.distribution.is_unordered for one in space.parameters])
        self._width = _SPREAD * max(1, len(trials)) ** (-1 / (len(space.parameters) + 4))
        self._jump = 2 * self._width
        weights = np.append(np.ones(len(trials)), prior_weight)
        self._weights = weights / weights.sum()

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Places of draws from the density, (n, parameters), for ``Space.decode``."""
        uniform = rng.random((n, len(self._unordered)))
        jumps = rng.random(uniform.shape) < self._jump
        kernels = rng.choice(len(self._weights), size=n, p=self._weights)
        own = kernels < len(self._trials)  # the others are draws from the prior
        centre, known = self._trials.places[kernels[own]], self._trials.known[kernels[own]]
        low, high = ndtr(-centre / self._width), ndtr((1 - centre) / self._width)
        numbers = centre + self._width * ndtri(low + uniform[own] * (high - low))
        options = np.where(jumps[own], uniform[own], centre)
        found = uniform.copy()
        found[own] = np.where(known, np.where(self._unordered, options, numbers), uniform[own])
        return found

    def log(self, points: Encoded) -> np.ndarray:
        """Logarithm of the density relative to the prior, (points,)."""
        centres, width = self._trials.places, self._width
        places = points.places[:, None]  # (points, trials, parameters), as all that is made of it
        inside = ndtr((1 - centres) / width) - ndtr(-centres / width)
        numbers = -0.5 * ((places - centres) / width) ** 2 - np.log(inside * width * np.sqrt(2 * np.pi))
        options = np.log(self._jump + (1 - self._jump) * (places == centres) / self._trials.shares)
        both = points.known[:, None] & self._trials.known
        kernels = np.where(both, np.where(self._unordered, options, numbers), 0.0).sum(axis=2)
        return logsumexp(np.append(kernels, np.zeros((len(points), 1)), axis=1), axis=1, b=self._weights)


def _share(parameter: Parameter, vals: Vals) -> float:
    if parameter.label not in vals:
        return 1.0
    if parameter.kind == "pchoice":
        return parameter.args[int(vals[parameter.label])]
    if parameter.n_options is not None:
        return 1 / parameter.n_options
    return 1 / (parameter.args[1] - parameter.args[0]) if parameter.kind == "randint" else 1.0
