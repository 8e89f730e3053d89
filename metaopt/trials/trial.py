"""A trial: one point and all the training that it received."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from metaopt.spaces import Vals
from metaopt.trials.constraints import LATENCY, MODEL_BYTES, is_number
from metaopt.trials.discard import Discard
from metaopt.trials.fold_scores import mean_of_folds
from metaopt.trials.objective import Metrics
from metaopt.trials.record_fields import is_count
from metaopt.trials.result import Judge, Result
from metaopt.trials.trial_decision import TrialDecision

Status = Literal["running", "paused", "ok", "fail", "rejected"]


class FirstFolds(NamedTuple):
    """Epochs over the first folds of a trial.

    Attributes:
        metrics: per epoch, the means over these folds.
        seconds: per epoch, the wall seconds; of epochs of all folds those of all.
        replicates: per epoch, the metrics of each of these folds.
    """

    metrics: list[Metrics]
    seconds: list[float]
    replicates: list[list[Metrics]]


@dataclass
class Trial:
    """One point and all the training that it received; changed by replaying the journal only.

    Attributes:
        number: from 0, in the order of proposal.
        vals: label → value of every active hyperparameter.
        point: the same as ``space_eval`` returns it, as far as JSON can represent it.
        target_resource: resource that the trial trains to, or has been trained to where it is paused.
        status: ``running`` also after a crash, until it is trained again and ends.
        complete: whether it is fully trained, be it at R or by early stopping.
        metrics: per epoch, its metrics.
        seconds: per epoch, its wall seconds.
        replicates: per epoch, the metrics of each fold; empty without folds.
        results: results at the resources that it was trained to, ascending.
        wall_seconds: of all its jobs, with building and tracing.
        ended: seconds of search, summed over restarts, when it last came to rest.
        proposal: the guard's counts: ``params``, ``macs``, ``memory``, ``blueprint``, ``signature``.
        info: facts from the worker: ``device``, ``threads``, ``versions``, ``backend``, ``inherited``, …
        returned: what a user's own training function returned last.
        failure: ``cause``, ``error`` and ``traceback`` of a failed trial.
        imported: whether it was trained elsewhere: known to the sampler, never the study's best.
        bracket: bracket that it was started in.
        stretches: (first epoch, environment that trained from there on), ascending; empty in earlier versions.
        forked_from: (trial, epochs) that it was forked from, or None.
        mate: (trial, epochs) whose weights were averaged with those of the forked one, or None.
        change: what differs from the forked trial, in words; empty for most trials.
        decisions: decisions on it that a strategy gave figures for, in their order; empty for most strategies.
        ahead: fold → its epochs (metrics, seconds) that other folds still lack, where one is trained after the other.
        discard: how a race over folds ended it after its first folds, or None.
    """

    number: int
    vals: Vals
    point: Any
    target_resource: int
    status: Status = "running"
    complete: bool = False
    metrics: list[Metrics] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    replicates: list[list[Metrics]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    wall_seconds: float = 0.0
    ended: float | None = None
    proposal: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    imported: bool = False
    bracket: int | None = None
    stretches: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    forked_from: tuple[int, int] | None = None
    mate: tuple[int, int] | None = None
    change: str = ""
    decisions: list[TrialDecision] = field(default_factory=list)
    ahead: dict[int, list[tuple[Metrics, float]]] = field(default_factory=dict)
    discard: Discard | None = None

    @property
    def is_own(self) -> bool:
        """Whether it counts towards the goal: it is neither imported nor rejected."""
        return not self.imported and self.status != "rejected"

    @property
    def is_settled(self) -> bool:
        """Whether it has ended, so that it changes no more."""
        return self.status in ("ok", "fail", "rejected")

    @property
    def is_discarded(self) -> bool:
        """Whether a race over folds ended it after its first folds."""
        return self.discard is not None

    @property
    def has_record(self) -> bool:
        """Whether there is a record of it: it has ended or reached a rung."""
        return self.status in ("ok", "fail") or bool(self.results)

    @property
    def epochs(self) -> int:
        """Number of epochs trained so far."""
        returned = self.returned.get("epochs", 0)  # earlier versions stored whatever a function returned
        return len(self.metrics) or (returned if is_count(returned) else 0)

    @property
    def copied_epochs(self) -> int:
        """Number of epochs that it took over when it was forked; 0 for any other trial."""
        return self.forked_from[1] if self.forked_from is not None else 0

    @property
    def sources(self) -> list[int]:
        """Numbers of the trials from whose states it started when it was forked."""
        return [source[0] for source in (self.forked_from, self.mate) if source is not None]

    @property
    def counts(self) -> dict[str, float]:
        """Known counts of the network: ``params``, ``macs``, ``memory``, ``model_bytes``, ``latency_ms``."""
        return find_counts({**self.proposal, **self.info})

    @property
    def latency(self) -> dict[str, Any] | None:
        """The measured latency, see ``metaopt.training.latency``; None where it was not measured."""
        return _find_latency(self.info)

    def result_within(self, resource: int) -> Result | None:
        """Return the last result within a resource; that of a complete trial holds at every larger resource."""
        if self.complete and self.results:
            within = [result for result in self.results[:-1] if result.resource <= resource]
            return within[-1] if within and self.results[-1].resource > resource else self.results[-1]
        reached = (result for result in self.results if result.resource <= resource)
        return max(reached, key=lambda result: result.resource, default=None)

    def judged(self, judge: Judge, result: Result) -> Result:
        """Return a result of this trial, judged by the objectives and constraints in force.

        The first folds of a discarded trial may be easier than the others. Its loss is that of the trial which it was
        compared with, plus the mean difference on these folds.
        """
        judged = judge.judge(result, self.metrics, self.seconds, self.counts)
        if self.discard is None or result.epochs < self.epochs or not judged.values:
            return judged
        return replace(judged, values=(self.discard.loss, *judged.values[1:]))

    def take_in_discard(self, discard: Discard) -> int:
        """End the trial after its first folds, over which the metrics of its last epochs are.

        Returns:
            The number of epochs that all of these folds were trained.
        """
        self.discard = discard
        if not self.ahead:  # rebuilt from its record, which holds these epochs alone
            return 0
        known = len(self.metrics)
        seen = self.over_first_folds(discard.folds_per_repeat)
        self.metrics += seen.metrics[known:]
        self.seconds += seen.seconds[known:]
        self.replicates += seen.replicates[known:]
        self.ahead = {}
        return len(self.metrics) - known

    def over_first_folds(self, folds_per_repeat: int) -> "FirstFolds":
        """Return the epochs over the folds that are ahead of the others, as far as all of these were trained."""
        first = [self.ahead[fold] for fold in sorted(self.ahead)]
        epochs = range(min(map(len, first), default=0))
        replicates = [list(each[: len(first)]) for each in self.replicates]
        replicates += [[each[epoch][0] for each in first] for epoch in epochs]
        metrics = [mean_of_folds(each, folds_per_repeat) for each in replicates]
        seconds = [*self.seconds, *(math.fsum(each[epoch][1] for each in first) for epoch in epochs)]
        return FirstFolds(metrics, seconds, replicates)

    def latest(self, judge: Judge) -> Result:
        """Return the result of the trial as it is recorded: its last one, or that of all it was trained so far.

        A running trial counts as it was at its last rung.
        """
        if self.results and self.status in ("running", "paused"):
            return self.results[-1]
        so_far = Result(
            resource=self.target_resource,
            epochs=self.epochs,
            seconds=self.wall_seconds,
            clock=self.ended or 0.0,
            returned=self.returned,
        )
        return self.judged(judge, so_far)


def find_counts(known: Mapping[str, Any]) -> dict[str, float]:
    """Return the counts of a network among what is known of its trial, see ``Trial.counts``."""
    counts = {name: known[name] for name in ("params", "macs", "memory", MODEL_BYTES) if is_number(known.get(name))}
    latency = _find_latency(known)
    return counts if latency is None else {**counts, LATENCY: latency["median_ms"]}


def _find_latency(known: Mapping[str, Any]) -> dict[str, Any] | None:
    latency = known.get("latency")
    return latency if isinstance(latency, dict) and is_number(latency.get("median_ms")) else None
