"""Rejected proposals, and the error for a space of which nothing passes."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from metaopt.blueprint import InvalidArchitecture
from metaopt.errors import UserError
from metaopt.guard.guard import DUPLICATE, INVALID, Guard, Verdict
from metaopt.problems.mistakes import locate
from metaopt.trials.constraints import CHEAP, MODEL_BYTES, Constraint

_NUMBERS = re.compile(r"\d+(\.\d+)?")


class NothingFits(UserError):
    """No network of a space is valid and meets the constraints that can be checked before training.

    Args:
        message: one or more sentences.
        is_of_values: whether the space gives a layer a value that no layer accepts, whatever the images.
    """

    def __init__(self, message: str, is_of_values: bool = False) -> None:
        super().__init__(message)
        self.is_of_values = is_of_values


class Rejections:
    """Rejected proposals.

    Attributes:
        reasons: number of rejections by reason.
        latest: the last reason.
        faults: number of invalid architectures by what is wrong with them, apart from numbers.
        smallest: constraint's name → the smallest value that was reached.
    """

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.latest = ""
        self.faults: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, Any]] = {}  # fault → a sentence with its numbers, and the point
        self.smallest: dict[str, float] = {}

    @property
    def are_exhausted(self) -> bool:
        """Whether every network that passes has been trained, rather than none passing at all."""
        return self.reasons[DUPLICATE] > 0

    def add(self, verdict: Verdict, point: Any) -> None:
        """Count the rejection of a point."""
        assert verdict.reason is not None
        self.latest = verdict.reason
        self.reasons[verdict.reason] += 1
        if verdict.reason == INVALID:
            fault = _NUMBERS.sub("#", verdict.detail)
            self.faults[fault] += 1
            self._examples[fault] = verdict.detail, point
        known = verdict.network
        self.lower({name: known[name] for name in CHEAP if name in known})
        if (predicted := known.get(f"predicted_{MODEL_BYTES}")) is not None:
            self.lower({MODEL_BYTES: predicted})

    def lower(self, values: dict[str, float]) -> None:
        """Take in values that were reached."""
        for name, value in values.items():
            self.smallest[name] = min(self.smallest.get(name, math.inf), value)

    def missed(self, constraints: Sequence[Constraint]) -> list[tuple[Constraint, float]]:
        """Return the constraints that no network met, with the smallest value that was reached."""
        reached = ((each, self.smallest.get(each.name, -math.inf)) for each in constraints)
        return [(each, value) for each, value in reached if each.distance(value) > 0]

    def explain(self, guard: Guard) -> NothingFits:
        """Return the error for a space of which nothing passes: the limit, and by what it is missed.

        Args:
            guard: rejected the proposals.
        """
        images = "×".join(map(str, guard.input_shape))
        kind = {2: "signals", 4: "volumes"}.get(len(guard.input_shape), "images")
        counts = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.most_common())
        text = f"No network of the space passes for {kind} of {images} ({self.reasons.total():,} rejected: {counts})."
        missed = self.missed(guard.constraints)
        for each, value in missed:
            text += (
                f" {each} cannot be met: the smallest {each.name} reached is {value:,.0f}, {_by(value, each.bound)}."
            )
        violated = [str(each) for each in guard.constraints if self.reasons[each.name]]
        if not missed and violated:
            text += f" No network was found that meets {' and '.join(violated)} and is valid as well."
        if not self.smallest and self.faults:
            text += f" {self._explain_fault(guard)}"
        faults = self.faults.most_common(1)
        return NothingFits(text, not self.smallest and bool(faults) and "Invalid value" in faults[0][0])

    def _explain_fault(self, guard: Guard) -> str:
        """Return what is wrong with most of the invalid architectures, and where in the user's file."""
        fault, count = self.faults.most_common(1)[0]
        example, point = self._examples[fault]
        place = None
        try:
            guard.problem.blueprint(point, guard.input_shape, guard.classes)
        except InvalidArchitecture as error:
            place = locate(error)
        where = "" if place is None else f" ({place})"
        share = "All have one cause" if count == self.reasons.total() else f"{count:,} have one cause"
        return f"{share}: {example.removesuffix('.')}{where}."


def _by(value: float, bound: float) -> str:
    """Return by what a value misses an upper bound."""
    excess = f"{value - bound:,.0f}"
    if bound <= 0:
        return f"{excess} above it"
    if value >= 2 * bound:
        return f"{value / bound:,.0f} times as much"
    return f"{excess} ({100 * (value - bound) / bound:.0f} %) above it"
