"""Joint density of trials over all active parameters: one mixture whose components are trials.

The density is defined on the unit cube of ``Space.encode``, in which the prior is uniform, and is relative to the
prior. An inactive parameter contributes a factor of 1, so trials of different branches have one mixture.
"""

from functools import cached_property, lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from metaopt.samplers._columns import MAX_LEVELS, Column
from metaopt.samplers._trial_table import RankedTrials, TrialTable, compute_signature
from metaopt.spaces import Space, Vals

_BANDWIDTH = 0.2  # bandwidth for a single trial, relative to the range of the prior
# More trials would make a proposal slower without making the density better: its bandwidths are those of few trials.
MOST_KERNELS = 1_000
_EPSILON = 2.0**-53
_LOG_SQRT_2PI = 0.5 * float(np.log(2 * np.pi))


class JointModel:
    """The unit cube of a space, with many draws at once.

    Units are arrays (draws, parameters); they are NaN where a parameter is inactive.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.unordered = np.array([one.distribution.is_unordered for one in space.parameters], dtype=bool)
        self._columns = [Column(one) for one in space.parameters]
        self.table = TrialTable(self.encode, len(self._columns))

    def encode(self, vals: Vals) -> np.ndarray:
        """Return the units of a draw, (parameters,)."""
        units, active = self.space.encode(vals)
        return np.where(active, units, np.nan)

    def propose(
        self, trials: RankedTrials, n_good: int, rng: np.random.Generator, candidates: int, prior_weight: float
    ) -> Vals:
        """Return the candidate with the largest ratio of both densities.

        Candidates that were already trained, at any budget, are skipped while there are others: the guard would reject
        them as duplicates.

        Args:
            trials: trials of ``table``.
            n_good: number of good trials.
            rng: the only source of randomness.
            candidates: number of draws from the density of good trials.
            prior_weight: weight of the prior relative to one trial.
        """
        good, others = (Density(self, thin(side), prior_weight) for side in trials.split(n_good))
        drawn = good.draw(candidates, rng)
        order = np.argsort(others.log(drawn) - good.log(drawn), kind="stable").tolist()
        known = set(trials.signatures.tolist())
        best = next((position for position in order if compute_signature(drawn[position]) not in known), order[0])
        return self.space.decode(np.nan_to_num(drawn[best], nan=0.5))

    def snap(self, units: np.ndarray) -> np.ndarray:
        """Return the units of the values that units in (0, 1) are decoded to.

        Units of rounded numbers with more than 1,000 values are not changed.
        """
        snapped = units.copy()
        indices = np.zeros(units.shape, dtype=np.intp)
        for number, (thresholds, centres) in self._levels.items():
            if thresholds is None:
                indices[:, number] = units[:, number] * len(centres)
            else:
                indices[:, number] = np.searchsorted(thresholds, units[:, number], side="right")
            snapped[:, number] = centres[indices[:, number]]
        active = np.ones(units.shape, dtype=bool)
        for number, alternatives in self._conditions:
            holds = [
                np.all([active[:, choice] & (indices[:, choice] == option) for choice, option in alternative], axis=0)
                for alternative in alternatives
            ]
            active[:, number] = np.any(holds, axis=0)
        snapped[~active] = np.nan
        return snapped

    @cached_property
    def prior_probabilities(self) -> np.ndarray:
        """Prior probability of an option of each parameter, (parameters,); 1 for numbers, NaN for ``pchoice``."""
        found = np.ones(len(self._columns))
        for number, column in enumerate(self._columns):
            if column.parameter.kind == "pchoice":
                found[number] = np.nan
            elif self.unordered[number]:
                low, high = column.parameter.distribution.bounds
                found[number] = 1 / (high - low + 1)
        return found

    def log_prior_probabilities(self, units: np.ndarray) -> np.ndarray:
        """Return the logarithm of the prior probability of each option, of units in the shape (n, parameters)."""
        probabilities = np.broadcast_to(self.prior_probabilities, units.shape).copy()
        for number in np.flatnonzero(np.isnan(self.prior_probabilities)):
            args = np.array(self._columns[number].parameter.args)
            option = np.searchsorted(np.cumsum(args)[:-1], np.nan_to_num(units[:, number], nan=0.5), side="right")
            probabilities[:, number] = args[option]
        return np.log(probabilities)

    @cached_property
    def _conditions(self) -> list[tuple[int, list[list[tuple[int, int]]]]]:
        """Conditional parameters, each with alternatives of (number of a choice, position of its option)."""
        numbers = {label: number for number, label in enumerate(self.space.labels)}
        found = []
        for number, one in enumerate(self.space.parameters):
            if frozenset() in one.conditions:
                continue
            alternatives = [
                [(numbers[label], option - self._first_index(numbers[label])) for label, option in sorted(alternative)]
                for alternative in sorted(one.conditions, key=sorted)
            ]
            found.append((number, alternatives))
        return found

    def _first_index(self, number: int) -> int:
        return round(self.space.parameters[number].distribution.bounds[0])

    @cached_property
    def _levels(self) -> dict[int, tuple[np.ndarray | None, np.ndarray]]:
        """Number of each parameter with few values → the units between them, None if equally far, and their units."""
        found: dict[int, tuple[np.ndarray | None, np.ndarray]] = {}
        for number, column in enumerate(self._columns):
            distribution = column.parameter.distribution
            if not column.is_number:
                low, _ = distribution.bounds
                centres = np.array([distribution.to_unit(low + option) for option in range(column.n_options)])
                even = column.parameter.kind != "pchoice"
                found[number] = None if even else np.cumsum(column.parameter.args)[:-1], centres
            elif column.step is not None:
                quantile = distribution.make_quantile_function()
                first, last = (round(quantile(unit) / column.step) for unit in (_EPSILON, 1 - _EPSILON))
                if last - first < MAX_LEVELS:
                    levels = [level * column.step for level in range(first, last + 1)]
                    centres = np.array([distribution.to_unit(level) for level in levels])
                    inner = [distribution.compute_cdf(level + column.step / 2) for level in levels[:-1]]
                    found[number] = np.array(inner), np.clip(centres, _EPSILON, 1 - _EPSILON)
        return found


class Density:
    """Mixture of one kernel for each trial and of the prior.

    The kernel of a number is a normal distribution truncated at the bounds of the prior, with a standard deviation of
    0.2·n^(−1/(d+4)) for n trials and d parameters (Scott's rule). The kernel of an unordered parameter keeps the option
    of the trial, or draws from the prior with a probability of twice this deviation (Aitchison and Aitken 1976).
    """

    def __init__(self, model: JointModel, units: np.ndarray, prior_weight: float) -> None:
        """Create the density of trials.

        Args:
            model: the model of their space.
            units: units of the trials, (trials, parameters); without any trials, the density is the prior.
            prior_weight: weight of the prior relative to one trial.
        """
        self._model = model
        self._units = units
        self._active = ~np.isnan(units)
        self._width = _BANDWIDTH * max(1, len(units)) ** (-1 / (units.shape[1] + 4))
        self._prior_probability = 2 * self._width
        weights = np.append(np.ones(len(units)), prior_weight)
        self._weights = weights / weights.sum()

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw units (n, parameters) of values; a parameter that is inactive in the trial is drawn from the prior."""
        uniform = rng.random((n, self._units.shape[1]))
        from_prior = rng.random(uniform.shape) < self._prior_probability
        cumulative = np.cumsum(self._weights)
        kernels = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
        of_trial = kernels < len(self._units)  # the last kernel is the prior
        centre = self._units[kernels[of_trial]]
        low, high = ndtr(-centre / self._width), ndtr((1 - centre) / self._width)
        numbers = centre + self._width * ndtri(low + uniform[of_trial] * (high - low))
        options = np.where(from_prior[of_trial], uniform[of_trial], centre)
        drawn = np.where(self._model.unordered, options, numbers)
        uniform[of_trial] = np.where(np.isnan(centre), uniform[of_trial], drawn)
        return self._model.snap(np.clip(uniform, _EPSILON, 1 - _EPSILON))

    def log(self, units: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density relative to the prior at units (points, parameters), (points,)."""
        numbers, options = self._factor_numbers(units), self._factor_options(units)
        kernels = np.hstack([numbers[0], options[0]]) @ np.hstack([numbers[1], options[1]]).T
        largest = np.maximum(kernels.max(axis=1, initial=0.0), 0.0)  # the kernel of the prior is exp(0)
        total = np.exp(kernels - largest[:, None]) @ self._weights[:-1] + self._weights[-1] * np.exp(-largest)
        return np.log(total) + largest

    def _factor_numbers(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return two matrices, (points, k) and (trials, k), whose product is the logarithm of the kernels of numbers.

        They exist because (u − c)² = u² − 2uc + c².
        """
        numbers = ~self._model.unordered
        active = ~np.isnan(units[:, numbers])
        point = np.where(active, units[:, numbers], 0.0) / self._width
        both = self._active[:, numbers].astype(float)
        centre = np.where(both > 0, self._units[:, numbers], 0.5) / self._width
        inside = np.log(ndtr(1 / self._width - centre) - ndtr(-centre))
        constant = inside + np.log(self._width) + _LOG_SQRT_2PI
        left = np.hstack([point**2, point, active])
        return left, np.hstack([-0.5 * both, both * centre, -both * (0.5 * centre**2 + constant)])

    def _factor_options(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return two matrices, (points, k) and (trials, k), whose product is the logarithm of the kernels of options.

        A column stands for an option that a point has: its gain where the trial has it, too. Further columns stand for
        parameters, for options that differ.
        """
        unordered = np.flatnonzero(self._model.unordered)
        point, centre = units[:, unordered], self._units[:, unordered]
        log_probabilities = self._model.log_prior_probabilities(units)[:, unordered]
        elsewhere = np.log(self._prior_probability)
        kept = np.log(self._prior_probability + (1 - self._prior_probability) / np.exp(log_probabilities))
        gains, has_option = [(~np.isnan(point)) * elsewhere], [~np.isnan(centre)]
        for column in range(len(unordered)):
            options = np.unique(point[:, column])
            options = options[~np.isnan(options)]
            gains.append((point[:, column, None] == options) * (kept[:, column, None] - elsewhere))
            has_option.append(centre[:, column, None] == options)
        return np.hstack(gains), np.hstack(has_option).astype(float)


def thin(units: np.ndarray) -> np.ndarray:
    """Return at most 1,000 trials, among them the newest ones; the older of the others are thinned out more."""
    if len(units) <= MOST_KERNELS:
        return units
    kept = np.unique((len(units) - 1 - np.geomspace(1, len(units), MOST_KERNELS) + 1).astype(np.intp))
    return units[kept]


@lru_cache(maxsize=8)
def get_joint_model(space: Space) -> JointModel:
    """Return the model of a space."""
    return JointModel(space)
