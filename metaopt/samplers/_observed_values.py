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
        active: whether a parameter is active in an observation, (observations, parameters), oldest first.
    """
    counts = active.sum(axis=0)
    n_old = np.maximum(counts - FORGETTING, 0)
    if not n_old.any():
        return active.astype(float)
    always = counts == len(active)
    if always.sum() > 1:  # one of these columns stands for all
        weights = np.empty(active.shape)
        weights[:, always] = forgetting_weights(active[:, always][:, :1])
        weights[:, ~always] = forgetting_weights(active[:, ~always])
        return weights
    age = np.cumsum(active, axis=0) - 1  # 0 for the oldest
    slope = np.where(n_old > 1, (1 - 1 / np.maximum(counts, 1)) / np.maximum(n_old - 1, 1), 0.0)
    weights = np.where(age < n_old, 1 / np.maximum(counts, 1) + age * slope, 1.0)
    return np.where(active, weights, 0.0)


@dataclass(frozen=True)
class Observed:
    """Distinct observed values of several parameters, sorted by parameter; each array has one entry for each value.

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


def list_values(values: np.ndarray, weights: np.ndarray) -> Observed:
    """Return each active value with a count of 1.

    Args:
        values: (observations, parameters), NaN where a parameter is inactive.
        weights: see ``forgetting_weights``.
    """
    parameter, row = np.nonzero(~np.isnan(values.T))
    return Observed(parameter, values[row, parameter], np.ones(len(row)), weights[row, parameter])


def count_values(cells: np.ndarray, weights: np.ndarray, positions: Sequence[np.ndarray]) -> Observed:
    """Count the observations in each cell.

    Args:
        cells: number of the cell of each value, (observations, parameters), NaN where a parameter is inactive.
        weights: see ``forgetting_weights``.
        positions: for each parameter, the value that stands for each of its cells, ascending.
    """
    if not positions:
        return Observed(np.empty(0, dtype=np.intp), *np.empty((3, 0)))
    sizes = [len(each) for each in positions]
    active = ~np.isnan(cells)
    flat = (cells + np.cumsum([0, *sizes[:-1]]))[active].astype(np.intp)
    count = np.bincount(flat, minlength=sum(sizes))
    weight = np.bincount(flat, weights[active], minlength=sum(sizes))
    found = np.flatnonzero(count)
    parameter = np.repeat(np.arange(len(sizes)), sizes)
    return Observed(parameter[found], np.concatenate(positions)[found], count[found].astype(float), weight[found])
