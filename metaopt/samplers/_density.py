"""A density of good points and one of the rest over all parameters together, as BOHB models a budget.

Everything happens in the unit cube of ``Space.encode``, in which the prior is uniform, and densities are relative to the
prior. That makes one width serve every parameter, and a parameter that a trial does not have counts as unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from metaopt.spaces import Parameter, Space, Vals

_SPREAD = 0.2  # of one trial's kernel, relative to the range of the prior
_WIDEST_JUMP = 0.5


class Density:
    """A kernel per trial, and the prior beside them.

    A number's kernel is a normal distribution that is cut off at the ends of the prior, with the standard deviation
    0.2·n^(−1/(d+4)) for n trials and d parameters (Scott's rule, as for uniform data). A choice keeps its option, or with
    a probability of twice that is drawn from the prior (Aitchison and Aitken 1976).
    """

    def __init__(self, space: Space, trials: Sequence[Vals], prior_weight: float) -> None:
        """The density of some trials.

        Args:
            space: their space.
            trials: none of them, and only the prior is left.
            prior_weight: weight of the prior beside one trial.
        """
        self._space = space
        self._unordered = np.array([one.upper is not None or one.kind == "randint" for one in space.parameters])
        self._places, self._known = _encode(space, trials)
        self._width = _SPREAD * max(1, len(trials)) ** (-1 / (len(space.parameters) + 4))
        self._jump = min(_WIDEST_JUMP, 2 * self._width)
        weights = np.append(np.ones(len(trials)), prior_weight)
        self._weights = weights / weights.sum()
        # Of each trial's option under the prior, (trials, parameters); of no meaning for numbers.
        shares = [[_share(one, vals) for one in space.parameters] for vals in trials]
        self._shares = np.array(shares).reshape(self._places.shape)

    def draw(self, n: int, rng: np.random.Generator) -> list[Vals]:
        """Draws from the density."""
        found = []
        for trial in rng.choice(len(self._weights), size=n, p=self._weights):
            places = rng.random(len(self._unordered))
            if trial < len(self._places):
                centre, known = self._places[trial], self._known[trial]
                low, high = ndtr(-centre / self._width), ndtr((1 - centre) / self._width)
                near = centre + self._width * ndtri(low + places * (high - low))
                kept = np.where(rng.random(len(places)) < self._jump, places, centre)
                places = np.where(known, np.where(self._unordered, kept, near), places)
            found.append(self._space.decode(places))
        return found

    def log(self, points: Sequence[Vals]) -> np.ndarray:
        """Logarithm of the density relative to the prior, (points,)."""
        places, known = (each[:, None] for each in _encode(self._space, points))  # (points, 1, parameters)
        both = known & self._known  # (points, trials, parameters)
        inside = ndtr((1 - self._places) / self._width) - ndtr(-self._places / self._width)
        steps = (places - self._places) / self._width
        numbers = -0.5 * steps**2 - np.log(inside * self._width * np.sqrt(2 * np.pi))
        same = places == self._places
        options = np.log(self._jump + (1 - self._jump) * same / self._shares)
        factors = np.where(both, np.where(self._unordered, options, numbers), 0.0).sum(axis=2)
        whole = np.concatenate([factors, np.zeros((len(points), 1))], axis=1)
        return logsumexp(whole, axis=1, b=self._weights)


def _encode(space: Space, trials: Sequence[Vals]) -> tuple[np.ndarray, np.ndarray]:
    """Places and masks of trials, each (trials, parameters)."""
    encoded = [space.encode(vals) for vals in trials]
    shape = len(trials), len(space.parameters)
    places, masks = ([each[part] for each in encoded] for part in (0, 1))
    return np.array(places).reshape(shape), np.array(masks, dtype=bool).reshape(shape)


def _share(parameter: Parameter, vals: Vals) -> float:
    """How likely the option that a trial has is under the prior; 1 for a number, and where it has none."""
    if parameter.label not in vals:
        return 1.0
    if parameter.kind == "pchoice":
        return parameter.args[int(vals[parameter.label])]
    if parameter.upper is not None:
        return 1 / parameter.upper
    return 1 / (parameter.args[1] - parameter.args[0]) if parameter.kind == "randint" else 1.0
