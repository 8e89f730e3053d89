"""What a strategy can answer when a worker is free, and what it can see before it answers.

The loop asks one question, ``next(view)``, and carries out one decision at a time; every decision is an event in the
journal and is never taken again when a search goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from metaopt.spaces import Vals

Status = Literal["running", "ok", "fail", "rejected"]


@dataclass(frozen=True)
class Start:
    """A new trial with these vals, trained until resource ``to``."""

    vals: Vals
    to: int


@dataclass(frozen=True)
class Propose:
    """A new trial trained until resource ``to``; which one is the sampler's affair."""

    to: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start before a running trial reports."""


@dataclass(frozen=True)
class Done:
    """The search has reached its end."""


Half = Propose | Wait | Done
Decision = Start | Wait | Done


class TrialView(Protocol):
    """One trial as a strategy sees it."""

    @property
    def number(self) -> int:
        """From 0, in the order of proposal."""

    @property
    def status(self) -> Status:
        """``running``, or how it ended; ``rejected`` was never a trial."""

    @property
    def imported(self) -> bool:
        """Whether it was trained elsewhere."""

    @property
    def epochs(self) -> int:
        """Resource trained so far."""

    @property
    def complete(self) -> bool:
        """Whether it is fully trained, be it at R or by early stopping."""


class View(Protocol):
    """The study so far, read-only."""

    @property
    def trials(self) -> Sequence[TrialView]:
        """Every trial, by number."""

    @property
    def running(self) -> int:
        """How many trials are running."""

    @property
    def goal(self) -> int | None:
        """How many trials to train in all, imported ones apart; None where only time ends the search."""


class Scheduler(Protocol):
    """Decides how much a trial trains and which trials go on; it reads the view and keeps nothing."""

    def next(self, view: View) -> Half:
        """What a free worker should do."""
