"""Value grid of a space: the ordered values that each label may be moved to."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property

from metaopt.spaces import Distribution, Space

_MAX_VALUES = 64  # of a discrete parameter whose values are all on the grid; others are represented by quantiles
_QUANTILES = 12


class ValueGrid:
    """Ordered values of every parameter of a space."""

    def __init__(self, space: Space, allowed: Mapping[str, Sequence[int]] | None = None):
        """Create a grid.

        Args:
            space: of the parameters.
            allowed: label of a choice → its allowed options; all options for choices that are left out.
        """
        self._space = space
        self._allowed = allowed or {}
        self._values: dict[str, tuple[float, ...]] = {}
        self._scales: dict[str, tuple[float | None, float, bool, bool]] = {}  # step, lowest value, choice, integer
        self._discrete = {one.label for one in space.parameters if one.distribution.step is not None}

    def values(self, label: str) -> tuple[float, ...]:
        """Return the values of a label in ascending order: all of a small discrete parameter, else quantiles."""
        found = self._values.get(label)
        if found is None:
            found = self._values[label] = self._make_values(label)
        return found

    def values_below(self, label: str, value: float) -> tuple[float, ...]:
        """Return the values of a label that are below a value, in ascending order."""
        values = self.values(label)
        return values[: bisect_left(values, value)]

    def nearest(self, label: str, value: float) -> list[float]:
        """Return the other values of a label, nearest by rank first."""
        values = self.values(label)
        below = sum(other < value for other in values)
        ranked = sorted(range(len(values)), key=lambda rank: abs(rank - below))
        return [values[rank] for rank in ranked if values[rank] != value]

    def largest_below(self, label: str, wanted: float, current: float) -> float | None:
        """Return the largest value up to ``wanted``, or else the smallest value; None unless it is below ``current``.

        The value need not be on the grid: continuous parameters take ``wanted`` itself. Choices take the next option
        below ``current``.
        """
        known = self._scales.get(label)
        if known is None:
            distribution = self._space.by_label[label].distribution
            step = None if distribution.is_choice else distribution.step
            known = self._scales[label] = (step, self.values(label)[0], distribution.is_choice, distribution.is_integer)
        step, low, is_choice, is_integer = known
        if is_choice:
            return max([value for value in self.values(label) if value < current], default=None)
        value = wanted if step is None else math.floor(wanted / step) * step
        value = max(int(value) if is_integer else float(value), low)
        return value if value < current else None

    def snap(self, label: str, value: float) -> float:
        """Return the next grid value at or below a value, or the lowest; values of discrete parameters stay."""
        if label in self._discrete:
            return value
        values = self.values(label)
        return values[max(0, bisect_right(values, value) - 1)]

    def is_snapped(self, label: str, value: float) -> bool:
        """Return whether ``snap`` leaves a value unchanged."""
        return label in self._discrete or value in self.values(label)

    @cached_property
    def distribution_ids(self) -> Mapping[str, int]:
        """Label → number of its distribution; equal for labels with equal distributions."""
        numbers: dict[Distribution, int] = {}
        return {one.label: numbers.setdefault(one.distribution, len(numbers)) for one in self._space.parameters}

    def _make_values(self, label: str) -> tuple[float, ...]:
        if label in self._allowed:
            return tuple(self._allowed[label])
        distribution = self._space.by_label[label].distribution
        low, high = distribution.bounds
        step = distribution.step
        if step is not None and (high - low) / step < _MAX_VALUES:
            count = round((high - low) / step) + 1
            return tuple([distribution.cast(low + number * step) for number in range(count)])
        quantile = distribution.make_quantile_function()
        units = [(number + 0.5) / _QUANTILES for number in range(_QUANTILES)]
        ends = [distribution.cast(end) for end in (low, high) if math.isfinite(end)]
        if not (low > 0 or not distribution.is_logarithmic):
            ends = []  # the bounds of a lognormal are never drawn
        return tuple(sorted({*map(quantile, units), *ends}))
