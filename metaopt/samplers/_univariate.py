"""Univariate densities of TPE: each parameter is proposed on its own, as by hyperopt."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from metaopt.samplers._columns import Column
from metaopt.samplers._numbers import MAX_LISTED, NumberGroup
from metaopt.samplers._options import OptionGroup
from metaopt.samplers._trial_table import RankedTrials, TrialTable
from metaopt.spaces import Space, Vals

_MAX_GROUPS = 100  # groups of active parameters that are kept, of a space with many branches


class UnivariateModel:
    """Densities of good and of other trials, for each parameter of a space.

    The values of a parameter are those of the trials in which it is active.

    Attributes:
        table: encoded trials: the cells of options, the cells of numbers, then the numbers on the scales of the priors.
            Cells are 0, and numbers NaN, where a parameter is inactive.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        columns = [Column(parameter) for parameter in space.parameters]
        self.options = OptionGroup([column for column in columns if not column.is_number])
        self._numbers = [column for column in columns if column.is_number]
        self._groups: dict[frozenset[str], list[tuple[np.ndarray, NumberGroup]]] = {}
        self.table = TrialTable(self.encode, len(columns) + len(self._numbers))

    def encode(self, vals: Vals) -> np.ndarray:
        """Return a row of ``table`` for a draw."""
        n_options, n_numbers = len(self.options.columns), len(self._numbers)
        row = np.zeros(n_options + 2 * n_numbers)
        row[n_options + n_numbers :] = np.nan
        for number, column in enumerate((*self.options.columns, *self._numbers)):
            value = vals.get(column.parameter.label)
            if value is not None:
                scaled, cell = column.encode(value)
                row[number] = 1 + cell
                if number >= n_options:
                    row[n_numbers + number] = scaled
        return row

    def propose(
        self, trials: RankedTrials, n_good: int, rng: np.random.Generator, candidates: int, prior_weight: float
    ) -> Vals:
        """Return, for each active parameter, the candidate with the largest ratio of both densities.

        Args:
            trials: trials of ``table``.
            n_good: number of good trials.
            rng: the only source of randomness.
            candidates: number of draws from the density of good trials, for each parameter.
            prior_weight: weight of the prior relative to one trial.
        """
        sides = trials.split(n_good)
        n_options, n_numbers = len(self.options.columns), len(self._numbers)
        vals: dict[str, float] = {}
        vals |= self.options.propose([side[:, :n_options] for side in sides], rng, candidates, prior_weight)
        active = self._space.active(vals)
        for positions, group in self.find_groups(active):
            cells = n_options + positions
            values_and_cells = [
                (side[:, cells + n_numbers] if len(side) <= MAX_LISTED else None, side[:, cells]) for side in sides
            ]
            vals |= group.propose(values_and_cells, rng, candidates, prior_weight)
        return Vals({label: vals[label] for label in self._space.labels if label in active})

    def find_groups(self, labels: frozenset[str]) -> Sequence[tuple[np.ndarray, NumberGroup]]:
        """Return the numbers among some parameters, grouped by kind.

        Returns:
            Continuous and rounded parameters, if there are any: their positions among all numbers, and the group.
        """
        if labels not in self._groups:
            if len(self._groups) >= _MAX_GROUPS:
                self._groups.clear()
            by_kind: dict[bool, list[int]] = {}
            for position, column in enumerate(self._numbers):
                if column.parameter.label in labels:
                    by_kind.setdefault(column.step is not None, []).append(position)
            self._groups[labels] = [
                (np.array(positions), NumberGroup([self._numbers[position] for position in positions]))
                for _, positions in sorted(by_kind.items())
            ]
        return self._groups[labels]


@lru_cache(maxsize=8)
def get_univariate_model(space: Space) -> UnivariateModel:
    """Return the model of a space."""
    return UnivariateModel(space)
