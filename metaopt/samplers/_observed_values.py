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
    counts = active.sum(axis=0)
    n_old = np.maximum(counts - FORGETTING, 0)
    first = np.where(n_old > 0, 1 / np.maximum(counts, 1), 1.0)
    slope = (1 - first) / np.maximum(n_old - 1, 1)
    weights = np.empty(active.shape)
    is_always = counts == len(active)
    if is_always.any():  # these columns have the same weights
        column = int(np.argmax(is_always))
        age = np.arange(len(active))
        weights[:, is_always] = np.minimum(first[column] + age * slope[column], 1.0)[:, None]
    if not is_always.all():
        age = np.cumsum(active[:, ~is_always], axis=0, dtype=float) - 1  # 0 for the oldest
        weights[:, ~is_always] = np.minimum(first[~is_always] + age * slope[~is_always], 1.0)
    return weights


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

    def count(self, cells: np.ndarray) -> np.ndarray:
        """Return the number of observations in each cell, (cells,); 0 in a cell 0.

        Args:
            cells: number of the cell in its column, (observations, columns), oldest first.
        """
        return self._sum(cells, None)

    def sum_weights(self, cells: np.ndarray) -> np.ndarray:
        """Return the sum of the weights of the observations in each cell, (cells,); 0 in a cell 0.

        Args:
            cells: see ``count``.
        """
        return self._sum(cells, forgetting_weights(cells > 0).ravel() if len(cells) > FORGETTING else None)

    def _sum(self, cells: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        numbers = (cells + self.starts).astype(np.intp).ravel()
        sums = np.bincount(numbers, weights, len(self.column)).astype(float, copy=False)
        sums[self.starts] = 0
        return sums
