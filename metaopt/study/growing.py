"""Growing: a search in phases, each under a limit of its own, from the best of the phases before.

``macs=1e6,2e6,4e6`` are three phases: proposals of the first keep ``macs<=1e6``, and so on; ``blocks=1,2,4`` are phases
of stacks of at most so many blocks. The phase follows from how many trials were proposed, so that a search that was
interrupted is in the phase that it would have been in.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from metaopt.blueprint import InvalidArchitecture
from metaopt.errors import UserError
from metaopt.samplers import History
from metaopt.spaces import Space
from metaopt.study.guard import Guard
from metaopt.study.limits import Limit, parse_limits
from metaopt.study.repair import Stacks
from metaopt.study.trials import Trial
from metaopt.study.view import StudyView

COUNTS = ("params", "macs")  # what a blueprint alone tells of an architecture, whatever machine it is trained on
BLOCKS = "blocks"
_FORM = re.compile(r"\s*(\w+)\s*=\s*([^=]+)$")
_EXAMPLE = "write e.g. macs=1e6,2e6,4e6 or blocks=1,2,4"
_DRAWS = 200  # networks that are compared, to see whether the space changes a count at all


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


def check_fill(fill: float | None, guard: Guard) -> None:
    """Refuses to fill limits that only Keras can judge.

    Raises:
        UserError: the problem has no ``network``.
    """
    if fill is not None and guard.problem.network is None:
        raise UserError(
            f"--fill {fill:g} needs a problem with network(): what build_model() makes is only counted once it is"
            " built."
        )


@dataclass(frozen=True)
class Growing:
    """The phases of one study.

    Attributes:
        growth: their limits.
        starts: how many trials of its own the study has when each phase begins.
        elders: how many of the best trials a phase takes over from those before.
    """

    growth: Growth
    starts: tuple[int, ...]
    elders: int

    def phase(self, view: StudyView) -> int:
        """The phase of the next new trial."""
        return max(0, bisect_right(self._starts(view), sum(trial.is_own for trial in view.trials)) - 1)

    def _starts(self, view: StudyView) -> list[int]:
        """When each phase began or begins: one follows at once on another of which every network was trained."""
        starts = list(self.starts)
        for own in view.exhausted:
            following = bisect_right(starts, own)
            if following < len(starts):
                starts[following] = own
        return starts

    def history(self, view: StudyView) -> History:
        """What the sampler sees: the best trials of the phases before, and all trials of the phase."""
        begin = _first_of_phase(view.trials, self._starts(view)[self.phase(view)])
        imported = {trial.number for trial in view.trials if trial.imported}
        history = view.history
        if begin == 0:
            return history
        before = [one for one in history.observations if one.trial < begin or one.trial in imported]
        kept = {one.trial for one in History(history.space, tuple(before)).ranked()[: self.elders]}
        dropped = {one.trial for one in before} - kept
        return History(history.space, tuple(one for one in history.observations if one.trial not in dropped))

    def stacks(self, space: Space, phase: int) -> Stacks:
        """The depths that the stacks of the space may have in a phase."""
        return Stacks(space, *self.growth.depths(phase)) if self.growth.name == BLOCKS else Stacks(space)

    def guard(self, guard: Guard, phase: int) -> Guard:
        """The guard of a phase."""
        limit = self.growth.limit(phase)
        return guard if limit is None else guard.within(limit)

    def check(self, space: Space, guard: Guard) -> None:
        """Refuses a space in which there is nothing to grow.

        Raises:
            UserError: it has no stack of blocks, or none with the numbers that the phases want; no parameter changes
                the count; or the problem's networks are only known once Keras has built them.
        """
        if self.growth.name == BLOCKS:
            for phase in range(len(self.starts)):
                self.stacks(space, phase).check()
        elif guard.problem.network is None:
            raise UserError(
                f"--grow {self.growth.name} needs a problem with network(): what build_model() makes is only counted"
                " once it is built."
            )
        elif not _changes(space, guard, self.growth.name):
            raise UserError(
                f"--grow {self.growth.name}: no parameter of the space changes the {self.growth.name} of its networks;"
                " add one of the architecture to the space, or leave --grow out."
            )


def _first_of_phase(trials: Sequence[Trial], start: int) -> int:
    """The number of the first trial after ``start`` trials of the study's own."""
    own = 0
    for trial in trials:
        if own == start:
            return trial.number
        own += trial.is_own
    return len(trials)


def _changes(space: Space, guard: Guard, name: str) -> bool:
    """Whether two networks of the space differ in a count; True also where hardly any draw stands."""
    assert guard.problem.network is not None
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(_DRAWS):
        try:
            blueprint = guard.problem.network(space.point(space.draw(rng)), guard.input_shape, guard.classes)
        except InvalidArchitecture:
            continue
        counts.append(getattr(blueprint, name))
        if counts[-1] != counts[0]:
            return True
    return len(counts) < 2
