"""Points as columns: one per hyperparameter, with its values over all trials and a place for each on an axis."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from metaopt.trials.record import Record

# Numbers with at most so many different values are drawn as levels side by side, not along a continuous axis.
_MOST_NUMERIC_LEVELS = 6
# Further levels of a choice are summed up in one, the rarest first.
_MOST_LEVELS = 12
_OTHER = "other"
# Where "none" stands on an axis on which numbers fill 0..1.
NONE_AT = -0.18


class _Missing:
    """The value of a hyperparameter that is not part of a point, as a branch was not taken that holds it."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass
class Column:
    """One hyperparameter over all trials.

    Attributes:
        name: its path in the point, joined by dots.
        values: one per record; ``MISSING`` where the hyperparameter is inactive.
        levels: the distinct values in the order of drawing, None first; empty for a continuous number.
        low: the smallest number of a continuous one.
        high: the largest.
        logarithmic: whether a continuous one is drawn on a logarithmic axis.
    """

    name: str
    values: list[Any]
    levels: list[Any] = field(default_factory=list)
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False

    @property
    def active(self) -> np.ndarray:
        """(n,) bool: where the hyperparameter is part of the point."""
        return np.array([value is not MISSING for value in self.values], bool)

    @property
    def continuous(self) -> bool:
        """Whether numbers are drawn along an axis; else as levels side by side."""
        return not self.levels

    @property
    def ordered(self) -> bool:
        """Whether the order of places means something: numbers, and choices of at most two."""
        return self.continuous or len(self.levels) <= 2 or all(map(_is_number, self.levels))

    @property
    def has_none(self) -> bool:
        """Whether a continuous number is None in some trials."""
        return self.continuous and any(value is None for value in self.values)

    def places(self) -> np.ndarray:
        """(n,) float: where each trial stands on the axis; nan where inactive.

        Continuous numbers fill 0..1 and None stands at ``NONE_AT``; levels stand at 0, 1, 2, …
        """
        return np.array([self._place(value) for value in self.values], float)

    def _place(self, value: Any) -> float:
        if value is MISSING:
            return math.nan
        if self.levels:
            return float(self.levels.index(value if value in self.levels else _OTHER))
        if value is None:
            return NONE_AT
        low, high, x = (self._scale(number) for number in (self.low, self.high, value))
        return (x - low) / (high - low)

    def _scale(self, number: float) -> float:
        return math.log(number) if self.logarithmic else float(number)

    def ticks(self, most: int = 4) -> tuple[list[float], list[str]]:
        """Places and texts of the axis' ticks."""
        if self.levels:
            return [float(place) for place in range(len(self.levels))], [_text(level) for level in self.levels]
        numbers = [tick for tick in self._numbers(most) if self.low <= tick <= self.high]
        places, texts = [self._place(tick) for tick in numbers], [f"{tick:.4g}" for tick in numbers]
        return ([NONE_AT, *places], ["none", *texts]) if self.has_none else (places, texts)

    def _numbers(self, most: int) -> list[float]:
        if self.logarithmic:
            ticks = LogLocator(subs=(1.0, 2.0, 5.0), numticks=50).tick_values(self.low, self.high)
            inside = [float(tick) for tick in ticks if self.low <= tick <= self.high]
            if len(inside) >= 2:
                return inside[:: math.ceil(len(inside) / most)]
        return [
            float(tick)
            for tick in MaxNLocator(most + self.logarithmic, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        ]

    def limits(self) -> tuple[float, float]:
        """The ends of the axis."""
        if self.levels:
            return -0.6, len(self.levels) - 0.4
        return (NONE_AT - 0.1 if self.has_none else -0.06), 1.06

    def design(self) -> np.ndarray:
        """(active trials, k) regressors: one per level, or a parabola of the place and whether it is None."""
        places = self.places()[self.active]
        if self.levels:
            return (places[:, None] == np.arange(1, len(self.levels))).astype(float)
        none = places == NONE_AT
        regressors = [np.where(none, 0.0, places), np.where(none, 0.0, places**2)]
        return np.stack([*regressors, none.astype(float)] if none.any() else regressors, axis=1)


def columns_of(records: Sequence[Record], logarithmic: Collection[str] = ()) -> tuple[list[Column], list[str]]:
    """The hyperparameters of some records.

    Args:
        records: with their points in ``space``, and in ``vals`` the same draws flat.
        logarithmic: labels whose distribution is one of the logarithm.

    Returns:
        The columns that differ between the records, in the points' order, and the names of the constant ones.
    """
    points = [dict(_flatten(record.get("space"))) for record in records]
    names = list(dict.fromkeys(name for point in points for name in point))
    columns, constant = [], []
    for name in names:
        values = [point.get(name, MISSING) for point in points]
        if any(other.startswith(f"{name}.") for other in names):  # an option that holds more hyperparameters
            values = [
                "set" if value is MISSING and any(key.startswith(f"{name}.") for key in point) else value
                for value, point in zip(values, points, strict=True)
            ]
        present = [value for value in values if value is not MISSING]
        if all(_same(value, present[0]) for value in present):
            constant.append(name)
        else:
            columns.append(_column(name, values, name in _names(name, values, records, logarithmic)))
    return columns, constant


def _flatten(point: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each scalar of a nested point with its path; a short list of scalars, say a kernel's size, is one value."""
    if isinstance(point, Mapping) and point:
        for key, value in point.items():
            yield from _flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(point, list | tuple) and any(
        isinstance(item, Mapping | list | tuple) or (isinstance(item, float) and not item.is_integer())
        for item in point
    ):
        for index, value in enumerate(point):
            yield from _flatten(value, f"{path}.{index}" if path else str(index))
    elif isinstance(point, list | tuple):
        yield path or "point", "×".join(map(str, point))
    elif isinstance(point, np.generic):
        yield path or "point", point.item()
    else:
        yield path or "point", point


def _names(name: str, values: list[Any], records: Sequence[Record], labels: Collection[str]) -> set[str]:
    """The column's name if it, or a label whose values it always has, is among the labels."""
    for label in labels:
        if label == name:
            return {name}
        drawn = [record.get("vals", {}).get(label, MISSING) for record in records]
        pairs = [(value, draw) for value, draw in zip(values, drawn, strict=True) if draw is not MISSING]
        if pairs and all(_is_number(value) and value == draw for value, draw in pairs):
            return {name}
    return set()


def _column(name: str, values: list[Any], logarithmic: bool) -> Column:
    numbers = [value for value in values if _is_number(value)]
    others = [value for value in values if value is not MISSING and value is not None and not _is_number(value)]
    if numbers and not others and _is_continuous(numbers):
        low, high = min(numbers), max(numbers)
        return Column(name, values, low=low, high=high, logarithmic=logarithmic and low > 0)
    values = [value if value is MISSING or value is None or _is_number(value) else _text(value) for value in values]
    return Column(name, values, levels=_levels([value for value in values if value is not MISSING]))


def _is_continuous(numbers: Sequence[float]) -> bool:
    distinct = set(numbers)
    if len(distinct) < 2:
        return False
    whole = all(float(number).is_integer() for number in distinct)
    if len(distinct) > _MOST_NUMERIC_LEVELS:
        return True
    # Few values of many trials are options; few values of few trials are draws, unless they lie close together.
    repeated = len(numbers) >= 3 * len(distinct)
    close = whole and max(distinct) - min(distinct) < _MOST_NUMERIC_LEVELS
    return not (repeated or close)


def _levels(values: list[Any]) -> list[Any]:
    counts: dict[Any, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    kept = sorted(counts, key=lambda value: -counts[value])
    if len(kept) > _MOST_LEVELS:
        kept = [*kept[: _MOST_LEVELS - 1], _OTHER]
    # None first, then numbers by size, then texts by alphabet, "other" last.
    return sorted(kept, key=lambda v: (v is not None, isinstance(v, str), v == _OTHER, v if v is not None else 0))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _same(a: Any, b: Any) -> bool:
    return a == b and (type(a) is type(b) or (_is_number(a) and _is_number(b)))


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if _is_number(value) else str(value)
    return text if len(text) <= 14 else f"{text[:13]}…"
