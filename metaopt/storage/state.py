"""The study's trials, rebuilt from the journal by applying one event after the other.

Applying is pure: the same events give the same trials, be it while a search runs or when it is opened again.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from metaopt.spaces import Vals
from metaopt.storage.journal import Event
from metaopt.trials.trial import Rung, Trial

# Settings that decide whether there is more to find.
_ENDING = ("stop_after", "trials", "constraints", "grow", "phases", "fill", "sampler", "scheduler")


class StudyState:
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
