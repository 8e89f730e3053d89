"""Evolution of the hyperparameters of one network while it trains, as a strategy of forks.

A network is trained for a few epochs. Then, cycle after cycle, a small population of copies with one change each is
trained a little, and the fittest goes on. After the idea of Sarafanov's MIHA (github.com/ITMO-NSS-team/MIHA), with the
validation loss in the place of the training loss, a crossover, and the unchanged network as a member.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from metaopt.errors import UserError
from metaopt.evolving.changes import combine, describe_change
from metaopt.evolving.fitness import Fitness
from metaopt.evolving.hyperparameters import Value
from metaopt.evolving.lineage import Cycle, Lineage, trace
from metaopt.evolving.mutation import Mutation, mutate
from metaopt.evolving.network import Network
from metaopt.evolving.plan import EvolutionPlan
from metaopt.schedulers import Decision, Done, Fork, Start, TrialView, Wait
from metaopt.trials.trial import Trial

EVOLVE = "evolve"
FIXING, FINAL, CROSSOVER = "fixing training", "final training", "crossover"


class EvolvingView(Protocol):
    """The study as this strategy reads it."""

    @property
    def trials(self) -> Sequence[Trial]:
        """Every trial, by number."""

    def generator(self, purpose: str, attempt: int = 0, number: int | None = None) -> np.random.Generator:
        """Return the generator for one purpose of the next trial, or of what has this number."""


@dataclass(frozen=True)
class EvolveTraining:
    """Strategy of an evolution while training; every trial after the first is a fork.

    Attributes:
        network: the hyperparameters that may change.
        plan: numbers of cycles, members and epochs.
        mutations: the changes that members may have.
        fitness: fitness of a member's validation losses.
    """

    network: Network
    plan: EvolutionPlan
    mutations: tuple[Mutation, ...]
    fitness: Fitness

    def next(self, view: EvolvingView, attempt: int = 0) -> Decision:  # noqa: ARG002 - no fork is rejected
        """Return the next step: run-up, members, fixing training and crossover of each cycle, final training.

        Raises:
            UserError: The run-up failed, so that there is no network to change.
        """
        lineage = self.trace(view)
        runup = lineage.runup
        if runup is None:
            return Start(self.network.vals(self.network.initial), self.plan.runup_epochs, bracket=0)
        if runup.status == "running":
            return Wait()
        if runup.status != "ok":
            reason = runup.failure.get("error") or runup.status
            has_diverged = runup.failure.get("cause") == "diverged"
            advice = " Choose another optimizer or learning rate for the model." if has_diverged else ""
            raise UserError(
                f"The run-up failed, so that there is no trained network to change: {reason.rstrip('.')}.{advice}"
            )
        if lineage.final is not None:
            return Wait() if lineage.final.status == "running" else Done()
        if lineage.cycles and not lineage.cycles[-1].is_over(self.plan):
            return self._step(lineage.cycles[-1], view)
        current = lineage.result
        assert current is not None  # the run-up has ended
        if len(lineage.cycles) < self.plan.cycles:
            return self._member(Cycle(len(lineage.cycles) + 1, current), view)
        if not self.plan.final_epochs:
            return Done()
        return self._fork(current, self._read(current), self.plan.final_epochs, self.plan.cycles + 1, FINAL)

    def trace(self, view: EvolvingView) -> Lineage:
        """Return the trials by their roles."""
        return trace(view.trials, self.plan, self.fitness)

    def forkable(self, view: EvolvingView) -> Collection[int]:
        """Return the network so far, and the trials of the last cycle; see ``find_forkable``."""
        lineage = self.trace(view)
        kept = [] if lineage.result is None else [lineage.result]
        if lineage.cycles:
            kept += [lineage.cycles[-1].origin, *lineage.cycles[-1].trials]
        return {trial.number for trial in kept}

    def rung_levels(self, bracket: int | None) -> tuple[int, ...]:  # noqa: ARG002
        """Return the epochs of the final network: no trial has rungs."""
        return (self.plan.epochs,)

    def pauses(self, trial: TrialView) -> bool:  # noqa: ARG002
        """Return False: a trial ends where it is to, and is forked from there."""
        return False

    def _step(self, cycle: Cycle, view: EvolvingView) -> Decision:
        """Return the next step of a cycle that is not over."""
        if len(cycle.members) < self.plan.population:
            return self._member(cycle, view)
        winner = cycle.winner
        if winner is None or any(trial.status == "running" for trial in cycle.members):
            return Wait()
        if cycle.fixing is None:
            return self._fork(winner, self._read(winner), self.plan.fixing_epochs, cycle.number, FIXING)
        if cycle.child is None and self.plan.crossover and len(cycle.ranked) > 1:
            return self._crossover(cycle)
        return Wait()

    def _member(self, cycle: Cycle, view: EvolvingView) -> Fork:
        """Return the next member of a population: a copy of the network with one change."""
        before = self._read(cycle.origin)
        after = before
        if cycle.members or not self.plan.keep_unchanged:
            others = [self._read(trial) for trial in cycle.members]
            after = mutate(self.network, before, others, self._deal(cycle, view), view.generator("mutate"))
        change = describe_change(self.network, before, after)
        return self._fork(cycle.origin, after, self.plan.cycle_epochs, cycle.number, change)

    def _deal(self, cycle: Cycle, view: EvolvingView) -> list[Mutation]:
        """Return the mutations, the one whose turn it is first.

        Each has its turn once before any has its next: with a few members a cycle, independent draws would leave one
        out for long, such as the only one that helps.
        """
        mutated = self.plan.population - self.plan.keep_unchanged
        turn = (cycle.number - 1) * mutated + len(cycle.members) - self.plan.keep_unchanged
        round_, position = divmod(turn, len(self.mutations))
        order = view.generator("order of mutations", number=round_).permutation(len(self.mutations))
        first = int(order[position])
        return [self.mutations[first], *(each for number, each in enumerate(self.mutations) if number != first)]

    def _crossover(self, cycle: Cycle) -> Fork:
        """Return the combination of the two fittest, with the mean of their weights."""
        fittest, second = cycle.ranked[:2]
        before = self._read(cycle.origin)
        child = combine(before, self._read(fittest), self._read(second))
        change = f"{CROSSOVER}: {describe_change(self.network, before, child)}"
        return self._fork(fittest, child, self.plan.fixing_epochs, cycle.number, change, mate=second.number)

    def _fork(
        self,
        source: Trial,
        configuration: dict[str, Value],
        epochs: int,
        bracket: int,
        change: str,
        mate: int | None = None,
    ) -> Fork:
        vals = self.network.vals(configuration, parent=source.number)
        return Fork(source.number, vals, source.epochs + epochs, bracket, mate, change)

    def _read(self, trial: Trial) -> dict[str, Value]:
        return self.network.read(trial.vals)
