"""Univariate densities of TPE: each parameter is proposed on its own, as by hyperopt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from metaopt.samplers._columns import Column
from metaopt.samplers._observed_values import Observed, count_values, forgetting_weights, list_values
from metaopt.samplers._parzen import Mixtures, Priors
from metaopt.samplers._trial_table import EncodedTrials, RankedTrials, TrialTable
from metaopt.spaces import Space, Vals
from metaopt.spaces.nodes import Choice, walk

# More observations of a number are counted in cells, whose number does not grow with that of the trials.
MAX_SORTED = 300


@dataclass(frozen=True)
class ColumnGroup:
    """Columns of one kind, which are modelled together.

    Attributes:
        columns: options without an order, or continuous numbers, or rounded numbers.
        numbers: their numbers among the parameters of the space.
    """

    columns: tuple[Column, ...]
    numbers: np.ndarray

    @cached_property
    def is_rounded(self) -> bool:
        """Whether the columns are rounded numbers."""
        return self.columns[0].step is not None

    @cached_property
    def sizes(self) -> list[int]:
        """Number of options of each column."""
        return [column.n_options for column in self.columns]

    @cached_property
    def pseudo_counts(self) -> np.ndarray:
        """``Column.pseudo_counts`` of all columns, one after another."""
        return np.concatenate([column.pseudo_counts for column in self.columns])

    @cached_property
    def have_levels(self) -> np.ndarray:
        """Whether each value of a column has its own cell, (columns,)."""
        return np.array([column.has_levels for column in self.columns])

    @cached_property
    def priors(self) -> Priors:
        """Priors of columns of numbers."""
        return Priors(
            np.array([column.mean for column in self.columns]),
            np.array([column.deviation for column in self.columns]),
            np.array([column.bounds[0] for column in self.columns]),
            np.array([column.bounds[1] for column in self.columns]),
        )

    def count_options(self, cells: np.ndarray, prior_weight: float) -> np.ndarray:
        """Return the weighted counts of options, those of the prior included, one column after another.

        Args:
            cells: number of the option of each trial, (trials, columns), NaN where a column is inactive.
            prior_weight: weight of the prior relative to one trial.
        """
        active = ~np.isnan(cells)
        starts = np.cumsum([0, *self.sizes[:-1]])
        flat = (cells + starts)[active].astype(np.intp)
        counts = np.bincount(flat, forgetting_weights(active)[active], len(self.pseudo_counts))
        return counts + prior_weight * self.pseudo_counts

    def fit_mixtures(self, trials: EncodedTrials, n_parameters: int, prior_weight: float) -> Mixtures:
        """Return the mixtures of the numbers of trials.

        Args:
            trials: trials that were encoded by ``UnivariateModel``.
            n_parameters: number of parameters of the space.
            prior_weight: weight of the prior relative to one trial.
        """
        counted = self.have_levels | (len(trials) > MAX_SORTED)
        kept, sorted_ = np.flatnonzero(counted), np.flatnonzero(~counted)
        values = trials.columns(self.numbers[sorted_])
        cells = trials.columns(self.numbers[kept] + n_parameters)
        listed = list_values(values, forgetting_weights(~np.isnan(values)))
        positions = [self.columns[position].cell_positions for position in kept]
        in_cells = count_values(cells, forgetting_weights(~np.isnan(cells)), positions)
        observed = Observed(
            np.concatenate([sorted_[listed.parameter], kept[in_cells.parameter]]),
            np.concatenate([listed.value, in_cells.value]),
            np.concatenate([listed.count, in_cells.count]),
            np.concatenate([listed.weight, in_cells.weight]),
        )
        return Mixtures.fit(observed, self.priors, prior_weight)

    def log_densities(self, mixtures: Sequence[Mixtures], drawn: np.ndarray) -> list[np.ndarray]:
        """Return the logarithms of densities, or of probabilities of rounded numbers, up to ``Mixtures.log_inside``.

        Args:
            mixtures: mixtures of these columns.
            drawn: numbers on the scales of the priors, (n, columns).
        """
        if not self.is_rounded:
            return [each.log_density(drawn) for each in mixtures]
        lows, highs = self.find_intervals(drawn)
        return [each.log_mass(lows, highs) for each in mixtures]

    @np.errstate(divide="ignore")  # the logarithm of 0 is the lower end of the values that are rounded to 0
    def find_intervals(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper ends, (n, columns), of the intervals of numbers that are rounded to the same value."""
        steps, smallest, largest, logarithmic = self._rounding
        values = np.where(logarithmic, np.exp(np.where(logarithmic, drawn, 0.0)), drawn)
        values = np.clip(np.rint(values / steps) * steps, smallest, largest)
        lows, highs = values - steps / 2, values + steps / 2
        if not logarithmic.any():
            return lows, highs
        log_lows, log_highs = (np.log(np.where(logarithmic, np.maximum(ends, 0.0), 1.0)) for ends in (lows, highs))
        return np.where(logarithmic, log_lows, lows), np.where(logarithmic, log_highs, highs)

    @cached_property
    def _rounding(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Step, smallest and largest value, and whether the prior is logarithmic; each (columns,)."""
        distributions = [column.parameter.distribution for column in self.columns]
        bounds = np.array([distribution.bounds for distribution in distributions], dtype=float)
        steps = np.array([column.step for column in self.columns], dtype=float)
        return steps, bounds[:, 0], bounds[:, 1], np.array([each.is_logarithmic for each in distributions])


class UnivariateModel:
    """Densities of good and of other trials, for each parameter of a space.

    The values of a parameter are those of the trials in which it is active.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._columns = tuple(Column(parameter) for parameter in space.parameters)
        self._deciding = frozenset(node.label for node in walk(space.root) if isinstance(node, Choice))
        self._groups: dict[frozenset[str], list[ColumnGroup]] = {}
        self.table = TrialTable(self.encode, 2 * len(self._columns))

    def encode(self, vals: Vals) -> np.ndarray:
        """Return the numbers of a draw on the scales of the priors, then its cells, (2 · parameters,)."""
        encoded = np.full((2, len(self._columns)), np.nan)
        for number, column in enumerate(self._columns):
            value = vals.get(column.parameter.label)
            if value is not None:
                encoded[:, number] = column.encode(value)
        return encoded.ravel()

    def propose(
        self, trials: RankedTrials, n_good: int, rng: np.random.Generator, candidates: int, prior_weight: float
    ) -> Vals:
        """Return, for each active parameter, the candidate with the largest ratio of both densities.

        Choices are proposed before the parameters of their options.

        Args:
            trials: trials of ``table``.
            n_good: number of good trials.
            rng: the only source of randomness.
            candidates: number of draws from the density of good trials.
            prior_weight: weight of the prior relative to one trial.
        """
        sides = trials.split(n_good)
        vals: dict[str, float] = {}
        for group in self._group(self._deciding):
            vals |= self._propose_group(group, sides, rng, candidates, prior_weight)
        active = self._space.active(vals)
        for group in self._group(active - self._deciding):
            vals |= self._propose_group(group, sides, rng, candidates, prior_weight)
        return Vals({label: vals[label] for label in self._space.labels if label in active})

    def _propose_group(
        self,
        group: ColumnGroup,
        sides: Sequence[EncodedTrials],
        rng: np.random.Generator,
        candidates: int,
        prior_weight: float,
    ) -> dict[str, float]:
        """Return the proposed values of some columns."""
        labels = [column.parameter.label for column in group.columns]
        n_parameters = len(self._columns)
        if not group.columns[0].is_number:
            good, others = (
                group.count_options(side.columns(group.numbers + n_parameters), prior_weight) for side in sides
            )
            options = _propose_options(group.sizes, good, others, rng.random((len(labels), candidates)))
            return {
                label: option + column.first_option
                for label, option, column in zip(labels, options, group.columns, strict=True)
            }
        mixtures = [group.fit_mixtures(side, n_parameters, prior_weight) for side in sides]
        drawn = mixtures[0].draw(candidates, rng)
        good, others = group.log_densities(mixtures, drawn)
        scaled = np.take_along_axis(drawn, np.argmax(good - others, axis=0)[None], axis=0)[0].tolist()
        return {
            label: column.parameter.distribution.from_prior_scale(number)
            for label, number, column in zip(labels, scaled, group.columns, strict=True)
        }

    def _group(self, labels: frozenset[str]) -> list[ColumnGroup]:
        """Return the columns of labels, grouped by kind."""
        if labels not in self._groups:
            if len(self._groups) > 100:  # of a space with many branches
                self._groups.clear()
            by_kind: dict[tuple[bool, bool], list[int]] = {}
            for number, column in enumerate(self._columns):
                if column.parameter.label in labels:
                    kind = column.is_number, column.is_number and column.step is not None
                    by_kind.setdefault(kind, []).append(number)
            self._groups[labels] = [
                ColumnGroup(tuple(self._columns[number] for number in numbers), np.array(numbers))
                for _, numbers in sorted(by_kind.items())
            ]
        return self._groups[labels]


def _propose_options(sizes: Sequence[int], good: np.ndarray, others: np.ndarray, units: np.ndarray) -> list[int]:
    """Return the option of each column, among draws from the good counts, with the largest ratio of frequencies.

    Args:
        sizes: number of options of each column.
        good: weighted counts of the options in good trials, one column after another.
        others: the same in other trials.
        units: uniform numbers for the draws, (columns, candidates).
    """
    proposed = []
    end = 0
    for size, uniform in zip(sizes, units, strict=True):
        start, end = end, end + size
        cumulative = np.cumsum(good[start:end])
        drawn = np.minimum(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"), size - 1)
        proposed.append(int(drawn[np.argmax(good[start + drawn] / others[start + drawn])]))
    return proposed


@lru_cache(maxsize=8)
def get_univariate_model(space: Space) -> UnivariateModel:
    """Return the model of a space."""
    return UnivariateModel(space)
