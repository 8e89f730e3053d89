"""Frequencies of options: TPE's univariate model of the parameters whose values have no order."""

from collections.abc import Sequence

import numpy as np

from metaopt.samplers._columns import Column
from metaopt.samplers._observed_values import Cells


class OptionGroup:
    """Parameters without an order, which are proposed together.

    Attributes:
        columns: their columns.
        pseudo_counts: number of observations of each cell that the prior counts for, one column after another.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._cells = Cells([column.n_options for column in columns])
        self._ends = np.append(self._cells.starts[1:], len(self._cells.column))
        each = [np.append(0.0, column.pseudo_counts) for column in columns]
        self.pseudo_counts = np.concatenate(each) if each else np.empty(0)

    def count(self, cells: np.ndarray, prior_weight: float) -> np.ndarray:
        """Return the weighted counts of the options, those of the prior included, one column after another.

        Args:
            cells: number of the cell of each trial, (trials, columns), 0 where a column is inactive.
            prior_weight: weight of the prior relative to one trial.
        """
        return self._cells.sum_weights(cells) + prior_weight * self.pseudo_counts

    def propose(
        self, sides: Sequence[np.ndarray], rng: np.random.Generator, candidates: int, prior_weight: float
    ) -> dict[str, int]:
        """Return the option of each parameter with the largest ratio of frequencies, among draws of good ones.

        Args:
            sides: cells of good and of other trials, each (trials, columns), 0 where a column is inactive.
            rng: the only source of randomness.
            candidates: number of draws for each parameter.
            prior_weight: weight of the prior relative to one trial.
        """
        if not self.columns:
            return {}
        good, others = (self.count(side, prior_weight) for side in sides)
        mass = np.cumsum(good)
        before = mass[self._cells.starts]  # the cell 0 has no mass
        units = rng.random((candidates, len(self.columns)))
        drawn = np.searchsorted(mass, before + units * (mass[self._ends - 1] - before), side="right")
        drawn = np.clip(drawn, self._cells.starts + 1, self._ends - 1)
        best = np.argmax(good[drawn] / others[drawn], axis=0)
        options = drawn[best, np.arange(len(self.columns))] - self._cells.starts - 1
        return {
            column.parameter.label: option + column.first_option
            for column, option in zip(self.columns, options.tolist(), strict=True)
        }
