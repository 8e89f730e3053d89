"""Features: the hyperparameters of many points, each with its values over all trials and their axis positions."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metaopt.trials.record import Record

# A number with at most so many distinct values is shown as levels side by side, not along a continuous axis.
_MAX_NUMERIC_LEVELS = 6
# Further levels of a choice are merged into one, the rarest first.
_MAX_LEVELS = 12
_OTHER = "other"
# So few numbers say nothing about their distribution.
_MIN_TO_LOOK = 5
# Position of None on an axis on which numbers fill 0..1.
NONE_POSITION = -0.18


class _Missing:
    """Value of a hyperparameter that is inactive in a point, because another branch was drawn."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass
class Feature:
    """One hyperparameter over all trials.

    Attributes:
        name: its path in the point, joined by dots.
        values: one value per record; ``MISSING`` where the hyperparameter is inactive.
        levels: distinct values in the order of the axis, None first; empty for a continuous number.
        low: smallest number of a continuous one.
        high: largest number of a continuous one.
        is_logarithmic: whether the axis of a continuous one is logarithmic.
    """

    name: str
    values: list[Any]
    levels: list[Any] = field(default_factory=list)
    low: float = 0.0
    high: float = 1.0
    is_logarithmic: bool = False

    @property
    def active(self) -> np.ndarray:
        """(n,) bool: where the hyperparameter is part of the point."""
        return np.array([value is not MISSING for value in self.values], bool)

    @property
    def is_continuous(self) -> bool:
        """Whether its values are numbers along an axis; otherwise they are levels side by side."""
        return not self.levels

    @property
    def is_ordered(self) -> bool:
        """Whether its positions have a meaningful order: numbers, and choices of at most two."""
        return self.is_continuous or len(self.levels) <= 2 or all(map(_is_number, self.levels))

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers, apart from None."""
        return self.is_continuous or all(level is None or _is_number(level) for level in self.levels)

    @property
    def has_none(self) -> bool:
        """Whether a continuous number is None in some trials."""
        return self.is_continuous and any(value is None for value in self.values)

    def positions(self) -> np.ndarray:
        """Return the (n,) positions of the trials on the axis; NaN where inactive.

        Continuous numbers fill 0..1, None is at ``NONE_POSITION``; levels are at 0, 1, 2, …
        """
        return np.array([self.position(value) for value in self.values], float)

    def position(self, value: Any) -> float:
        """Return the position of a value on the axis."""
        if value is MISSING:
            return math.nan
        if self.levels:
            return float(self.levels.index(value if value in self.levels else _OTHER))
        if value is None:
            return NONE_POSITION
        low, high, x = (self._scale(number) for number in (self.low, self.high, value))
        return (x - low) / (high - low) if high > low else 0.5

    def _scale(self, number: float) -> float:
        return math.log(number) if self.is_logarithmic else float(number)

    def design(self) -> np.ndarray:
        """Return the (active trials, k) regressors: one per level, or position, its square, and None or not."""
        positions = self.positions()[self.active]
        if self.levels:
            return (positions[:, None] == np.arange(1, len(self.levels))).astype(float)
        none = positions == NONE_POSITION
        regressors = [np.where(none, 0.0, positions), np.where(none, 0.0, positions**2)]
        return np.stack([*regressors, none.astype(float)] if none.any() else regressors, axis=1)


@dataclass(frozen=True)
class Features:
    """Hyperparameters of some records.

    Attributes:
        varying: features that differ between the records, in the order of the points.
        constant: names of those that do not, where they are active.
        unread: names of those that differ, but that nothing reads.
    """

    varying: list[Feature]
    constant: list[str]
    unread: list[str]


def extract_features(
    records: Sequence[Record], logarithmic: Collection[str] = (), unread: Collection[str] = ()
) -> Features:
    """Return the hyperparameters of some records.

    Args:
        records: records of the trials.
        logarithmic: labels whose distribution is one of the logarithm.
        unread: labels, or paths in the point, of the hyperparameters that nothing reads.
    """
    points = [dict(flatten_point(record.point)) for record in records]
    names = list(dict.fromkeys(name for point in points for name in point))
    found = Features([], [], [])
    for name in names:
        values = [point.get(name, MISSING) for point in points]
        if any(other.startswith(f"{name}.") for other in names):  # an option that holds more hyperparameters
            values = [
                "set" if value is MISSING and any(key.startswith(f"{name}.") for key in point) else value
                for value, point in zip(values, points, strict=True)
            ]
        present = [value for value in values if value is not MISSING]
        if all(_is_same(value, present[0]) for value in present):
            found.constant.append(name)
        elif any(name == path or name.startswith(f"{path}.") for path in unread) or (
            _is_drawn_by(name, values, records, unread)
        ):
            found.unread.append(name)
        else:
            is_logarithmic = _is_drawn_by(name, values, records, logarithmic)
            found.varying.append(_make_feature(name, values, is_logarithmic))
    return found


def level_text(value: Any) -> str:
    """Return a level as a short text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if _is_number(value) else str(value)
    return text if len(text) <= 14 else f"{text[:13]}…"


