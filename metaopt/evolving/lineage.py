"""Lineage of an evolution while training: the role of each trial, the winners, and the network so far.

It is a pure function of the trials, so that a search that resumes, a report and the strategy agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from metaopt.evolving.changes import UNCHANGED
from metaopt.evolving.fitness import Fitness, evaluate
from metaopt.evolving.plan import EvolutionPlan
from metaopt.trials.trial import Trial

LOSS = "val_loss"  # of the fitness


@dataclass(frozen=True)
class Cycle:
    """One population, and what followed from it.

    Attributes:
        number: from 1.
        origin: the network before it.
        members: its members so far, the first one first.
        fitness: fitness of each member; None for one that runs or failed.
        fixing: the fixing training of the fittest, or None.
        child: the crossover, or None.
    """

    number: int
    origin: Trial
    members: tuple[Trial, ...] = ()
    fitness: tuple[float | None, ...] = ()
    fixing: Trial | None = None
    child: Trial | None = None

    @property
    def ranked(self) -> list[Trial]:
        """Members with a fitness, the fittest first; ties go to the unchanged, then to the first."""
        known = [(each, value) for each, value in zip(self.members, self.fitness, strict=True) if value is not None]
        return [each for each, value in sorted(known, key=lambda pair: (-pair[1], pair[0].change != UNCHANGED))]

    @property
    def winner(self) -> Trial | None:
        """The fittest member; None before any has ended, and where all failed."""
        return next(iter(self.ranked), None)

    @property
    def is_crossover_kept(self) -> bool:
        """Whether the crossover is no worse than the fittest after their fixing epochs."""
        if self.child is None or self.child.status != "ok":
            return False
        if self.fixing is None or self.fixing.status != "ok":
            return True
        return _last_loss(self.child) <= _last_loss(self.fixing)

    @property
    def result(self) -> Trial:
        """The network after the cycle; the one before it where all members failed."""
        if self.is_crossover_kept and self.child is not None:
            return self.child
        if self.fixing is not None and self.fixing.status == "ok":
            return self.fixing
        return self.winner or self.origin

    def is_over(self, plan: EvolutionPlan) -> bool:
        """Return whether nothing more is trained in this cycle."""
        if len(self.members) < plan.population or any(trial.status == "running" for trial in self.trials):
            return False
        if self.winner is None or not plan.fixing_epochs:
            return True
        return self.fixing is not None and (self.child is not None or not plan.crossover or len(self.ranked) < 2)

    @property
    def trials(self) -> list[Trial]:
        """All its trials so far."""
        return [*self.members, *[each for each in (self.fixing, self.child) if each is not None]]


@dataclass(frozen=True)
class Lineage:
    """All trials of an evolution by their roles.

    Attributes:
        runup: the training before the first cycle, or None.
        cycles: the cycles so far; the last may be going on.
        final: the training after the last cycle, or None.
    """

    runup: Trial | None = None
    cycles: tuple[Cycle, ...] = ()
    final: Trial | None = field(default=None)

    @property
    def result(self) -> Trial | None:
        """The network after the last step that has ended; None before the run-up has."""
        if self.final is not None and self.final.status == "ok":
            return self.final
        if self.cycles:
            return self.cycles[-1].result
        return self.runup if self.runup is not None and self.runup.status == "ok" else None


def trace(trials: Sequence[Trial], plan: EvolutionPlan, fitness: Fitness | None) -> Lineage:
    """Return the lineage of the trials of an evolution.

    The bracket of a trial is the number of its cycle: 0 for the run-up, and one beyond the last for the final training.
    In a cycle the members come first, then the fixing training, then the crossover.

    Args:
        trials: all trials, by number.
        plan: the plan.
        fitness: fitness of a member's validation losses; None where it is not known, as in a report on a study with a
            function of the user: the fitness of a member that went on is then 1, of others 0.

    Raises:
        UserError: The fitness is no number.
    """
    if fitness is None:
        sources = {number for trial in trials for number in trial.sources}

        def known(trial: Trial) -> float | None:
            return float(trial.number in sources) if trial.status == "ok" else None
    else:

        def known(trial: Trial) -> float | None:
            return _evaluate(trial, fitness)

    by_bracket: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.is_own and trial.bracket is not None:
            by_bracket.setdefault(trial.bracket, []).append(trial)
    runup = next(iter(by_bracket.get(0, ())), None)
    if runup is None:
        return Lineage()
    cycles: list[Cycle] = []
    origin = runup
    for number in range(1, plan.cycles + 1):
        own = by_bracket.get(number, [])
        if not own:
            break
        members = tuple(own[: plan.population])
        fixing, child = [*own[plan.population :], None, None][:2]
        values = tuple(known(each) for each in members)
        cycles.append(Cycle(number, origin, members, values, fixing, child))
        origin = cycles[-1].result
    return Lineage(runup, tuple(cycles), next(iter(by_bracket.get(plan.cycles + 1, ())), None))


def own_losses(trial: Trial) -> list[float]:
    """Return the validation loss of each epoch that a trial was trained for itself."""
    return [metrics[LOSS] for metrics in trial.metrics[trial.copied_epochs :]]


def _evaluate(trial: Trial, fitness: Fitness) -> float | None:
    return evaluate(fitness, own_losses(trial)) if trial.status == "ok" else None


def _last_loss(trial: Trial) -> float:
    return trial.metrics[-1][LOSS]
