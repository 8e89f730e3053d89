"""The values that a label may be moved to."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property

from metaopt.spaces import Distribution, Space

_MOST_VALUES = 64  # of a discrete parameter, to be tried one by one; others at quantiles
_QUANTILES = 12


class Ladders:
    """The values of every parameter of a space, in order.

    Args:
        space: of the parameters.
        kept: label of a choice → the options that it may have; all for others.
    """

    def __init__(self, space: Space, kept: Mapping[str, Sequence[int]] | None = None):
        self._space = space
        self._kept = kept or {}
        self._ladders: dict[str, tuple[float, ...]] = {}
        self._scales: dict[str, tuple[float | None, float, bool, bool]] = {}  # step, lowest value, choice, integer
        self._discrete = {one.label for one in space.parameters if one.distribution.step is not None}

    def values(self, label: str) -> tuple[float, ...]:
        """All values of a discrete parameter with few, else some quantiles of it; ascending."""
        found = self._ladders.get(label)
        if found is None:
            found = self._ladders[label] = self._ladder(label)
        return found

    def lower(self, label: str, value: float) -> tuple[float, ...]:
        """The values below one."""
        values = self.values(label)
        return values[: bisect_left(values, value)]

    def has(self, label: str, value: float) -> bool:
        """Whether ``on_ladder`` leaves a value as it is."""
        return label in self._discrete or value in self.values(label)

    def nearest(self, label: str, value: float) -> list[float]:
        """The other values, the nearest by rank first."""
        values = self.values(label)
        below = sum(other < value for other in values)
        ranked = sorted(range(len(values)), key=lambda rank: abs(rank - below))
        return [values[rank] for rank in ranked if values[rank] != value]

    def below(self, label: str, wanted: float, current: float) -> float | None:
        """The largest value of a number that is at most ``wanted``, or its smallest; None if that is not below
        ``current``.
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

    def on_ladder(self, label: str, value: float) -> float:
        """The value itself of a discrete parameter, else the next value of the ladder below it, or its lowest."""
        if label in self._discrete:
            return value
        values = self.values(label)
        return values[max(0, bisect_right(values, value) - 1)]

    @cached_property
    def kinds(self) -> Mapping[str, int]:
        """Label → a number that is equal for labels with equal distributions."""
        numbers: dict[Distribution, int] = {}
        return {one.label: numbers.setdefault(one.distribution, len(numbers)) for one in self._space.parameters}

    def _ladder(self, label: str) -> tuple[float, ...]:
        if label in self._kept:
            return tuple(self._kept[label])
        distribution = self._space.by_label[label].distribution
        low, high = distribution.bounds
        step = distribution.step
        if step is not None and (high - low) / step < _MOST_VALUES:
            count = round((high - low) / step) + 1
            return tuple([distribution.cast(low + number * step) for number in range(count)])
        quantile = distribution.make_quantile_function()
        units = [(number + 0.5) / _QUANTILES for number in range(_QUANTILES)]
        ends = [distribution.cast(end) for end in (low, high) if math.isfinite(end)]
        if not (low > 0 or not distribution.is_logarithmic):
            ends = []  # a lognormal's bounds are never drawn
        return tuple(sorted({*map(quantile, units), *ends}))
