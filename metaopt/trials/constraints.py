"""Constraints on a network: parsing ``params<=2e7``, and the distance of a trial to each.

A constraint is cheap where the blueprint decides it (params, macs, memory) and measured where training must (any metric
of a record). The distance to a constraint is signed: value − bound for ``<=``, bound − value for ``>=``. A constraint
is met where the distance is at most 0. With a confidence, ``precision[rose]>=0.95@95%``, the lower confidence bound is
the value.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from metaopt.errors import UserError, invalid_value
from metaopt.quantities import parse_count, parse_duration, parse_size, size_text
from metaopt.trials.share_limits import (
    WITH_CONFIDENCE,
    can_have_confidence,
    find_counts,
    judge_share,
    split_class_metric,
)
from metaopt.values.json_values import is_masked
from metaopt.values.safe_text import call_bounded

MEMORY = "memory"
LATENCY = "latency_ms"
"""Milliseconds of the inference of one image, measured after training."""
MODEL_BYTES = "model_bytes"
"""Size of the file of the exported model, measured before training."""
IN_BYTES = (MEMORY, MODEL_BYTES)
CHEAP = ("params", "macs", MEMORY)
# The name of a class is all between the first and the last bracket.
_FORM = re.compile(r"\s*(\w+(?:\[.+\])?)\s*(<=|>=)\s*(\S[^<>=@]*?)\s*(?:@\s*(\S[^<>=@]*?)\s*%\s*)?$", re.DOTALL)
# Units of a bound by name; other numbers are plain, with k, M and G as a thousand, a million and a billion.
_PARSERS = {MEMORY: parse_size, MODEL_BYTES: parse_size, "seconds": parse_duration}


@dataclass(frozen=True)
class Constraint:
    """``name <= bound`` or ``name >= bound``.

    Attributes:
        name: of a count (``params``, ``macs``, ``memory``) or of a metric; of a class, e.g. ``precision[rose]``.
        upper: whether the bound is the largest value that is allowed, rather than the smallest.
        bound: in the unit of the count or metric.
        confidence: between 0 and 1, where the lower confidence bound of the metric counts; None for the metric itself.
    """

    name: str
    upper: bool
    bound: float
    confidence: float | None = None

    @property
    def is_cheap(self) -> bool:
        """Whether the blueprint alone decides it."""
        return self.name in CHEAP

    @property
    def metric(self) -> str:
        """Name of the value that counts, e.g. ``val_precision@95%`` for a lower confidence bound."""
        return self.name if self.confidence is None else f"{self.name}@{_percent(self.confidence)}"

    @property
    def class_metric(self) -> tuple[str, str] | None:
        """Metric and class, ``("precision", "rose")``, of a constraint on a class."""
        return split_class_metric(self.name)

    @property
    def needs_counts(self) -> bool:
        """Whether it is judged by counts of images, which training measures for it."""
        return self.confidence is not None or self.class_metric is not None

    def is_judged_by(self, known: Mapping[str, Any]) -> bool:
        """Return whether some values decide it, see ``value``."""
        return self.metric in known or (self.needs_counts and find_counts(self.name, known) is not None)

    def value(self, known: Mapping[str, Any]) -> Any:
        """Return the value that counts.

        Args:
            known: counts of the network and metrics of an epoch, which decide it, see ``is_judged_by``.
        """
        if self.metric in known:
            return known[self.metric]
        counts = find_counts(self.name, known)
        assert counts is not None
        return judge_share(counts, self.confidence)

    def distance(self, value: float) -> float:
        """Return the signed distance of a value, in its own unit: at most 0 where the constraint is met."""
        return value - self.bound if self.upper else self.bound - value

    def violation(self, value: float) -> float:
        """Return how far a value misses the bound, relative to the bound; 0 where the constraint is met."""
        return max(0.0, self.distance(value)) / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        short = f"{self.bound:g}"
        bound = short if float(short) == self.bound else repr(self.bound).removesuffix(".0")
        confidence = "" if self.confidence is None else f"@{_percent(self.confidence)}"
        return f"{self.name}{'<=' if self.upper else '>='}{bound}{confidence}"

    @property
    def label(self) -> str:
        """The constraint for messages, e.g. ``memory<=19.6 GB``; the text of ``str`` is exact."""
        if self.name not in IN_BYTES:
            return str(self)
        return f"{self.name}{'<=' if self.upper else '>='}{size_text(self.bound)}"


def parse_constraint(text: str) -> Constraint:
    """Parse one constraint.

    Raises:
        UserError: The text is not of the form NAME<=NUMBER or NAME>=NUMBER, perhaps with @CONFIDENCE%, or its metric
            cannot be constrained in this way. The number may have a unit: ``200k``, ``1GB`` of memory, ``90s`` of
            seconds.
    """
    match = _FORM.match(text)
    try:
        if match is None:
            raise ValueError
        bound = _PARSERS.get(match[1], parse_count)(match[3])
        confidence = None if match[4] is None else float(match[4]) / 100
    except ValueError:
        expected = (
            "Expected NAME<=NUMBER or NAME>=NUMBER, e.g. params<=2e6, macs<=50M, memory<=1GB or"
            " precision[CLASS]>=0.9@95%."
        )
        raise invalid_value("constraint", text, expected) from None
    name = match[1]
    if name in (*CHEAP, LATENCY, MODEL_BYTES) and match[2] == ">=":
        raise UserError(f"Invalid constraint: {text}. {name} can only be limited from above; write {name}<={match[3]}.")
    constraint = Constraint(name, match[2] == "<=", bound, confidence)
    if constraint.needs_counts or "[" in name:
        _check_share(text, constraint, match[3])
    return constraint


def _check_share(text: str, constraint: Constraint, bound: str) -> None:
    """Check a constraint on a class, or with a confidence.

    Raises:
        UserError: Its metric is not a share, its bound is not between 0 and 1, or its confidence is out of range.
    """
    name, confidence = constraint.name, constraint.confidence
    if "[" in name and constraint.class_metric is None:
        raise UserError(f"Invalid constraint: {text}. Of a class, precision[CLASS] and recall[CLASS] can be limited.")
    if not can_have_confidence(name):
        raise UserError(
            f"Invalid constraint: {text}. {name} is not a share of images. A confidence can be given for"
            f" {WITH_CONFIDENCE}."
        )
    if constraint.upper:
        raise UserError(f"Invalid constraint: {text}. {name} can only be limited from below; write {name}>={bound}.")
    if confidence is not None and not 0.5 <= confidence < 1:
        raise UserError(f"Invalid constraint: {text}. Expected a confidence from 50 % to below 100 %, e.g. @95%.")
    if not 0 < constraint.bound <= 1 or (confidence is not None and constraint.bound == 1):
        most = "at most 1" if confidence is None else "below 1, which no number of images confirms"
        raise UserError(f"Invalid constraint: {text}. Expected a bound above 0 and {most}.")


def parse_constraints(texts: Iterable[str]) -> tuple[Constraint, ...]:
    """Parse several constraints; the tighter of two on one metric counts.

    Raises:
        UserError: One is malformed, or two contradict each other.
    """
    constraints: dict[tuple[str, bool], Constraint] = {}
    for text in texts:
        constraint = parse_constraint(text)
        known = constraints.get((constraint.metric, constraint.upper))
        if known is None or constraint.distance(known.bound) > 0:
            constraints[constraint.metric, constraint.upper] = constraint
    for upper in (each for each in constraints.values() if each.upper):
        for lower in constraints.values():
            if lower.name == upper.name and not lower.upper and lower.bound > upper.bound:
                raise UserError(f"The constraints {upper} and {lower} contradict each other: no value meets both.")
    return tuple(constraints.values())


def _percent(confidence: float) -> str:
    """Return a confidence as it is written: ``95%``."""
    return f"{round(100 * confidence, 10):g}%"


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
    return sum(each.violation(each.value(values)) for each in constraints if each.is_judged_by(values))
