"""Race over folds: ends a trial after its first folds where it will not beat the trial that it would have to beat.

The method is a blocking race, BRACE (Maron & Moore 1994, "Hoeffding races: accelerating model selection search for
classification and function approximation"; Moore & Lee 1994, "Efficient algorithms for minimizing cross validation
error", section 4): two candidates are compared by their differences on the same blocks, here folds, which are taken as
normal. What is to be told is the sign of the mean difference over all folds of the study, by which the search chooses,
so the folds are a finite population (``fold_scores.chance_to_win``). As in Maron & Moore's races, the probability of an
error is divided by the number of tests: a trial that would win is discarded with a probability of at most ``ALPHA``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.schedulers import ASHA, Halving
from metaopt.trials.discard import Discard
from metaopt.trials.fold_scores import chance_to_win
from metaopt.trials.objective import Objective
from metaopt.trials.ranking import RANKING
from metaopt.trials.result import Result
from metaopt.trials.stopping import EpochTracker
from metaopt.trials.trial import Trial

ALPHA = 0.05
"""Largest probability that a trial is discarded which would have won on all folds."""

FIRST = 2
"""Number of folds after which a trial is tested for the first time: a spread needs two differences."""

Places = Callable[[Trial, int], int]
"""(trial, number of trials that reached its target, itself included) → number of them that may be promoted."""


@dataclass(frozen=True)
class FoldRace:
    """Race over the folds of a study.

    Attributes:
        folds: number of folds of one repeat.
        repeats: number of repeats.
        objective: the objective.
        tracker: makes the tracker of a training's best epoch.
        resource: R, at which only the best trial counts.
        places: number of trials that a rung below R promotes.
    """

    folds: int
    repeats: int
    objective: Objective
    tracker: Callable[[], EpochTracker]
    resource: int
    places: Places

    @property
    def n_trainings(self) -> int:
        """Number of folds of all repeats."""
        return self.folds * self.repeats

    def decide(self, trial: Trial, trials: Sequence[Trial]) -> Discard | None:
        """Return the discard of a trial that cannot win any more; None where it trains on.

        Args:
            trial: a trial of which the first folds are trained to the end of its job, and no later one was begun.
            trials: all trials of the study.
        """
        n = len(trial.ahead)
        # Where early stopping has ended folds at different epochs, others than the first ones may be ahead.
        if not FIRST <= n < self.n_trainings or set(trial.ahead) != set(range(n)):
            return None
        reference = self._find_reference(trial, trials)
        if reference is None:
            return None
        other, result = reference
        assert result.loss is not None
        losses = self._losses_so_far(trial)
        theirs = self._losses(other, result)
        differences = [one - their for one, their in zip(losses, theirs, strict=False)]
        chance = chance_to_win(differences, self.n_trainings)
        n_tests = self.n_trainings - FIRST
        if chance > ALPHA / n_tests:
            return None
        loss = result.loss + sum(differences) / n
        return Discard(n, self.n_trainings, self.folds, other.number, loss, chance)

    def _find_reference(self, trial: Trial, trials: Sequence[Trial]) -> tuple[Trial, Result] | None:
        """Return the trial that it would have to beat, with its result; None where there is none yet.

        At R it is the best one. Below R it is the last one that would be promoted.
        """
        target = trial.target_resource
        is_final = target >= self.resource
        here, n_here = [], 1
        for other in trials:
            if other is trial or other.imported or (other.bracket != trial.bracket and not is_final):
                continue
            if other.status == "rejected" or other.target_resource + (other.status != "running") <= target:
                continue
            n_here += 1
            result = other.result_within(target)
            if result is None or (result.resource < target and not other.complete):  # it ended on the way
                continue
            if other.status != "fail" and other.discard is None and self._has_folds(other, result):
                here.append((RANKING.key(result), other.number, other, result))
        place = 1 if is_final else self.places(trial, n_here)
        if place < 1 or place > len(here):
            return None
        *_, other, result = sorted(here, key=lambda each: each[:2])[place - 1]
        return (other, result) if result.is_feasible else None

    def _has_folds(self, other: Trial, result: Result) -> bool:
        """Return whether a result has the loss of each fold."""
        if not result.has_loss or result.best_epoch is None or len(other.replicates) < result.best_epoch:
            return False
        replicates = other.replicates[result.best_epoch - 1]
        return len(replicates) == self.n_trainings and all(self.objective.name in each for each in replicates)

    def _losses(self, other: Trial, result: Result) -> list[float]:
        """Return the loss of each fold of a trial at the best epoch of a result."""
        assert result.best_epoch is not None
        return [self.objective.loss(metrics, 0.0) for metrics in other.replicates[result.best_epoch - 1]]

    def _losses_so_far(self, trial: Trial) -> list[float]:
        """Return the loss of each of the first folds, at the best epoch of their mean."""
        seen = trial.over_first_folds(self.folds)
        tracker = self.tracker()
        for metrics, seconds in zip(seen.metrics, seen.seconds, strict=True):
            tracker.add(metrics, seconds)
        return [self.objective.loss(metrics, 0.0) for metrics in seen.replicates[tracker.best]]


def make_places(scheduler: Any, eta: int) -> Places:
    """Return the number of trials that a rung promotes, by the rules of a scheduler.

    Args:
        scheduler: the scheduler; another one, as of a joint strategy, counts as asynchronous.
        eta: η, for those that are asynchronous: one of so many trials is promoted.
    """
    if isinstance(scheduler, Halving):
        return lambda trial, _: _next_rung_size(scheduler, trial)
    least = 1 if isinstance(scheduler, ASHA) and scheduler.stopping else 0
    return lambda _, n_here: max(least, n_here // eta)


def _next_rung_size(scheduler: Halving, trial: Trial) -> int:
    rungs = scheduler.rungs(trial.bracket or 0)
    return next((size for size, resource in rungs if resource > trial.target_resource), 1)
