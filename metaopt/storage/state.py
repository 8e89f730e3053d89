"""State of a study, rebuilt from the journal by applying one event after the other.

Applying is pure: the same events give the same state, during a search and when its study is opened again.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from metaopt.storage.event_fields import WrongField, check_fields
from metaopt.storage.journal import Event, Scan, damaged
from metaopt.storage.trial_events import (
    add_decisions,
    end_job,
    imported_trial,
    known_points,
    proposed_trial,
    reached_result,
)
from metaopt.storage.versions import SCHEMA, newer_study
from metaopt.trials.discard import Discard
from metaopt.trials.growth import constraints_in_force
from metaopt.trials.knowledge import Knowledge
from metaopt.trials.objective import find_objectives
from metaopt.trials.result import Judge, Result
from metaopt.trials.trial import Trial
from metaopt.values.value_identity import sign_draw

# Settings that decide whether there is more to find.
_ENDING = ("stop_after", "trials", "constraints", "grow", "phases", "fill", "sampler", "scheduler")

# Errors of an event that refers to what is not there.
MISFITS = (WrongField, KeyError, IndexError, TypeError, AttributeError, ValueError)


class StudyState:
    """All trials of a study, by number, and the other facts in its journal.

    Attributes:
        header: the ``study`` event: fingerprint, objective, seed, …; empty before the first.
        settings: settings of the latest run.
        function: digest of the Python function of the latest run; None without one, or in studies of earlier versions.
        environment: software and threads of the latest run; empty in studies of earlier versions.
        trials: every trial, by number.
        rejected: number of rejected proposals by reason, over the whole study.
        refusals: why the worker's guard rejected each of these networks.
        unread: hyperparameters that have no effect, as paths in the point.
        knowledge: what was known before the search, or before one of its runs.
        signatures: digest of every network with its training settings that was ever trained, and of every draw.
        clock: seconds of search so far, summed over runs.
        total_epochs: number of epochs that all trials have been trained, together.
        arrivals: trials in the order in which they came to rest, each with the index of its result there, None for one
            that failed.
        arrivals_before: number of arrivals when the latest goal was set.
        changes: numbers of trials in the order in which their status changed, imported ones included; from it an index
            learns what is new without a look at thousands of trials.
        exhausted: number of own trials each time that nothing new was found in a phase.
        winding_up: why no more trials are started; None while some are.
        finished: whether the latest run reached its goal.
        version: version of metaopt that wrote the latest run, or None.
    """

    def __init__(self, events: Iterable[Event] = ()):
        self.header: Event = {}
        self.function: str | None = None
        self.environment: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.trials: list[Trial] = []
        self.rejected: Counter[str] = Counter()
        self.refusals: list[str] = []
        self.unread: frozenset[str] = frozenset()
        self.knowledge: list[Knowledge] = []
        self.signatures: set[str] = set()
        self.clock = 0.0
        self.total_epochs = 0
        self.arrivals: list[tuple[int, int | None]] = []
        self.arrivals_before = 0
        self.changes: list[int] = []
        self.exhausted: list[int] = []
        self.winding_up: str | None = None
        self.finished = False
        self.version: str | None = None
        self._running: set[int] = set()
        self._n_other = 0  # imported or rejected
        self._judge: Judge | None = None
        for event in events:
            self.apply(event)

    @cached_property
    def _handlers(self) -> dict[str, Any]:
        return {name.removeprefix("_on_"): getattr(self, name) for name in dir(self) if name.startswith("_on_")}

    @classmethod
    def replay(cls, scan: Scan) -> "StudyState":
        """Return the state that the events of a journal give.

        Raises:
            DamagedJournal: A line cannot be read, or is not an event that fits those before it.
            NewerStudy: A later version wrote it.
        """
        state = cls()
        state.read(scan)
        return state

    def read(self, scan: Scan) -> None:
        """Apply the events of a journal that the scan has not yielded yet.

        Raises:
            DamagedJournal: A line cannot be read, or is not an event that fits those before it.
            NewerStudy: A later version wrote it.
        """
        for event in scan:
            try:
                self.apply(event, is_replay=True)
            except MISFITS as error:
                reason = error if isinstance(error, WrongField) else "it does not fit the lines before it"
                raise damaged(scan.path, scan.events, str(reason)) from error

    def apply(self, event: Event, *, is_replay: bool = False) -> None:
        """Apply the next event.

        Args:
            event: the event.
            is_replay: whether it comes from a file, so that its fields must be checked.

        Raises:
            NewerStudy: A later version wrote it.
            WrongField: A field is missing or of another type.
        """
        handler = self._handlers.get(event["event"])
        if handler is None or ("schema" in event and event["schema"] not in range(1, SCHEMA + 1)):
            raise newer_study(event, self.version or self.header.get("version"))
        if is_replay:
            check_fields(event, has_header=bool(self.header))
            if event["event"] == "proposed" and event["trial"] != len(self.trials):
                raise WrongField(f"it starts trial {event['trial']}, not {len(self.trials)}")
        handler(event)
        self.clock = max(self.clock, event.get("clock", 0.0))

    @property
    def judge(self) -> Judge:
        """The judge of results, by the study's objective and the constraints of its latest run.

        Raises:
            UserError: The objective or a constraint is unknown to this version.
        """
        if self._judge is None:
            constraints = constraints_in_force(self.settings.get("constraints", ()), self.settings.get("grow"))
            objectives = self.header.get("objectives") or [self.header["objective"]]
            self._judge = Judge(find_objectives(objectives), constraints)
        return self._judge

    @property
    def running(self) -> list[Trial]:
        """Running trials, by number."""
        return [self.trials[number] for number in sorted(self._running)]

    @property
    def has_begun(self) -> bool:
        """Whether a trial is running, imported or was trained for an epoch: whether there is something to lose."""
        ended_early = ("rejected", "fail")
        return any(trial.status not in ended_early or trial.epochs or trial.imported for trial in self.trials)

    @property
    def has_trained(self) -> bool:
        """Whether any trial was trained for an epoch, or returned a result."""
        return any(trial.epochs or trial.results for trial in self.trials)

    @property
    def n_own(self) -> int:
        """Number of the study's own trials, running ones included."""
        return len(self.trials) - self._n_other

    def arrival(self, index: int) -> tuple[Trial, Result | None]:
        """Return a trial that came to rest, and its result there; None where it failed."""
        number, place = self.arrivals[index]
        trial = self.trials[number]
        return trial, None if place is None else trial.results[place]

    def _note_change(self, trial: Trial) -> None:
        """Note that the status of a trial changed."""
        (self._running.add if trial.status == "running" else self._running.discard)(trial.number)
        self.changes.append(trial.number)

    def _on_study(self, event: Event) -> None:
        self.header = event
        self.function = event.get("fingerprint", {}).get("function")
        self._judge = None

    def _on_run(self, event: Event) -> None:
        self.version = event.get("version")
        changed = {name for name in _ENDING if event["settings"].get(name) != self.settings.get(name)}
        if "phases" in changed:
            self.exhausted = []
        if self.finished or changed:
            self.winding_up = None
        self.settings = event["settings"]
        self.function = event.get("function", self.function)
        self.environment = event.get("environment", self.environment)
        if changed & {"constraints", "grow"}:
            self._judge_again()
        if self.finished:  # this run sets a new goal
            self.arrivals_before = len(self.arrivals)
        self.finished = False

    def _judge_again(self) -> None:
        """Judge every result by the constraints of the new run."""
        self._judge = None
        for trial in self.trials:
            if trial.results:
                trial.results = [trial.judged(self.judge, result) for result in trial.results]

    def _on_proposed(self, event: Event) -> None:
        self.trials.append(proposed_trial(event, self.trials))
        self._note_change(self.trials[-1])
        add_decisions(self.trials, "started", event, self.total_epochs)
        self.rejected.update(event["rejected"])
        if signature := event["network"].get("signature"):
            self.signatures.add(signature)
        self.signatures.add(sign_draw(event["vals"]))  # earlier versions signed by the `repr` of options

    def _on_rejected(self, event: Event) -> None:
        """Mark a trial whose network the worker's guard rejected; only its number stays used."""
        trial = self.trials[event["trial"]]
        self._n_other += trial.status != "rejected"
        trial.status = "rejected"
        self._note_change(trial)
        self.rejected[event["reason"]] += 1
        self.refusals.append(str(event.get("detail", event["reason"])))

    def _on_epoch(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        if event["epoch"] == len(trial.metrics) + 1:  # the first line of an epoch counts
            if self.environment and (not trial.stretches or trial.stretches[-1][1] != self.environment):
                trial.stretches.append((event["epoch"], self.environment))
            trial.metrics.append(event["metrics"])
            trial.seconds.append(event["seconds"])
            self.total_epochs += 1
            if event.get("replicates"):
                trial.replicates.append(event["replicates"])
            trial.ahead = {fold: each[1:] for fold, each in trial.ahead.items() if each[1:]}

    def _on_fold(self, event: Event) -> None:
        """Take in an epoch of one fold; the first line of it counts."""
        trial = self.trials[event["trial"]]
        known = trial.ahead.get(event["fold"], [])
        if event["epoch"] == len(trial.metrics) + len(known) + 1:
            trial.ahead[event["fold"]] = [*known, (event["metrics"], event["seconds"])]

    def _on_paused(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.status = "paused"
        self._add_result(trial, event)
        self._note_change(trial)

    def _on_continued(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.status, trial.target_resource = "running", event["to"]
        add_decisions(self.trials, "resumed", event, self.total_epochs)
        self._note_change(trial)

    def _on_stopped(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.status = "ok"
        self._note_change(trial)
        add_decisions(self.trials, "ended", event, self.total_epochs)

    def _on_ended(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        if discarded := event.get("discarded"):  # the share of its folds counts as trained
            discard = Discard.from_json(discarded)
            self.total_epochs += trial.take_in_discard(discard) * discard.folds // max(1, discard.of)
        trial.status = event["status"]
        trial.complete = event.get("complete", True)
        trial.failure = event.get("failure", {})
        self._add_result(trial, event)
        self._note_change(trial)

    def _add_result(self, trial: Trial, event: Event) -> None:
        """Add the result of a job that ended."""
        before = max(trial.epochs, trial.copied_epochs)
        end_job(trial, event)
        self.total_epochs += max(0, trial.epochs - before)  # of a user's own training that reports no epochs
        place = None
        if trial.status != "fail":
            in_seconds = self.settings.get("budget_unit") == "seconds"
            result = reached_result(trial, total_epochs=self.total_epochs, in_seconds=in_seconds)
            place = len(trial.results)
            trial.results.append(trial.judged(self.judge, result))
        self.arrivals.append((trial.number, place))

    def _on_imported(self, event: Event) -> None:
        self.trials.append(imported_trial(event, len(self.trials), self.clock))
        self._n_other += 1
        self._note_change(self.trials[-1])

    def _on_winding_up(self, event: Event) -> None:
        """Start no more trials; the scheduler promotes or stops paused ones as at the goal."""
        self.winding_up = event["reason"]

    def _on_known(self, event: Event) -> None:
        self.knowledge.append(known_points(event, self.n_own))

    def _on_unread(self, event: Event) -> None:
        """Take in the hyperparameters that have no effect, as paths in the point."""
        self.unread = frozenset(map(str, event["keys"]))

    def _on_refused(self, event: Event) -> None:
        """Count the rejections of draws of which none passed the guard."""
        self.rejected.update(event["rejected"])
        if event.get("exhausted"):
            self.exhausted.append(self.n_own)

    def _on_done(self, event: Event) -> None:
        self.finished = bool(event["reason"])
