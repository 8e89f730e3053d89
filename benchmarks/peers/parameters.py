"""Neutral description of a space, from which the adapter of each library makes its own space."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from metaopt.errors import UserError
from metaopt.spaces import Space, Vals
from metaopt.spaces.conditions import ALWAYS, Conditions
from metaopt.spaces.parameters import Parameter

Kind = Literal["float", "integer", "categorical"]
_UNIT_STEP = 1.0


@dataclass(frozen=True)
class PeerParameter:
    """One parameter.

    Attributes:
        label: its name.
        kind: ``integer`` for ordered values, also for the index of an ordered value; ``categorical`` for the index of
            an option.
        low: smallest value.
        high: largest value.
        log: whether it is on a logarithmic scale.
        conditions: alternative conditions, see ``metaopt.spaces.conditions``; the parameter is active if one of them
            holds.
    """

    label: str
    kind: Kind
    low: float
    high: float
    log: bool = False
    conditions: Conditions = ALWAYS

    @property
    def options(self) -> tuple[int, ...]:
        """All values of a categorical or integer parameter."""
        return tuple(range(int(self.low), int(self.high) + 1))

    @property
    def is_conditional(self) -> bool:
        """Whether it may be inactive."""
        return self.conditions != ALWAYS

    @property
    def parents(self) -> dict[str, tuple[int, ...]]:
        """Label of a choice → the options of which one must be picked, for libraries that join conditions by "and".

        Raises:
            UserError: the conditions have another form, e.g. "a is 0 or b is 1".
        """
        allowed: dict[str, set[int]] = {}
        for alternative in self.conditions:
            for label, index in alternative:
                allowed.setdefault(label, set()).add(index)
        combinations = {frozenset(zip(allowed, each, strict=True)) for each in product(*allowed.values())}
        if combinations != self.conditions:
            raise UserError(f"{self.label} is active under conditions that this library cannot describe.")
        return {label: tuple(sorted(indices)) for label, indices in allowed.items()}

    def is_active(self, values: Mapping[str, Any]) -> bool:
        """Return whether it is active, given the values of the choices."""
        return any(all(values.get(label) == index for label, index in each) for each in self.conditions)


def describe_parameters(space: Space) -> tuple[PeerParameter, ...]:
    """Return the parameters of a space, each choice before the parameters of its options.

    Raises:
        UserError: a parameter has no bounds, or a step other than 1, which not every library can describe.
    """
    return tuple(_describe(parameter) for parameter in space.parameters)


def _describe(parameter: Parameter) -> PeerParameter:
    distribution = parameter.distribution
    low, high = distribution.bounds
    if not math.isfinite(high - low):
        raise UserError(f"{parameter.label} is {parameter.kind} and has no bounds. The other libraries need them.")
    if distribution.step not in (None, _UNIT_STEP):
        raise UserError(
            f"{parameter.label} has the step {distribution.step:g}. Expected 1; scale the value in the problem."
        )
    kind: Kind = "integer" if distribution.step else "float"
    if distribution.is_unordered:
        kind = "categorical"
    return PeerParameter(parameter.label, kind, low, high, distribution.is_logarithmic, parameter.conditions)


def suggest_values(parameters: Sequence[PeerParameter], suggest: Callable[[PeerParameter], Any]) -> dict[str, Any]:
    """Ask for the value of each active parameter in turn, as a define-by-run library does.

    Args:
        parameters: see ``describe_parameters``.
        suggest: returns a value.
    """
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.is_active(values):
            values[parameter.label] = suggest(parameter)
    return values


def to_vals(space: Space, values: Mapping[str, Any]) -> Vals:
    """Return the draw of a proposal; values of inactive parameters do not count.

    Numbers are rounded to the step of their parameter and moved to its nearest bound, because some libraries return
    1e-4 as 0.000099999.

    Raises:
        UserError: an active parameter has no value, or one that is not a number or further from its bounds.
    """
    numbers = {label: _as_number(label, value) for label, value in values.items()}
    vals = space.restrict(numbers)
    for label, value in vals.items():
        distribution = space.by_label[label].distribution
        low, high = distribution.bounds
        slack = 1e-6 * (high - low)
        if not low - slack <= value <= high + slack:
            raise UserError(f"{label} is {value!r}. Expected {low:g} to {high:g}.")
        value = min(max(value, low), high)
        vals[label] = distribution.cast(round(value) if distribution.step else value)
    return vals


def _as_number(label: str, value: Any) -> float:
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, str):  # an option of a library whose options are texts
        number = float(number)
    if not isinstance(number, int | float):
        raise UserError(f"{label} is {value!r}. Expected a number.")
    return number
