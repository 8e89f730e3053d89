"""Strategies: a sampler combined with a scheduler, neither of which depends on the other; or a joint strategy."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from metaopt.engine.phases import Phases
from metaopt.engine.view import StudyView
from metaopt.errors import UserError, hint
from metaopt.samplers import SAMPLERS, Sampler
from metaopt.schedulers import SCHEDULERS, Decision, Propose, Scheduler, Start, TrialView
from metaopt.trials.knowledge import next_start

POPULATION_BASED = ("pbt", "pb2")
# Strategies that are no pair: settings name them as their sampler and as their scheduler.
# Strategies that are no pair: settings name them as their sampler and as their scheduler.
JOINT = ("auto", *POPULATION_BASED)
DEFAULT_STRATEGY = "auto"
STRATEGIES = {  # name → sampler, scheduler
    **{name: (name, name) for name in JOINT},
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

# Setting → the samplers or schedulers that read it. For others it follows from the number of trials, or has no effect.
READ_BY_SAMPLERS = {
    "startup": ("auto", "tpe", "gp"),
    **dict.fromkeys(("population", "perturbation_interval", "quantile", "resample"), POPULATION_BASED),
    **dict.fromkeys(("mu", "lambda_", "mutation", "tournament", "survivors", "full_population"), ("evolution",)),
}
READ_BY_SCHEDULERS = {
    "min_epochs": ("auto", "halving", "hyperband", "asha", "asha-stop"),
    "eta": ("halving", "hyperband", "asha", "asha-stop"),
    "rule": ("halving", "hyperband"),
    "full_population": ("halving", "hyperband"),
}


def check_is_read(given: Collection[str], sampler: str, scheduler: str) -> None:
    """Check that a strategy reads the settings that the user gave.

    Args:
        given: names of the settings.
        sampler: name of the sampler.
        scheduler: name of the scheduler.

    Raises:
        UserError: It does not read one of them.
    """
    for half, (kind, own, readers) in enumerate(
        (("sampler", sampler, READ_BY_SAMPLERS), ("scheduler", scheduler, READ_BY_SCHEDULERS))
    ):
        for name, able in readers.items():
            if name in given and own not in able:
                strategies = ", ".join(strategy for strategy, halves in STRATEGIES.items() if halves[half] in able)
                raise UserError(
                    f"{name} is not read by the {kind} {own}: leave it out, or choose a strategy that reads it"
                    f" ({strategies}).",
                    name,
                )


class Strategy(Protocol):
    """Decides what a free worker does next; a pure function of the view."""

    def next(self, view: StudyView, attempt: int = 0) -> Decision:
        """Return the next decision.

        Args:
            view: the study so far.
            attempt: number of proposals for the next trial that the guard has already rejected.
        """

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:
        """Return the resources that a trial of a bracket trains to one after the other, ascending; the last is R."""

    def pauses(self, trial: TrialView) -> bool:
        """Return whether a trial that has reached its target resource pauses there."""


@runtime_checkable
class ForkingStrategy(Strategy, Protocol):
    """Strategy that forks trials, also while they train on.

    The state in which a job of such a strategy begins is kept until the next job of its trial.
    """

    def forkable(self, view: StudyView) -> Collection[int]:
        """Return the trials that it may still fork, whose checkpoints must be kept."""


def find_forkable(strategy: Strategy, view: StudyView) -> Collection[int]:
    """Return the trials that a strategy may still fork, whose checkpoints must be kept."""
    return strategy.forkable(view) if isinstance(strategy, ForkingStrategy) else ()


@dataclass(frozen=True)
class SamplerScheduler:
    """Strategy of a sampler and a scheduler.

    Attributes:
        sampler: proposes the hyperparameters of new trials.
        scheduler: decides how much trials train and which are promoted.
        phases: phases of the search, which decide the sampler's history; None for one phase.
        n_full: number of first trials that are trained to R at once, outside of all brackets; failed ones are replaced
            until twice as many trials were started.
    """

    sampler: Sampler
    scheduler: Scheduler
    phases: Phases | None = None
    n_full: int = 0

    @np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
    def next(self, view: StudyView, attempt: int = 0) -> Decision:
        """Return the scheduler's decision; a new trial gets the sampler's vals."""
        decision = self.scheduler.next(view)
        if isinstance(decision, Propose) and self._lacks_full_trials(view):
            decision = Propose(self.rung_levels(None)[-1])
        if not isinstance(decision, Propose):
            return decision
        if view.knowledge and not attempt and (known := next_start(view.knowledge, view.n_own)) is not None:
            return Start(known, decision.target_resource, decision.bracket)
        history = view.history if self.phases is None else self.phases.history(view)
        vals = self.sampler.propose(view.number, history, view.running_vals, view.generator("propose", attempt))
        return Start(vals, decision.target_resource, decision.bracket)

    def _lacks_full_trials(self, view: StudyView) -> bool:
        """Return whether one of the first trials, which are trained to R at once, is still to start."""
        if self.n_full == 0 or len(view.trials) >= 2 * self.n_full:  # most searches are beyond them
            return False
        return sum(trial.is_own and trial.status != "fail" for trial in view.trials) < self.n_full

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:
        """See ``Scheduler.rung_levels``."""
        return self.scheduler.rung_levels(bracket)

    def pauses(self, trial: TrialView) -> bool:
        """See ``Scheduler.pauses``."""
        return self.scheduler.pauses(trial)


def strategy_name(sampler: str, scheduler: str) -> str:
    """Return the name of the strategy that a sampler and a scheduler make, or ``sampler × scheduler``.

    Settings name a strategy that is no pair as both.
    """
    halves = sampler, scheduler
    own = sampler if sampler == scheduler else " × ".join(halves)
    return next((name for name, known in STRATEGIES.items() if known == halves), own)


def resolve_strategy(strategy: str | None, sampler: str | None, scheduler: str | None) -> tuple[str, str]:
    """Return the names of a strategy's sampler and scheduler; both are its own name for a joint strategy.

    Without a strategy it is the default one, unless a sampler or a scheduler is named: the other is then ``tpe`` or
    ``full``.

    Raises:
        UserError: A name is unknown, and the message names the nearest one; or a joint strategy is to have another
            sampler or scheduler.
    """
    if strategy is None:
        strategy = "tpe" if sampler or scheduler else DEFAULT_STRATEGY
    name = _known("strategy", strategy, STRATEGIES)
    if name in JOINT:
        for parameter, given in (("sampler", sampler), ("scheduler", scheduler)):
            if given is not None:
                raise UserError(
                    f"The strategy {name} decides jointly what to try and how long to train it, so it has no"
                    f" {parameter} to replace: leave {parameter} out, or choose another strategy.",
                    parameter,
                    "strategy",
                )
        return STRATEGIES[name]
    halves = STRATEGIES[name]
    return (
        _known("sampler", sampler or halves[0], SAMPLERS),
        _known("scheduler", scheduler or halves[1], SCHEDULERS),
    )


def _known(parameter: str, name: str, names: Collection[str]) -> str:
    if name in names:
        return name
    raise UserError(f"Unknown {parameter}: {name}. {hint(name, names)}", parameter)