def flatten_point(point: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each scalar of a nested point with its path; a short list of scalars, e.g. a kernel size, is one value."""
    if isinstance(point, Mapping) and point:
        for key, value in point.items():
            yield from flatten_point(value, f"{path}.{key}" if path else str(key))
    elif isinstance(point, list | tuple) and any(
        isinstance(item, Mapping | list | tuple) or (isinstance(item, float) and not item.is_integer())
        for item in point
    ):
        for index, value in enumerate(point):
            yield from flatten_point(value, f"{path}.{index}" if path else str(index))
    elif isinstance(point, list | tuple):
        yield path or "point", "×".join(map(str, point))
    elif isinstance(point, np.generic):
        yield path or "point", point.item()
    else:
        yield path or "point", point


def _is_drawn_by(name: str, values: list[Any], records: Sequence[Record], labels: Collection[str]) -> bool:
    """Return whether the name, or a label that always has the same values, is among the labels."""
    for label in labels:
        if label == name:
            return True
        drawn = [record.vals.get(label, MISSING) for record in records]
        pairs = [(value, draw) for value, draw in zip(values, drawn, strict=True) if draw is not MISSING]
        if pairs and all(_is_number(value) and value == draw for value, draw in pairs):
            return True
    return False


def _make_feature(name: str, values: list[Any], is_logarithmic: bool) -> Feature:
    numbers = [value for value in values if _is_number(value)]
    others = [value for value in values if value is not MISSING and value is not None and not _is_number(value)]
    if numbers and not others and _is_continuous(numbers):
        low, high = min(numbers), max(numbers)
        is_logarithmic = low > 0 and (is_logarithmic or _look_logarithmic(numbers))
        return Feature(name, values, low=low, high=high, is_logarithmic=is_logarithmic)
    values = [
        value if value is MISSING or value is None or _is_number(value) else level_text(value) for value in values
    ]
    return Feature(name, values, levels=_find_levels([value for value in values if value is not MISSING]))


def _look_logarithmic(numbers: Sequence[float]) -> bool:
    """Return whether positive numbers span decades, most of them in a small part of their range.

    Studies of earlier versions do not store which hyperparameters have a logarithmic distribution.
    """
    low, high = min(numbers), max(numbers)
    middle = sorted(numbers)[len(numbers) // 2]
    return len(numbers) >= _MIN_TO_LOOK and high >= 50 * low and middle - low <= 0.15 * (high - low)


def _is_continuous(numbers: Sequence[float]) -> bool:
    distinct = Counter(numbers)
    if len(distinct) < 2:
        return False
    are_integers = all(float(number).is_integer() for number in distinct)
    if len(distinct) > _MAX_NUMERIC_LEVELS:
        return True
    # Few values of many trials are options; few values of few trials are draws, unless they are close together. Draws
    # that a sampler took over from a good trial are repeated, but others occur once.
    are_repeated = len(numbers) >= 3 * len(distinct) and (are_integers or min(distinct.values()) > 1)
    are_close = are_integers and max(distinct) - min(distinct) < _MAX_NUMERIC_LEVELS
    return not (are_repeated or are_close)


def _find_levels(values: list[Any]) -> list[Any]:
    counts: dict[Any, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    kept = sorted(counts, key=lambda value: -counts[value])
    if len(kept) > _MAX_LEVELS:
        kept = [*kept[: _MAX_LEVELS - 1], _OTHER]
    # None first, then numbers by size, then texts by alphabet, "other" last.
    return sorted(kept, key=lambda v: (v is not None, isinstance(v, str), v == _OTHER, v if v is not None else 0))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_same(a: Any, b: Any) -> bool:
    return a == b and (type(a) is type(b) or (_is_number(a) and _is_number(b)))
