"""Decisions of a strategy, and the view of the study that it decides on.

The loop asks one question, ``next(view)``, whenever a worker is free, and carries out one decision at a time. Every
decision is an event in the journal and is never taken again when a search resumes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from metaopt.spaces import Vals
from metaopt.trials.ranking import RankKey
from metaopt.trials.trial import Status

Reason = Mapping[str, float]
"""Figures on which a strategy took a decision, e.g. ``chance_of_best``; kept in the journal for reports."""

Left = tuple[tuple[int, Reason], ...]
"""Paused trials that a decision leaves where they are, with the figures: those of which it has not been said yet."""


@dataclass(frozen=True)
class Start:
    """Start a new trial.

    Attributes:
        vals: label → value of every active hyperparameter.
        target_resource: resource to train to.
        bracket: bracket that it belongs to, numbered from 0 over the whole search; None where the scheduler has none.
        reason: see ``Reason``; None without figures.
        left: see ``Left``.
    """

    vals: Vals
    target_resource: int
    bracket: int | None = None
    reason: Reason | None = None
    left: Left = ()


@dataclass(frozen=True)
class Fork:
    """Start a new trial from the checkpoint of another one: its weights, optimizer state, epoch and history.

    Attributes:
        trial: number of the trial to fork. It must be paused or have ended, or train on from the given epochs; its
            checkpoint is kept if the strategy names it, see ``metaopt.engine.strategy.ForkingStrategy``.
        vals: hyperparameters of the new trial, of the same architecture.
        target_resource: resource to train to, the epochs of the forked trial included.
        bracket: see ``Start``.
        mate: number of a second trial of the same architecture, which must be paused or have ended; the new trial
            starts from the mean of the weights of both. None for the weights of ``trial``.
        change: what differs from the forked trial, in words; kept in the record. Empty if nothing is to be said.
        epochs: epochs of the forked trial after which it is forked, the end of its last job; None for all of them.
    """

    trial: int
    vals: Vals
    target_resource: int
    bracket: int | None = None
    mate: int | None = None
    change: str = ""
    epochs: int | None = None


@dataclass(frozen=True)
class Propose:
    """Start a new trial whose hyperparameters the sampler proposes."""

    target_resource: int
    bracket: int | None = None


@dataclass(frozen=True)
class Continue:
    """Resume a paused trial from its checkpoint until ``target_resource``; ``reason`` and ``left`` as of ``Start``."""

    trial: int
    target_resource: int
    reason: Reason | None = None
    left: Left = ()


@dataclass(frozen=True)
class Stop:
    """End a paused trial: it is never resumed, and its checkpoint is no longer needed; ``reason`` as of ``Start``."""

    trial: int
    reason: Reason | None = None


@dataclass(frozen=True)
class Wait:
    """Start nothing before a running trial reports."""


@dataclass(frozen=True)
class Done:
    """End the search."""


SchedulerDecision = Propose | Continue | Stop | Wait | Done
Decision = Start | Fork | Continue | Stop | Wait | Done


class TrialView(Protocol):
    """One trial as a strategy sees it."""

    @property
    def number(self) -> int:
        """From 0, in the order of proposal."""

    @property
    def status(self) -> Status:
        """``running``; ``paused`` below R; ``ok`` or ``fail`` where it ended; ``rejected`` by the worker's guard."""

    @property
    def imported(self) -> bool:
        """Whether it was trained elsewhere."""

    @property
    def bracket(self) -> int | None:
        """The bracket that it was started in."""

    @property
    def target_resource(self) -> int:
        """The resource that it trains to, or has been trained to where it is paused."""

    @property
    def complete(self) -> bool:
        """Whether it is fully trained, be it at R or by early stopping."""

    @property
    def is_discarded(self) -> bool:
        """Whether it ended at its rung after its first folds, and so cannot be promoted."""


class View(Protocol):
    """The study so far, read-only."""

    @property
    def trials(self) -> Sequence[TrialView]:
        """Every trial, by number."""

    @property
    def running(self) -> int:
        """Number of running trials."""

    @property
    def goal(self) -> int | None:
        """Number of trials to train in all, imported ones apart; None where only time ends the search."""

    @property
    def cache(self) -> dict[Any, Any]:
        """Storage for indexes of trials that no longer change. Every decision is the same without it."""

    @property
    def ranks_version(self) -> int:
        """Number that changes whenever a rank key may have changed: never under one objective.

        Under several objectives, keys compare a trial with the others, so each new result may change all of them.
        """

    def rank_key(self, trial: TrialView, resource: int) -> RankKey | None:
        """Return the sort key of a trial among others at a rung: of its best value within that much resource.

        Under one objective, the key does not change once the trial has been trained to the rung. Feasible trials come
        first, by the objective, or by front and distance under several; then the others, by their violation. The mean
        training cross-entropy of the last epoch within the resource, then the number, break ties. A complete trial that
        ended below the rung keeps its best value. None for a trial that failed or has no value yet.
        """


class Scheduler(Protocol):
    """Decides how much a trial trains, which trials pause and which are promoted; it reads the view, without state."""

    def next(self, view: View) -> SchedulerDecision:
        """Return the next decision for a free worker."""

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:
        """Return the resources that a trial of a bracket trains to one after the other, ascending; the last is R."""

    def pauses(self, trial: TrialView) -> bool:
        """Return whether a trial that has reached its target resource pauses there, rather than being complete."""
