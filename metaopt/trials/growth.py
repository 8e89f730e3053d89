"""Phases under limits that grow."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from metaopt.errors import UserError
from metaopt.trials.constraints import Limit, parse_limits

COUNTS = ("params", "macs")  # what a blueprint alone tells of an architecture, whatever machine it is trained on


BLOCKS = "blocks"


_FORM = re.compile(r"\s*(\w+)\s*=\s*([^=]+)$")


_EXAMPLE = "write e.g. macs=1e6,2e6,4e6 or blocks=1,2,4"


@dataclass(frozen=True)
class Growth:
    """What ``--grow`` says.

    Attributes:
        name: ``"params"``, ``"macs"`` or ``"blocks"``.
        bounds: of the phases, ascending.
    """

    name: str
    bounds: tuple[float, ...]

    def limit(self, phase: int) -> Limit | None:
        """The limit on a network of a phase; None where the phases count blocks, which no blueprint knows."""
        return None if self.name == BLOCKS else Limit(self.name, True, self.bounds[phase])

    def depths(self, phase: int) -> tuple[int, int]:
        """The fewest and the most blocks of a stack in a phase that counts blocks: more than in the one before."""
        return int(self.bounds[phase - 1]) + 1 if phase else 0, int(self.bounds[phase])


def parse_growth(text: str) -> Growth:
    """Reads ``--grow``.

    Raises:
        UserError: it is not of the form NAME=NUMBER,NUMBER,…, or its numbers do not grow.
    """
    match = _FORM.match(text)
    if match is None:
        raise UserError(f"--grow {text} is not understood: {_EXAMPLE}.")
    name = match[1]
    if name not in (*COUNTS, BLOCKS):
        raise UserError(f"--grow {text}: {name} cannot grow; choose one of {', '.join((*COUNTS, BLOCKS))}.")
    try:
        bounds = tuple([float(number) for number in match[2].split(",")])
    except ValueError:
        raise UserError(f"--grow {text} is not understood: {_EXAMPLE}.") from None
    if not all(math.isfinite(bound) and bound > 0 for bound in bounds):
        raise UserError(f"--grow {text}: a phase needs a limit above 0; {_EXAMPLE}.")
    if name == BLOCKS and not all(bound.is_integer() for bound in bounds):
        raise UserError(f"--grow {text}: blocks come in whole numbers; write e.g. blocks=1,2,4.")
    if not all(one < other for one, other in pairwise(bounds)):
        raise UserError(f"--grow {text}: the limits must grow from phase to phase; {_EXAMPLE}.")
    return Growth(name, bounds)


def phases_of(growth: Growth, base: int, trials: int) -> tuple[int, ...]:
    """How many trials the study has when each phase begins: equally many trials each, the rest goes to the last one.

    Args:
        growth: the phases.
        base: trials before the first phase.
        trials: of all phases together.

    Raises:
        UserError: there are fewer trials than phases.
    """
    share = trials // len(growth.bounds)
    if share < 1:
        raise UserError(
            f"--grow has {len(growth.bounds)} phases, but there are only {trials} trials to share among them: raise"
            " --trials, or leave phases out."
        )
    return tuple([base + number * share for number in range(len(growth.bounds))])


def limits_in_force(constraints: Iterable[str], growth: str | None) -> tuple[Limit, ...]:
    """The limits that a study's networks are judged by in the end: the user's, and that of the last phase.

    Raises:
        UserError: one cannot be read, two contradict each other, or a phase goes beyond one of the user's.
    """
    limits = parse_limits(constraints)
    if growth is None:
        return limits
    last = parse_growth(growth).limit(-1)
    if last is None:
        return limits
    for limit in limits:
        if limit.name == last.name and limit.upper and limit.bound < last.bound:
            raise UserError(
                f"--grow {growth} goes beyond --constraint {limit}: leave out the phases above it, or loosen it."
            )
    return (*[limit for limit in limits if limit.name != last.name], last)


def check_share(fill: float | None, limits: Iterable[Limit]) -> None:
    """Refuses a share that is none, or one of nothing.

    Raises:
        UserError: it is not between 0 and 1, or neither parameters nor multiply-accumulates are limited.
    """
    if fill is None:
        return
    if not 0 < fill < 1:
        raise UserError(f"--fill {fill:g} is no share of a limit: take a number between 0 and 1, such as 0.9.")
    if not any(limit.name in COUNTS for limit in limits):
        raise UserError(
            f"--fill {fill:g} needs a limit to fill: add one with --constraint, e.g. params<=2e6 or macs<=1e8."
        )
