"""The result of a trial at a resource, and the judge that makes it from the training history.

Training, the simulated executor, the search loop, samplers, schedulers, records and reports all use this one type.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metaopt.trials.constraints import Constraint, is_number, total_violation, unwrapped
from metaopt.trials.objective import Metrics, Objective
from metaopt.trials.stopping import EpochTracker

# Training loss of the first head without penalties, else Keras' total: the tie-break of equal validation values.
TRAINING_LOSS = ("train", "loss")


@dataclass(frozen=True)
class Result:
    """Outcome of a trial at one resource.

    Attributes:
        resource: what the trial was trained to, in the study's unit (epochs or seconds). The epochs may be fewer where
            the trial ended by itself.
        epochs: number of epochs trained by then.
        values: value of each objective at the best epoch, to be minimised; empty where there is none.
        best_epoch: counted from 1; None where the training reported no epochs.
        constraints: constraint as text → signed distance, above 0 where it is violated.
        violation: sum of relative violations; 0 where all constraints are met.
        training_loss: mean training cross-entropy of the last epoch; 0 where it is unknown.
        seconds: wall seconds of all jobs of the trial by then.
        clock: seconds of search, summed over restarts, when the resource was reached.
        total_epochs: epochs that all trials of the study had been trained by then.
        returned: what a user's own training function returned; empty for trainings that report epochs.
    """

    resource: int = 0
    epochs: int = 0
    values: tuple[float, ...] = ()
    best_epoch: int | None = None
    constraints: Mapping[str, float] = field(default_factory=dict)
    violation: float = 0.0
    training_loss: float = 0.0
    seconds: float = 0.0
    clock: float = 0.0
    total_epochs: int = 0
    returned: Mapping[str, Any] = field(default_factory=dict)

    @property
    def loss(self) -> float | None:
        """Value of the first objective, to be minimised; None where there is none."""
        return self.values[0] if self.values else None

    @property
    def has_loss(self) -> bool:
        """Whether the value of each objective is finite."""
        return bool(self.values) and all(map(math.isfinite, self.values))

    @property
    def is_feasible(self) -> bool:
        """Whether every constraint is met."""
        return self.violation == 0.0


@dataclass(frozen=True)
class Judge:
    """Makes results from training histories, by the objectives and the constraints in force.

    A measured constraint is judged at the best epoch of the first objective among those that meet all measured
    constraints, else at the best epoch of all. Further objectives have their values at the same epoch.

    Attributes:
        objectives: what is optimised; the first one chooses the best epoch.
        constraints: those in force, cheap and measured.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    def judge(
        self, result: Result, metrics: Sequence[Metrics], seconds: Sequence[float], counts: Mapping[str, float]
    ) -> Result:
        """Return a result with its values, best epoch and constraints.

        Args:
            result: tells how far the trial was trained, what it returned and how long it took.
            metrics: metrics of each epoch; those after ``result.epochs`` are ignored.
            seconds: wall seconds of each epoch.
            counts: known counts of the network: ``params``, ``macs``, ``memory``, ``model_bytes``,
                ``latency_ms``.
        """
        if "loss" in result.returned:
            if not is_number(result.returned["loss"]):
                return replace(result, values=(), best_epoch=None, constraints={}, violation=0.0)
            known = {"seconds": result.seconds, **result.returned, **counts}
            return self._with_values(result, float(result.returned["loss"]), None, known)
        metrics, seconds = metrics[: result.epochs], seconds[: result.epochs]
        if not metrics:
            return replace(result, values=(), best_epoch=None, constraints={}, violation=0.0)
        tracker = EpochTracker(self.objective, self.constraints)
        for epoch, spent in zip(metrics, seconds, strict=True):
            tracker.add(epoch, spent)
        best = tracker.best
        training_loss = next((metrics[-1][name] for name in TRAINING_LOSS if name in metrics[-1]), 0.0)
        known = {**metrics[best], "seconds": sum(seconds), **counts}
        return self._with_values(replace(result, training_loss=training_loss), tracker.losses[best], best + 1, known)

    def missing_objective(self, known: Mapping[str, Any]) -> str | None:
        """Return the name of the first further objective that has no number; None where each has one.

        Args:
            known: metrics of an epoch, or what a user's training returned, with ``seconds`` and counts.
        """
        return next((each.name for each in self.objectives[1:] if not is_number(known.get(each.name))), None)

    def _with_values(self, result: Result, value: float, best_epoch: int | None, known: Mapping[str, Any]) -> Result:
        judged = {each: each.value(known) for each in self.constraints if each.is_judged_by(known)}
        if self.missing_objective(known) is not None or not all(map(is_number, judged.values())):
            # A user's training returned something else, or an epoch diverged.
            return replace(result, values=(), best_epoch=None, constraints={}, violation=0.0)
        return replace(
            result,
            values=(value, *(float(unwrapped(each.loss(known, 0.0))) for each in self.objectives[1:])),
            best_epoch=best_epoch,
            constraints={str(each): each.distance(number) for each, number in judged.items()},
            violation=total_violation(judged, known),
        )
