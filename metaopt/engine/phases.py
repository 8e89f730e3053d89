"""Growing: a search in phases, each under a limit of its own, from the best of the phases before.

``macs=1e6,2e6,4e6`` are three phases: proposals of the first keep ``macs<=1e6``, and so on; ``blocks=1,2,4`` are phases
of stacks of at most so many blocks. The phase follows from how many trials were proposed, so that a search that was
interrupted is in the phase that it would have been in.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.blueprint import InvalidArchitecture
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.guard import Guard, Stacks
from metaopt.samplers import History
from metaopt.spaces import Space
from metaopt.trials.growth import BLOCKS, Growth
from metaopt.trials.trial import Trial

_DRAWS = 200  # networks that are compared, to see whether the space changes a count at all


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
