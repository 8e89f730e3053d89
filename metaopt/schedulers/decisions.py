"""What a strategy can answer when a worker is free, and what it can see before it answers.

The loop asks one question, ``next(view)``, and carries out one decision at a time; every decision is an event in the
journal and is never taken again when a search goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from metaopt.spaces import Vals
from metaopt.trials.trial import Status


@dataclass(frozen=True)
class Start:
    """A new trial with these vals, trained until resource ``to``.

    Attributes:
        vals: what is trained.
        to: resource.
        bracket: that it belongs to, numbered from 0 over the whole search; None where the scheduler has none.
    """

    vals: Vals
    to: int
    bracket: int | None = None


@dataclass(frozen=True)
class Propose:
    """A new trial trained until resource ``to``; which one is the sampler's affair."""

    to: int
    bracket: int | None = None


@dataclass(frozen=True)
class Continue:
    """A paused trial goes on from its checkpoint until resource ``to``."""

    trial: int
    to: int


@dataclass(frozen=True)
class Stop:
    """A paused trial is over: it is never gone on with, and its checkpoint is needed no more."""

    trial: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start before a running trial reports."""


@dataclass(frozen=True)
class Done:
    """The search has reached its end."""


Half = Propose | Continue | Stop | Wait | Done
Decision = Start | Continue | Stop | Wait | Done

# What trials are sorted by: the smaller the better.
Standing = tuple[float, ...]


class TrialView(Protocol):
    """One trial as a strategy sees it."""

    @property
    def number(self) -> int:
        """From 0, in the order of proposal."""

    @property
    def status(self) -> Status:
        """``running``; ``paused`` below R, to go on; or how it ended; ``rejected`` was never a trial."""

    @property
    def imported(self) -> bool:
        """Whether it was trained elsewhere."""

    @property
    def bracket(self) -> int | None:
        """The bracket that it was started in."""

    @property
    def to(self) -> int:
        """The resource that it trains to, or has been trained to where it is paused."""

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

    @property
    def memo(self) -> dict[Any, Any]:
        """Room for what a scheduler read of trials that change no more. Every decision is the same without it."""

    def standing(self, trial: TrialView, resource: int) -> Standing | None:
        """What a trial is sorted by among others at a rung: its best value within that much resource, which changes no
        more once the trial has been trained to it.

        Trials that keep the measured limits come first, by the objective; then the others, by how far they miss; the
        mean training cross-entropy of the last epoch within the resource, then the number, break ties. A complete
        trial that ended below the rung stands with its best value. None for a trial that failed or has no value yet.
        """


class Scheduler(Protocol):
    """Decides how much a trial trains and which trials go on; it reads the view and keeps nothing."""

    def next(self, view: View) -> Half:
        """What a free worker should do."""

    def stages(self, bracket: int | None) -> tuple[int, ...]:
        """The resources that a trial of a bracket is trained to one after the other, ascending; the last is R."""
