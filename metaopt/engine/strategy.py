"""A strategy made of two halves that never know each other's names: a sampler and a scheduler."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from metaopt.engine.phases import Growing
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.samplers import SAMPLERS, Sampler
from metaopt.schedulers import SCHEDULERS, Decision, Propose, Scheduler, Start

# Name of a strategy → its sampler and its scheduler.
STRATEGIES = {
    "tpe": ("tpe", "full"),
    "random": ("random", "full"),
    "anneal": ("anneal", "full"),
    "evolution": ("evolution", "full"),
    "gp": ("gp", "full"),
    "hyperband": ("random", "hyperband"),
    "asha": ("random", "asha"),
    "gp-asha": ("gp", "asha"),
    "bohb": ("tpe", "hyperband"),
    "ea-hyperband": ("evolution", "hyperband"),
}


class Strategy(Protocol):
    """Answers the loop's one question; a pure function of the view."""

    def next(self, view: StudyView) -> Decision:
        """What a free worker should do."""

    def stages(self, bracket: int | None) -> tuple[int, ...]:
        """The resources that a trial of a bracket is trained to one after the other, ascending; the last is R."""


@dataclass(frozen=True)
class Searcher:
    """A sampler × a scheduler.

    Attributes:
        growing: the phases of the search, which decide what the sampler sees; None for one phase.
    """

    sampler: Sampler
    scheduler: Scheduler
    growing: Growing | None = None

    def next(self, view: StudyView) -> Decision:
        """The scheduler's decision; where that is a new trial, with the sampler's vals."""
        decision = self.scheduler.next(view)
        if not isinstance(decision, Propose):
            return decision
        history = view.history if self.growing is None else self.growing.history(view)
        vals = self.sampler.propose(view.number, history, view.running_vals, view.generator("propose"))
        return Start(vals, decision.to, decision.bracket)

    def stages(self, bracket: int | None) -> tuple[int, ...]:
        """See ``Scheduler.stages``."""
        return self.scheduler.stages(bracket)


def resolve_strategy(strategy: str | None, sampler: str | None, scheduler: str | None) -> tuple[str, str]:
    """The names of both halves.

    Raises:
        UserError: a name is unknown; the nearest right one is in the message.
    """
    halves = STRATEGIES[_known("strategy", strategy or "tpe", STRATEGIES)]
    return (
        _known("sampler", sampler or halves[0], SAMPLERS),
        _known("scheduler", scheduler or halves[1], SCHEDULERS),
    )


def _known(flag: str, name: str, names: Collection[str]) -> str:
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(names)}."
    raise UserError(f"--{flag} {name} is unknown: {hint}")
