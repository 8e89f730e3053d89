"""Constraints on a network: parsing ``params<=2e7``, and the distance of a trial to each.

A constraint is cheap where the blueprint decides it (params, macs, memory) and measured where training must (any metric
of a record). The distance to a constraint is signed: value − bound for ``<=``, bound − value for ``>=``. A constraint
is met where the distance is at most 0.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from metaopt.errors import UserError, invalid_value
from metaopt.quantities import parse_count, parse_duration, parse_size, size_text
from metaopt.values.json_values import is_masked
from metaopt.values.safe_text import call_bounded

MEMORY = "memory"
LATENCY = "latency_ms"
"""Milliseconds of the inference of one image, measured after training."""
CHEAP = ("params", "macs", MEMORY)
_FORM = re.compile(r"\s*(\w+)\s*(<=|>=)\s*(\S[^<>=]*?)\s*$")
# Units of a bound by name; other numbers are plain, with k, M and G as a thousand, a million and a billion.
_PARSERS = {"memory": parse_size, "seconds": parse_duration}


@dataclass(frozen=True)
class Constraint:
    """``name <= bound`` or ``name >= bound``.

    Attributes:
        name: of a count (``params``, ``macs``, ``memory``) or of a metric.
        upper: whether the bound is the largest value that is allowed, rather than the smallest.
        bound: in the unit of the count or metric.
    """

    name: str
    upper: bool
    bound: float

    @property
    def is_cheap(self) -> bool:
        """Whether the blueprint alone decides it."""
        return self.name in CHEAP

    def distance(self, value: float) -> float:
        """Return the signed distance of a value, in its own unit: at most 0 where the constraint is met."""
        return value - self.bound if self.upper else self.bound - value

    def violation(self, value: float) -> float:
        """Return how far a value misses the bound, relative to the bound; 0 where the constraint is met."""
        return max(0.0, self.distance(value)) / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        short = f"{self.bound:g}"
        bound = short if float(short) == self.bound else repr(self.bound).removesuffix(".0")
        return f"{self.name}{'<=' if self.upper else '>='}{bound}"

    @property
    def label(self) -> str:
        """The constraint for messages, e.g. ``memory<=19.6 GB``; the text of ``str`` is exact."""
        return f"{self.name}{'<=' if self.upper else '>='}{size_text(self.bound)}" if self.name == MEMORY else str(self)


def parse_constraint(text: str) -> Constraint:
    """Parse one constraint.

    Raises:
        UserError: The text is not of the form NAME<=NUMBER or NAME>=NUMBER. The number may have a unit: ``200k``,
            ``1GB`` of memory, ``90s`` of seconds.
    """
    match = _FORM.match(text)
    try:
        if match is None:
            raise ValueError
        bound = _PARSERS.get(match[1], parse_count)(match[3])
    except ValueError:
        expected = "Expected NAME<=NUMBER or NAME>=NUMBER, e.g. params<=2e6, macs<=50M or memory<=1GB."
        raise invalid_value("constraint", text, expected) from None
    name = match[1]
    if name in (*CHEAP, LATENCY) and match[2] == ">=":
        raise UserError(f"Invalid constraint: {text}. {name} can only be limited from above; write {name}<={match[3]}.")
    return Constraint(name, match[2] == "<=", bound)


def parse_constraints(texts: Iterable[str]) -> tuple[Constraint, ...]:
    """Parse several constraints; the tighter of two on one metric counts.

    Raises:
        UserError: One is malformed, or two contradict each other.
    """
    constraints: dict[tuple[str, bool], Constraint] = {}
    for text in texts:
        constraint = parse_constraint(text)
        known = constraints.get((constraint.name, constraint.upper))
        if known is None or constraint.distance(known.bound) > 0:
            constraints[constraint.name, constraint.upper] = constraint
    for (name, upper), constraint in constraints.items():
        other = constraints.get((name, not upper))
        if upper and other is not None and other.bound > constraint.bound:
            raise UserError(f"The constraints {constraint} and {other} contradict each other: no value meets both.")
    return tuple(constraints.values())


def is_number(value: object) -> bool:
    """Return whether a constraint can be judged by a value: NaN, infinity, None and texts are not numbers."""
    value = unwrapped(value)
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # an integer beyond the range of a float
        return False


def as_number(value: object) -> float | None:
    """Return a finite number of whatever type as a bool, int or float; None for anything else.

    Integers beyond 64 bits, a fraction or a NumPy number become floats.
    """
    value = unwrapped(value)
    if not is_number(value):
        return None
    if type(value) is bool or (type(value) is int and abs(value) < 2**63):
        return value
    number = float(value)  # type: ignore[arg-type]
    if isinstance(value, Integral) and abs(number) < 2**53:
        return int(number)
    return number if math.isfinite(number) else None


def unwrapped(value: Any) -> Any:
    """Return the number in an array of one element, of whatever library, NaN if masked; anything else as it is."""
    kind = type(value)
    if kind in (int, float, bool, str) or value is None:
        return value
    if is_masked(value):
        return math.nan
    found = call_bounded(lambda: (value.item(),) if hasattr(value, "item") and value.size == 1 else None)
    return value if found is None else found[0]


def total_violation(constraints: Iterable[Constraint], values: Mapping[str, float]) -> float:
    """Return the sum of relative violations over all constraints whose value is known; 0 where all are met."""
    return sum(each.violation(values[each.name]) for each in constraints if each.name in values)
