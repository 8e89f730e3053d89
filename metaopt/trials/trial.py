"""A trial: one point and all the training that it received."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from metaopt.spaces import Vals
from metaopt.trials.constraints import Limit, is_number, violation
from metaopt.trials.objective import Metrics, Objective

Status = Literal["running", "paused", "ok", "fail", "rejected"]


@dataclass(frozen=True)
class Outcome:
    """How good a trial is by the objective and the limits in force.

    Attributes:
        loss: to be minimised, at the best epoch; None for a trial without any.
        best_epoch: from 1; None where the training reported no epochs.
        distances: limit as text → signed distance, above 0 where it is broken.
        violation: the sum of relative misses; 0 where all limits are kept.
    """

    loss: float | None
    best_epoch: int | None = None
    distances: dict[str, float] = field(default_factory=dict)
    violation: float = 0.0

    @property
    def feasible(self) -> bool:
        """Whether every limit is kept."""
        return self.violation == 0.0


@dataclass(frozen=True)
class Rung:
    """A resource that a trial was trained to.

    Attributes:
        to: the resource; the epochs may be fewer where the trial ended by itself.
        epochs: that it had trained then.
        result: what a user's own training had returned then.
        clock: seconds of search, summed over restarts, when it was reached.
        spent: epochs that all trials of the study had been trained by then, together.
        seconds: wall seconds of all its jobs by then.
    """

    to: int
    epochs: int
    result: dict[str, Any] = field(default_factory=dict)
    clock: float = 0.0
    spent: int = 0
    seconds: float = 0.0


@dataclass
class Trial:
    """One point and all the training that it received; changed by ``Trials.apply`` only.

    Attributes:
        number: from 0, in the order of proposal.
        vals: what was trained, label → value.
        point: the same as ``space_eval`` returns it, as far as JSON can say it.
        to: the resource that it trains to, or has been trained to where it is paused.
        status: ``running`` also after a crash, until it is trained again and ends.
        complete: fully trained, be it at ``to`` or by early stopping.
        metrics: per epoch, its metrics.
        seconds: per epoch, its wall seconds.
        replicates: per epoch, the metrics of each fold; empty without folds.
        rungs: the resources that it was trained to, ascending.
        spent: wall seconds of all its jobs, with building and tracing.
        ended: seconds of search, summed over restarts, when it ended.
        proposal: what the guard said of it: ``params``, ``macs``, ``memory``, ``blueprint``, ``signature``.
        imported: trained elsewhere; known to the sampler, never the study's best.
        bracket: that it was started in.
    """

    number: int
    vals: Vals
    point: Any
    to: int
    status: Status = "running"
    complete: bool = False
    metrics: list[Metrics] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    replicates: list[list[Metrics]] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    spent: float = 0.0
    ended: float | None = None
    proposal: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    imported: bool = False
    bracket: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether it counts towards the goal: it is neither imported nor rejected."""
        return not self.imported and self.status != "rejected"

    @property
    def epochs(self) -> int:
        """Resource trained so far."""
        return len(self.metrics) or self.result.get("epochs", 0)

    @property
    def counts(self) -> dict[str, float]:
        """The numbers of the network that are known: ``params``, ``macs``, ``memory``."""
        known = {**self.proposal, **self.info}
        return {name: known[name] for name in ("params", "macs", "memory") if known.get(name) is not None}

    def rung_within(self, resource: int) -> Rung | None:
        """The last rung that the trial reached within a resource; that at which a complete one ended counts at every
        resource.
        """
        if self.complete and self.rungs:
            within = [rung for rung in self.rungs[:-1] if rung.to <= resource]
            return within[-1] if within and self.rungs[-1].to > resource else self.rungs[-1]
        return max((rung for rung in self.rungs if rung.to <= resource), key=lambda rung: rung.to, default=None)

    def outcome(self, objective: Objective, limits: Sequence[Limit], rung: Rung | None = None) -> Outcome:
        """The trial's loss, and whether it keeps the limits.

        A measured limit is judged at the best epoch of the objective among those that keep it, else at the best epoch.

        Args:
            objective: what is optimised.
            limits: those in force.
            rung: judges the trial as it was there, not as it is now.
        """
        result = self.result if rung is None else rung.result
        if "loss" in result:
            values = {"seconds": self.spent if rung is None else rung.seconds, **result, **self.counts}
            return self._judged(float(result["loss"]), None, values, limits)
        epochs = len(self.metrics) if rung is None else rung.epochs
        metrics, seconds = self.metrics[:epochs], self.seconds[:epochs]
        if not metrics:
            return Outcome(None)
        losses = objective.losses(metrics, seconds)
        best = objective.best_epoch(metrics, losses, limits)
        values = {**metrics[best], "seconds": sum(seconds), **self.counts}
        return self._judged(losses[best], best + 1, values, limits)

    def _judged(self, loss: float, epoch: int | None, values: dict[str, Any], limits: Sequence[Limit]) -> Outcome:
        if not all(is_number(values[limit.name]) for limit in limits if limit.name in values):
            return Outcome(None)  # of a training that told something else than a number
        distances = {str(limit): limit.distance(values[limit.name]) for limit in limits if limit.name in values}
        return Outcome(loss, epoch, distances, violation(limits, values))
