"""Observed values of several parameters, and the weights of old observations as hyperopt's TPE defines them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The newest observations have full weight, and the weights of older ones fall linearly (DEFAULT_LF of hyperopt).
FORGETTING = 25


def forgetting_weights(active: np.ndarray) -> np.ndarray:
    """Return the weights of observations, (observations, parameters).

    The weights rise linearly from 1/n to 1 for the oldest n − 25 of n observations, and are 1 for the others.

    Args:
        active: whether a parameter is active in an observation, (observations, parameters), oldest first. The weights
            of other observations are numbers without a meaning.
    """
    if len(active) <= FORGETTING:
        return np.ones(active.shape)
    weights = np.repeat(_weigh(np.arange(len(active)), np.array(len(active))), active.shape[1]).reshape(active.shape)
    counts = active.sum(axis=0)
    conditional = np.flatnonzero(counts < len(active))
    if len(conditional):
        age = np.cumsum(active[:, conditional], axis=0, dtype=float) - 1
        weights[:, conditional] = _weigh(age, counts[conditional])
    return weights


def _weigh(age: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the weights of observations of these ages, of which the oldest has the age 0."""
    n_old = np.maximum(counts - FORGETTING, 0)
    first = np.where(n_old > 0, 1 / np.maximum(counts, 1), 1.0)
    return np.minimum(first + age * ((1 - first) / np.maximum(n_old - 1, 1)), 1.0)


@dataclass(frozen=True)
class Observed:
    """Distinct observed values of several parameters; each array has one entry for each value.

    Attributes:
        parameter: number of the parameter.
        value: the value, on the scale of the prior.
        count: number of observations of the value.
        weight: sum of their weights.
    """

    parameter: np.ndarray
    value: np.ndarray
    count: np.ndarray
    weight: np.ndarray

    @classmethod
    def join(cls, parts: Sequence["Observed"]) -> "Observed":
        """Return the values of all parts."""
        return cls(
            np.concatenate([part.parameter for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )

    def renumber(self, parameters: np.ndarray) -> "Observed":
        """Return the values with other numbers of their parameters, (parameters,)."""
        return Observed(parameters[self.parameter], self.value, self.count, self.weight)


def list_values(values: np.ndarray) -> Observed:
    """Return each active value with a count of 1.

    Args:
        values: (observations, parameters), oldest first, NaN where a parameter is inactive.
    """
    active = ~np.isnan(values)
    row, parameter = np.nonzero(active)
    return Observed(parameter, values[active], np.ones(len(row)), forgetting_weights(active)[active])


class Cells:
    """Cells of several columns, numbered one column after another.

    Each column has a cell 0 for observations in which its parameter is inactive; the first value has the cell 1.

    Attributes:
        starts: number of the cell 0 of each column, (columns,).
        column: number of the column of each cell, (cells,).
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        """Create the cells of columns with these numbers of cells, without the cell 0."""
        widths = np.array(sizes, dtype=np.intp) + 1
        self.starts = np.cumsum(widths) - widths
        self.column = np.repeat(np.arange(len(widths)), widths)

    def sum_weights(self, cells: np.ndarray) -> np.ndarray:
        """Return the sum of the weights of the observations in each cell, (cells,); 0 in a cell 0.

        Args:
            cells: number of the cell in its column, (observations, columns), oldest first.
        """
        return self._sum(self._number(cells), cells)

    def count(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of observations in each cell and the sum of their weights; see ``sum_weights``."""
        numbers = self._number(cells)
        counts = np.bincount(numbers, minlength=len(self.column))
        counts[self.starts] = 0
        return counts, self._sum(numbers, cells)

    def _number(self, cells: np.ndarray) -> np.ndarray:
        return (cells + self.starts).astype(np.intp).ravel()

    def _sum(self, numbers: np.ndarray, cells: np.ndarray) -> np.ndarray:
        weights = np.bincount(numbers, forgetting_weights(cells > 0).ravel(), len(self.column))
        weights[self.starts] = 0
        return weights
