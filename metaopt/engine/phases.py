"""Phases of a search under constraints that grow, each starting from the best trials of the phases before.

The phase follows from the number of trials that were proposed, so that a search that resumes is in the same phase.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from metaopt.errors import UserError
from metaopt.guard import Guard, Stacks
from metaopt.samplers import History
from metaopt.spaces import Space
from metaopt.trials.growth import BLOCKS, Growth


class ProposedTrial(Protocol):
    """A trial as the phases read it."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def is_own(self) -> bool:
        """Whether it counts towards the goal."""

    @property
    def imported(self) -> bool:
        """Whether it was trained elsewhere."""


class PhaseView(Protocol):
    """A study as the phases read it; ``StudyView`` is one."""

    @property
    def trials(self) -> Sequence[ProposedTrial]:
        """Every trial, by number."""

    @property
    def exhausted(self) -> Sequence[int]:
        """Number of own trials each time that nothing new was found in a phase."""

    @property
    def history(self) -> History:
        """Every trial that has ended or reached a rung."""


@dataclass(frozen=True)
class Phases:
    """Phases of one study.

    Attributes:
        growth: bounds of the phases.
        starts: number of the study's own trials when each phase begins.
        n_parents: number of the best earlier trials that a phase starts from.
    """

    growth: Growth
    starts: tuple[int, ...]
    n_parents: int

    def phase(self, view: PhaseView) -> int:
        """Return the phase of the next new trial, from 0."""
        return max(0, bisect_right(self._starts(view), sum(trial.is_own for trial in view.trials)) - 1)

    def _starts(self, view: PhaseView) -> list[int]:
        """Return when each phase began or begins: a phase whose networks are all trained gives way to the next."""
        starts = list(self.starts)
        for n_own in view.exhausted:
            following = bisect_right(starts, n_own)
            if following < len(starts):
                starts[following] = n_own
        return starts

    def history(self, view: PhaseView) -> History:
        """Return the history for the sampler: the best trials of earlier phases, and all trials of this phase."""
        begin = _first_of_phase(view.trials, self._starts(view)[self.phase(view)])
        imported = {trial.number for trial in view.trials if trial.imported}
        history = view.history
        if begin == 0:
            return history
        before = [one for one in history.observations if one.trial < begin or one.trial in imported]
        kept = {one.trial for one in History(history.space, tuple(before)).ranked()[: self.n_parents]}
        dropped = {one.trial for one in before} - kept
        return History(history.space, tuple(one for one in history.observations if one.trial not in dropped))

    def stacks(self, space: Space, phase: int) -> Stacks:
        """Return the stacks of the space, with the depths that they may have in a phase."""
        return Stacks(space, *self.growth.depths(phase)) if self.growth.name == BLOCKS else Stacks(space)

    def guard(self, guard: Guard, phase: int) -> Guard:
        """Return the guard with the constraint of a phase."""
        constraint = self.growth.constraint(phase)
        return guard if constraint is None else guard.within(constraint)

    def check(self, space: Space, guard: Guard) -> None:
        """Check that the space has something to grow.

        Raises:
            UserError: The space has no stack of blocks, or none with the numbers that the phases want; no parameter
                changes the count; or the problem's networks are only known once Keras has built them.
        """
        if self.growth.name == BLOCKS:
            for phase in range(len(self.starts)):
                self.stacks(space, phase).check()
            return
        guard.problem.require_blueprint("grow", self.growth.name)
        if not guard.count_varies(space, self.growth.name):
            raise UserError(
                f"grow {self.growth.name}: no parameter of the space changes the {self.growth.name} of its networks;"
                " add an architecture parameter to the space, or leave grow out.",
                "grow",
            )


def _first_of_phase(trials: Sequence[ProposedTrial], start: int) -> int:
    """Return the number of the first trial after ``start`` own trials."""
    n_own = 0
    for trial in trials:
        if n_own == start:
            return trial.number
        n_own += trial.is_own
    return len(trials)
