"""Stopping rules: early stopping of a trial, loss-based stopping against other trials, and the end of a search.

Training, the simulated executor and the search loop share these rules.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.trials.constraints import Constraint, total_violation
from metaopt.trials.objective import Metrics, Objective


@dataclass(frozen=True)
class LossBound:
    """Loss-based stopping of a trial, decided once.

    Attributes:
        epoch: epoch after which it is decided, from 1.
        rank: rank of the validation loss, among those of other trials at that epoch, that is the reference, from 1.
        factor: multiple of the reference from which on a trial is stopped.
    """

    epoch: int = 3
    rank: int = 5
    factor: float = 2.0

    def is_exceeded(self, epoch: int, metrics: Metrics, others: Iterable[Sequence[Metrics]]) -> bool:
        """Return whether a trial ends after this epoch.

        Args:
            epoch: that has just ended, from 1.
            metrics: of that epoch.
            others: metrics per epoch of every other trial; those that got as far are compared at the same epoch.
        """
        if epoch != self.epoch or "val_loss" not in metrics:
            return False
        losses = sorted(
            other[epoch - 1]["val_loss"] for other in others if len(other) >= epoch and "val_loss" in other[epoch - 1]
        )
        return len(losses) >= self.rank and metrics["val_loss"] >= self.factor * losses[self.rank - 1]


class EpochTracker:
    """Best epoch of a trial, and early stopping, one epoch at a time.

    The best epoch is the first one of the smallest loss among those that meet the measured constraints, or among all
    where none does. Of an objective that is taken at the last epoch it is the last one.

    Args:
        objective: chooses the best epoch.
        constraints: those on metrics of an epoch count, others are ignored.
        patience: number of epochs without improvement after which the trial stops, or None.
    """

    def __init__(
        self, objective: Objective, constraints: Sequence[Constraint] = (), patience: int | None = None
    ) -> None:
        self._objective = objective
        self._constraints = constraints
        self._patience = None if objective.last_epoch_only else patience
        self._seconds = 0.0
        self._best_key = (True, math.inf)
        self._best = 0
        self.losses: list[float] = []

    def add(self, metrics: Metrics, seconds: float) -> None:
        """Take in the next epoch.

        Args:
            metrics: its metrics.
            seconds: its own wall seconds.
        """
        self._seconds += seconds
        loss = self._objective.loss(metrics, self._seconds)
        self.losses.append(loss)
        key = (total_violation(self._constraints, metrics) > 0, loss)
        if key < self._best_key or len(self.losses) == 1:
            self._best_key, self._best = key, len(self.losses) - 1

    @property
    def best(self) -> int:
        """Index of the best epoch, from 0; there must be one epoch at least."""
        return len(self.losses) - 1 if self._objective.last_epoch_only else self._best

    @property
    def is_out_of_patience(self) -> bool:
        """Whether early stopping ends the trial now."""
        return self._patience is not None and bool(self.losses) and len(self.losses) - 1 - self.best >= self._patience


class SearchPatience:
    """Number of trials since the last improvement, after which a search may end.

    Trials are counted in the order in which they came to rest. A trial that comes to rest at several rungs counts once.

    Args:
        worst: rank key of a trial without a feasible result.
    """

    def __init__(self, worst: tuple[float, ...] = (math.inf,)) -> None:
        self.count = 0
        self._worst = worst
        self._best: Any = worst
        self._keys: dict[int, tuple[float, ...]] = {}

    @property
    def has_best(self) -> bool:
        """Whether any trial has a feasible result."""
        return bool(self._best < self._worst)

    def add(self, trial: int, key: tuple[float, ...]) -> None:
        """Take in a trial that has come to rest.

        Args:
            trial: its number.
            key: rank key of its result there; the worst one where it failed or violates a constraint.
        """
        is_new, before = trial not in self._keys, self._keys.get(trial, self._worst)
        self._keys[trial] = key
        self.count = 0 if key < self._best else self.count + is_new
        if key > before == self._best:  # the best was this trial's earlier result
            self._best = min(self._keys.values())
        self._best = min(self._best, key)

    def reset(self) -> None:
        """Start counting anew, for a new goal."""
        self.count = 0


class ParetoPatience:
    """Number of trials since the last improvement of the Pareto front; otherwise as ``SearchPatience``.

    A feasible result improves the front where no result of another trial, and no earlier one of its own, is as good or
    better in each objective.
    """

    def __init__(self) -> None:
        self.count = 0
        self._values: dict[int, tuple[float, ...]] = {}
        self._known: set[int] = set()

    @property
    def has_best(self) -> bool:
        """Whether any trial has a feasible result."""
        return bool(self._values)

    def add(self, trial: int, values: tuple[float, ...] | None) -> None:
        """Take in a trial that has come to rest.

        Args:
            trial: its number.
            values: its losses; None where it failed or violates a constraint.
        """
        is_new = trial not in self._known
        self._known.add(trial)
        is_covered = values is None or any(
            all(one <= other for one, other in zip(known, values, strict=True)) for known in self._values.values()
        )
        self.count = self.count + is_new if is_covered else 0
        if values is None:
            self._values.pop(trial, None)
        else:
            self._values[trial] = values

    def reset(self) -> None:
        """Start counting anew, for a new goal."""
        self.count = 0
