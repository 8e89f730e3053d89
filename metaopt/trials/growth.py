"""Phases of a search under constraints that grow from phase to phase.

``macs=1e6,2e6,4e6`` are three phases: proposals of the first one meet ``macs<=1e6``, and so on; ``blocks=1,2,4`` are
phases of stacks of at most so many blocks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from metaopt.errors import UserError, invalid_value
from metaopt.quantities import parse_count
from metaopt.trials.constraints import Constraint, parse_constraints

COUNTS = ("params", "macs")  # counts that depend on the architecture alone, not on the machine
BLOCKS = "blocks"
_FORM = re.compile(r"\s*(\w+)\s*=\s*([^=]+)$")
_EXAMPLE = "Expected NAME=NUMBER,NUMBER,…, e.g. macs=1e6,2e6,4e6 or blocks=1,2,4."


@dataclass(frozen=True)
class Growth:
    """Bounds that grow from phase to phase.

    Attributes:
        name: ``"params"``, ``"macs"`` or ``"blocks"``.
        bounds: of the phases, ascending.
    """

    name: str
    bounds: tuple[float, ...]

    def constraint(self, phase: int) -> Constraint | None:
        """Return the constraint on networks of a phase; None where the phases count blocks, unknown to a blueprint."""
        return None if self.name == BLOCKS else Constraint(self.name, True, self.bounds[phase])

    def depths(self, phase: int) -> tuple[int, int]:
        """Return the smallest and largest number of blocks of a phase that counts blocks; phases do not overlap."""
        return int(self.bounds[phase - 1]) + 1 if phase else 0, int(self.bounds[phase])


def parse_growth(text: str) -> Growth:
    """Parse ``grow``.

    Raises:
        UserError: The text is not of the form NAME=NUMBER,NUMBER,…, or its numbers do not ascend.
    """
    match = _FORM.match(text)
    if match is None:
        raise invalid_value("grow", text, _EXAMPLE)
    name = match[1]
    if name not in (*COUNTS, BLOCKS):
        raise invalid_value("grow", text, f"{name} cannot grow; expected one of {', '.join((*COUNTS, BLOCKS))}.")
    try:
        bounds = tuple([parse_count(number) for number in match[2].split(",")])
    except ValueError:
        raise invalid_value("grow", text, _EXAMPLE) from None
    if not all(bound > 0 for bound in bounds):
        raise invalid_value("grow", text, "Every bound must be above 0.")
    if name == BLOCKS and not all(bound.is_integer() for bound in bounds):
        raise invalid_value("grow", text, "Numbers of blocks must be integers, e.g. blocks=1,2,4.")
    if not all(one < other for one, other in pairwise(bounds)):
        raise invalid_value("grow", text, "The bounds must ascend from phase to phase.")
    return Growth(name, bounds)


def phase_starts(growth: Growth, base: int, trials: int) -> tuple[int, ...]:
    """Return how many trials the study has when each phase begins: equal shares, the rest goes to the last phase.

    Args:
        growth: the phases.
        base: trials before the first phase.
        trials: of all phases together.

    Raises:
        UserError: There are fewer trials than phases.
    """
    share = trials // len(growth.bounds)
    if share < 1:
        raise UserError(
            f"grow has {len(growth.bounds)} phases, but the number of trials is {trials}: raise it, or leave"
            " phases out.",
            "grow",
        )
    return tuple([base + number * share for number in range(len(growth.bounds))])


def constraints_in_force(constraints: Iterable[str], growth: str | None) -> tuple[Constraint, ...]:
    """Return the constraints of a study: the user's, and that of the last phase.

    Raises:
        UserError: One cannot be parsed, two contradict each other, or a phase goes beyond one of the user's.
    """
    parsed = parse_constraints(constraints)
    if growth is None:
        return parsed
    last = parse_growth(growth).constraint(-1)
    if last is None:
        return parsed
    for each in parsed:
        if each.name == last.name and each.upper and each.bound < last.bound:
            raise UserError(
                f"grow {growth} goes beyond the constraint {each}: leave out the phases above it, or loosen it.",
                "grow",
            )
    return (*[each for each in parsed if each.name != last.name], last)


def check_fill(fill: float | None, constraints: Iterable[Constraint]) -> None:
    """Check the share of a constraint that networks are to use.

    Raises:
        UserError: The share is not between 0 and 1, or neither parameters nor multiply-accumulates are constrained.
    """
    if fill is None:
        return
    if not 0 < fill < 1:
        raise invalid_value("fill", f"{fill:g}", "Expected a number between 0 and 1, such as 0.9.")
    if not any(each.name in COUNTS for each in constraints):
        raise UserError(f"fill {fill:g} needs a constraint to fill: add e.g. params<=2e6 or macs<=1e8.", "fill")
