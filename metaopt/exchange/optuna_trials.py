"""Parameters of Optuna for the hyperparameters of a space, or for the points of a study whose space is not known."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from metaopt.exchange.flat_points import flatten, write_cell
from metaopt.exchange.optuna_storage import import_optuna
from metaopt.spaces import Distribution, Space
from metaopt.spaces.option_values import find_options

_EDGE = 2.0**-53  # quantile beyond which no sampler draws a normal distribution


class ParameterTable:
    """Converts hyperparameters to parameters with distributions.

    Args:
        space: the compiled space, whose labels are the names; None where it is not known: the names are then paths in
            the points, and the ranges those of the values.
        points: all points, where the space is not known, because Optuna wants one distribution for each name.
    """

    def __init__(self, space: Space | None, points: Iterable[Any] = ()) -> None:
        self._space = space
        self._options = {} if space is None else find_options(space)
        self._distributions: dict[str, Any] = {}
        self._columns: dict[str, list[Any]] = {}
        for point in points if space is None else ():
            for name, value in flatten(point).items():
                self._columns.setdefault(name, []).append(value)

    def describe(self, vals: Mapping[str, float], point: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the parameters of a trial, and their distributions, both by name.

        Args:
            vals: label → value.
            point: the same as a point, in the types of JSON.
        """
        if self._space is None:
            params = flatten(point)
            found = {name: self._inferred(name) for name in params}
            plain = {n: _plain(value) if hasattr(found[n], "choices") else value for n, value in params.items()}
            return plain, found
        distributions = {label: self._known(label) for label in vals}
        values = {
            label: self._options[label][int(value)] if label in self._options else value
            for label, value in vals.items()
        }
        return values, distributions

    def _known(self, label: str) -> Any:
        assert self._space is not None
        if label not in self._distributions:
            options = self._options.get(label)
            self._distributions[label] = (
                import_optuna().distributions.CategoricalDistribution(options)
                if options is not None
                else make_distribution(self._space.by_label[label].distribution)
            )
        return self._distributions[label]

    def _inferred(self, name: str) -> Any:
        if name not in self._distributions:
            kinds, values = import_optuna().distributions, self._columns[name]
            if all(type(value) is int for value in values):
                self._distributions[name] = kinds.IntDistribution(min(values), max(values))
            elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                self._distributions[name] = kinds.FloatDistribution(float(min(values)), float(max(values)))
            else:
                plain = list(dict.fromkeys(map(_plain, values)))
                self._distributions[name] = kinds.CategoricalDistribution(plain)
        return self._distributions[name]


def make_distribution(distribution: Distribution) -> Any:
    """Return Optuna's distribution of a numeric one, with the same bounds.

    A normal distribution has the bounds of all draws, and a number that is rounded on a logarithmic scale is any float
    within its bounds, because Optuna has no such distributions.
    """
    kinds = import_optuna().distributions
    low, high = distribution.bounds
    if distribution.is_integer:
        return kinds.IntDistribution(int(low), int(high))
    if not (math.isfinite(low) and math.isfinite(high)):
        quantile = distribution.make_quantile_function()
        low, high = float(quantile(_EDGE)), float(quantile(1 - _EDGE))
    step = distribution.step
    is_logarithmic = distribution.is_logarithmic and low > 0
    if step is not None and not is_logarithmic:
        return kinds.FloatDistribution(low, high, step=step)
    return kinds.FloatDistribution(low, high, log=is_logarithmic)


def _plain(value: Any) -> bool | int | float | str | None:
    return value if value is None or isinstance(value, bool | int | float | str) else write_cell(value)
