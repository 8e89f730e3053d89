"""Limits on a network: parsing ``params<=2e7``, and how far a trial is from each.

A limit is cheap where the blueprint decides it (params, macs, memory) and measured where training must (any metric of a
record). The distance to a limit is signed: value − limit for ``<=``, limit − value for ``>=``, so that up to 0 is kept.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from metaopt.errors import UserError

CHEAP = ("params", "macs", "memory")
_FORM = re.compile(r"\s*(\w+)\s*(<=|>=)\s*([-+.\w]+)\s*$")


@dataclass(frozen=True)
class Limit:
    """``name <= bound`` or ``name >= bound``."""

    name: str
    upper: bool
    bound: float

    @property
    def cheap(self) -> bool:
        """Whether the blueprint alone decides it."""
        return self.name in CHEAP

    def distance(self, value: float) -> float:
        """Signed distance of a value to the limit, in the metric's unit: at most 0 where it is kept."""
        return value - self.bound if self.upper else self.bound - value

    def violation(self, value: float) -> float:
        """How far a value misses the limit, relative to the limit; 0 where it is kept."""
        return max(0.0, self.distance(value)) / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        short = f"{self.bound:g}"
        bound = short if float(short) == self.bound else repr(self.bound).removesuffix(".0")
        return f"{self.name}{'<=' if self.upper else '>='}{bound}"


def parse_limit(text: str) -> Limit:
    """Reads one ``--constraint``.

    Raises:
        UserError: it is not of the form NAME<=NUMBER or NAME>=NUMBER.
    """
    match = _FORM.match(text)
    try:
        if match is None:
            raise ValueError
        bound = float(match[3])
        if not math.isfinite(bound):
            raise ValueError
    except ValueError:
        raise UserError(
            f"--constraint {text} is not understood: write NAME<=NUMBER or NAME>=NUMBER, e.g. params<=2e6."
        ) from None
    name = match[1]
    if name in CHEAP and match[2] == ">=":
        raise UserError(f"--constraint {text}: {name} can only be limited from above; write {name}<={match[3]}.")
    return Limit(name, match[2] == "<=", bound)


def parse_limits(texts: Iterable[str]) -> tuple[Limit, ...]:
    """Reads every ``--constraint``; the tighter of two on one metric counts.

    Raises:
        UserError: one is malformed, or two contradict each other.
    """
    limits: dict[tuple[str, bool], Limit] = {}
    for text in texts:
        limit = parse_limit(text)
        known = limits.get((limit.name, limit.upper))
        if known is None or limit.distance(known.bound) > 0:
            limits[limit.name, limit.upper] = limit
    for (name, upper), limit in limits.items():
        other = limits.get((name, not upper))
        if upper and other is not None and other.bound > limit.bound:
            raise UserError(f"--constraint {limit} and {other} contradict each other: no value keeps both.")
    return tuple(limits.values())


def is_number(value: object) -> bool:
    """Whether a limit can be judged by a value: NaN, infinity, None and texts are no numbers."""
    value = unwrapped(value)
    return isinstance(value, Real) and math.isfinite(value)


def unwrapped(value: Any) -> Any:
    """The number in an array of one, of whatever library; anything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value


def violation(limits: Iterable[Limit], values: Mapping[str, float]) -> float:
    """The sum of relative misses over all limits whose value is known; 0 where all are kept."""
    return sum(limit.violation(values[limit.name]) for limit in limits if limit.name in values)
