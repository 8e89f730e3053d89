"""The study's trials, rebuilt from the journal by applying one event after the other.

Applying is pure: the same events give the same trials, be it while a search runs or when it is opened again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from metaopt.schedulers.decisions import Status
from metaopt.spaces import Vals
from metaopt.study.journal import Event
from metaopt.study.limits import Limit, is_number, violation
from metaopt.study.objective import Metrics, Objective

# Settings that decide whether there is more to find.
_ENDING = ("stop_after", "trials", "constraints", "grow", "phases", "fill", "sampler", "scheduler")


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


class Trials:
    """All trials of a study, by number, with what else its journal says.

    Attributes:
        header: the ``study`` event, what the study is; empty before the first.
        settings: the settings of the latest run.
        trials: every trial, by number.
        rejected: why proposals were rejected, reason → how many, over the whole study.
        signatures: of every network with its training settings that was ever trained.
        clock: seconds of search so far, summed over runs.
        spent: epochs that all trials have been trained, together.
        arrivals: trials in the order in which they came to rest, each with the rung that it reached, None for one that
            failed.
        arrivals_before: how many of them there were when the latest goal was set.
        exhausted: how many trials of its own the study had each time that nothing new was found in a phase.
        winding_up: why no more trials are begun; None while some are.
        finished: whether the latest run reached its goal.
    """

    def __init__(self, events: Iterable[Event] = ()):
        self.header: Event = {}
        self.settings: dict[str, Any] = {}
        self.trials: list[Trial] = []
        self.rejected: Counter[str] = Counter()
        self.signatures: set[str] = set()
        self.clock = 0.0
        self.spent = 0
        self.arrivals: list[tuple[int, Rung | None]] = []
        self.arrivals_before = 0
        self.exhausted: list[int] = []
        self.winding_up: str | None = None
        self.finished = False
        for event in events:
            self.apply(event)

    @cached_property
    def _handlers(self) -> dict[str, Any]:
        return {name.removeprefix("_on_"): getattr(self, name) for name in dir(self) if name.startswith("_on_")}

    def apply(self, event: Event) -> None:
        """Takes in the next event; an event of an unknown kind, from a later version, is passed over."""
        handler = self._handlers.get(event["event"])
        if handler is not None:
            handler(event)
        self.clock = max(self.clock, event.get("clock", 0.0))

    @property
    def running(self) -> list[Trial]:
        """Trials that are in training, by number."""
        return [trial for trial in self.trials if trial.status == "running"]

    @property
    def own(self) -> int:
        """How many trials of its own the study has, running ones included."""
        return sum(trial.is_own for trial in self.trials)

    def _on_study(self, event: Event) -> None:
        self.header = event

    def _on_run(self, event: Event) -> None:
        changed = {name for name in _ENDING if event["settings"].get(name) != self.settings.get(name)}
        if "phases" in changed:
            self.exhausted = []
        if self.finished or changed:
            self.winding_up = None
        self.settings = event["settings"]
        if self.finished:  # this run sets a new goal
            self.arrivals_before = len(self.arrivals)
        self.finished = False

    def _on_proposed(self, event: Event) -> None:
        vals = Vals(event["vals"], model_based=event["model_based"], parent=event.get("parent"))
        trial = Trial(event["trial"], vals, event["point"], event["to"], proposal=event["network"])
        trial.bracket = event.get("bracket")
        self.trials.append(trial)
        self.rejected.update(event["rejected"])
        if signature := event["network"].get("signature"):
            self.signatures.add(signature)

    def _on_rejected(self, event: Event) -> None:
        """The slow path's guard refused the network in the worker; its number is spent, and nothing else."""
        self.trials[event["trial"]].status = "rejected"
        self.rejected[event["reason"]] += 1

    def _on_epoch(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        if event["epoch"] == len(trial.metrics) + 1:  # the first line of an epoch stands
            trial.metrics.append(event["metrics"])
            trial.seconds.append(event["seconds"])
            self.spent += 1
            if event.get("replicates"):
                trial.replicates.append(event["replicates"])

    def _on_paused(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.status = "paused"
        self._take_in(trial, event)

    def _on_continued(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.status, trial.to = "running", event["to"]

    def _on_stopped(self, event: Event) -> None:
        self.trials[event["trial"]].status = "ok"

    def _on_ended(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.status = event["status"]
        trial.complete = event.get("complete", True)
        trial.failure = event.get("failure", {})
        self._take_in(trial, event)

    def _take_in(self, trial: Trial, event: Event) -> None:
        """What a job says at its end."""
        trial.spent += event["seconds"]
        trial.ended = event["clock"]
        trial.info = {**trial.info, **event.get("info", {})}
        before, trial.result = trial.epochs, event.get("result", {})
        self.spent += max(0, trial.epochs - before)  # of a user's own training, which reports no epochs one by one
        rung = None
        if trial.status != "fail":
            reached = trial.status == "paused" or trial.complete
            in_seconds = self.settings.get("budget_unit") == "seconds"
            resource = trial.to if reached else int(sum(trial.seconds)) if in_seconds else trial.epochs
            rung = Rung(resource, trial.epochs, trial.result, event["clock"], self.spent, trial.spent)
            trial.rungs.append(rung)
        self.arrivals.append((trial.number, rung))

    def _on_imported(self, event: Event) -> None:
        trial = Trial(len(self.trials), Vals(event["vals"]), event["point"], event["epochs"], imported=True)
        trial.status, trial.complete, trial.ended = event["status"], True, self.clock
        trial.metrics = event["metrics"]
        seconds = event.get("seconds", [])
        trial.seconds = seconds if len(seconds) == len(trial.metrics) else [0.0] * len(trial.metrics)
        trial.result, trial.info = event["result"], {"source": event["source"]}
        self.trials.append(trial)

    def _on_winding_up(self, event: Event) -> None:
        """No more trials are begun; those that are paused go on by the scheduler's cuts, as at the goal."""
        self.winding_up = event["reason"]

    def _on_refused(self, event: Event) -> None:
        """No proposal passed the guard within the bounded number of draws."""
        self.rejected.update(event["rejected"])
        if event.get("exhausted"):
            self.exhausted.append(self.own)

    def _on_done(self, event: Event) -> None:
        self.finished = bool(event["reason"])
