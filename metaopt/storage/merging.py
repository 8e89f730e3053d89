"""Merging the valid lines of a damaged journal with the records of its trials."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from metaopt.storage.journal_lines import Event
from metaopt.storage.rebuilding import Rebuilt, lost_trial, rebuilt_import, rebuilt_jobs, rebuilt_proposal
from metaopt.storage.salvage import Stretch
from metaopt.storage.state import MISFITS, StudyState
from metaopt.storage.versions import NewerStudy
from metaopt.trials.record import Record
from metaopt.trials.record_fields import is_fork
from metaopt.trials.trial import Trial


class Merger:
    """Makes a journal that can be replayed of stretches of another one and of records.

    Events are taken over where they stood. A trial that was not at rest where events are missing is completed from its
    record; what the record covers is not taken over from later lines, except for facts that records lack. Events that
    do not fit are left out: a trial whose end is lost then runs again, and resumes from its checkpoint.

    Args:
        stretches: the valid events of the old journal.
        records: records by trial.

    Attributes:
        events: the new journal.
        state: the state that it gives.
        kept: number of events taken over.
        rebuilt: trials of which at least a part comes from their record.
        lost: trials of which nothing is known; their numbers stay used.
        dropped: trial, or None for other events → number of valid events that could not be used.
    """

    def __init__(self, stretches: Sequence[Stretch], records: Mapping[int, Record]):
        self.events: list[Event] = []
        self.state = StudyState()
        self.kept = 0
        self.rebuilt: set[int] = set()
        self.lost: set[int] = set()
        self.dropped: dict[int | None, int] = {}
        self._stretches = stretches
        self._records = dict(records)
        self._proposals: dict[int, Event] = {}
        self._details: dict[int, list[Event]] = {}
        self._jobs: dict[int, deque[Rebuilt]] = {}  # of trials that are completed from their record
        self._doubtful: set[int] = set()  # trials of which an event may be missing
        for event in (event for stretch in stretches for event in stretch.events):
            number = event.get("trial")
            if event["event"] == "proposed" and isinstance(number, int):
                self._proposals.setdefault(number, event)
            elif isinstance(number, int):
                self._details.setdefault(number, []).append(event)

    def merge(self, header: Sequence[Event]) -> None:
        """Merge; the attributes then hold the outcome.

        Args:
            header: header and settings, for a journal that lost its own.

        Raises:
            NewerStudy: A later version wrote the journal.
        """
        expected = 0
        for stretch in self._stretches:
            if stretch.first != expected:
                self._miss_events()
            expected = stretch.first + len(stretch.events)
            for event in stretch.events:
                if not self.state.header and event["event"] != "study":
                    self._begin(header)
                self._take(event)
        if not self.state.header:
            self._begin(header)
        self._miss_events()
        self._propose_until(max((*self._records, *self._proposals), default=-1) + 1)
        self._add_jobs_until(math.inf)
        self._leave_unfinished()

    def _begin(self, header: Sequence[Event]) -> None:
        for event in header:
            self._add(event)

    def _take(self, event: Event) -> None:
        """Take an event of the old journal over, after what records hold of the time before it."""
        clock = event.get("clock")
        if isinstance(clock, int | float):
            self._add_jobs_until(clock)
        kind, number = event["event"], event.get("trial")
        if kind == "imported":
            self._propose_until(self._number_of_import(event))
            self._keep(event)
        elif not isinstance(number, int):
            self._keep(event)
        elif kind == "proposed":
            self._propose_until(number + 1)
        elif number in self._jobs and _covers(self._records[number], event):
            pass  # the record has it
        else:
            self._propose_until(number + 1)
            self._add_jobs_of(number)
            if number in self._doubtful and not self._follows(event, self.state.trials[number]):
                self._drop(number)
            else:
                self._keep(event)

    def _keep(self, event: Event) -> bool:
        """Append an event of the old journal; return whether it fits."""
        try:
            self._add(event)
        except NewerStudy:
            raise
        except MISFITS:
            self.state = StudyState(self.events)  # it may have been applied in part
            self._drop(event.get("trial"))
            self._miss_events()
            return False
        self.kept += 1
        return True

    def _add(self, event: Event) -> None:
        """Append an event.

        Raises:
            NewerStudy: A later version wrote it.
            ValueError: It does not fit those before it; or another of ``MISFITS``.
        """
        self.state.apply(event, is_replay=True)
        self.events.append(event)

    def _drop(self, number: Any) -> None:
        number = number if isinstance(number, int) else None
        self.dropped[number] = self.dropped.get(number, 0) + 1

    def _miss_events(self) -> None:
        """Note that events are missing here: from now on, trials that are not at rest are completed from records."""
        trials = self.state.trials
        for trial in trials:
            if not trial.is_settled:
                self._doubt(trial.number, trial)
        for number in self._records:
            if number >= len(trials) and number not in self._proposals:
                self._doubt(number, None)

    def _doubt(self, number: int, known: Trial | None) -> None:
        """Complete a trial from its record, if that is ahead of what is known."""
        self._doubtful.add(number)
        record = self._records.get(number)
        if record is None or record.imported or number in self._jobs:
            return
        if known is None or is_record_ahead(record, known):
            self._jobs[number] = deque(rebuilt_jobs(record, known, self._details.get(number, ())))

    def _propose_until(self, end: int) -> None:
        """Start all trials below a number that were not started yet."""
        for number in range(len(self.state.trials), end):
            event, record = self._proposals.get(number), self._records.get(number)
            if event is not None and self._can_fork(event.get("fork")) and self._keep(event):
                continue
            if record is not None and not self._can_fork(record.fork):
                record = self._records[number] = replace(record, fork=None)
                self._jobs.pop(number, None)
            self._doubt(number, None)
            if record is None:
                for each in lost_trial(number):
                    self._add(each)
                self.lost.add(number)
            else:
                self._add(rebuilt_import(record) if record.imported else rebuilt_proposal(number, record))
                self.rebuilt.add(number)

    def _can_fork(self, fork: Any) -> bool:
        """Return whether the epochs that a fork copies are known, after they were completed from the record."""
        if fork is None:
            return True
        trials = self.state.trials
        if not is_fork(fork) or max(each["trial"] for each in (fork, fork.get("mate") or fork)) >= len(trials):
            return False
        number, epochs = fork["trial"], fork["epochs"]
        while self._jobs.get(number) and len(trials[number].metrics) < epochs:
            self._add_jobs_until(self._jobs[number][0][0], below=len(trials))
        return trials[number].epochs >= epochs

    def _add_jobs_until(self, clock: float, below: float = math.inf) -> None:
        """Add the jobs from records that ended until a time, in their order, of the trials below a number."""
        while first := [(jobs[0][0], number) for number, jobs in self._jobs.items() if jobs and number < below]:
            ended, number = min(first)
            if ended > clock:
                return
            self._add_job(number)

    def _add_jobs_of(self, number: int) -> None:
        while self._jobs.get(number):
            self._add_job(number)

    def _add_job(self, number: int) -> None:
        _, events = self._jobs[number].popleft()
        self._propose_until(number + 1)
        for event in events:
            self._add(event)
            if any(event is each for each in self._details.get(number, ())):
                self.kept += 1
            else:
                self.rebuilt.add(number)

    def _number_of_import(self, event: Event) -> int:
        """Return the number of an imported trial, which its event does not tell."""
        for number in sorted(self._records):
            record = self._records[number]
            is_it = record.imported and record.source == event.get("source") and dict(record.vals) == event.get("vals")
            if is_it and number >= len(self.state.trials):
                return number
        return len(self.state.trials)

    def _follows(self, event: Event, trial: Trial) -> bool:
        """Return whether an event is the next one of a trial, of which events may be missing."""
        kind, in_seconds = event["event"], self.state.settings.get("budget_unit") == "seconds"
        is_at_target = trial.epochs == trial.target_resource and not in_seconds
        if kind == "epoch":
            is_next = event.get("epoch") == len(trial.metrics) + 1 and (in_seconds or not is_at_target)
            if trial.status == "running" and is_next:
                self._doubtful.discard(trial.number)
                return True
            return False
        if kind == "fold":
            n_known = len(trial.metrics) + len(trial.ahead.get(event.get("fold", 0), ()))
            return trial.status == "running" and event.get("epoch") == n_known + 1 and not is_at_target
        if kind in ("paused", "ended"):
            is_alone = not trial.metrics and not trial.results and "loss" in (event.get("result") or {})
            return trial.status == "running" and (
                is_at_target or is_alone or event.get("discarded") or event.get("status") == "fail"
            )
        if kind == "rejected":
            return trial.status == "running" and not trial.metrics
        return trial.status == "paused"  # continued or stopped

    def _leave_unfinished(self) -> None:
        """Remove the event that the goal was reached, where trials are lost or run again."""
        if self.state.finished and (self.state.running or self.lost):
            self.events = [
                event
                for place, event in enumerate(self.events)
                if event["event"] != "done" or any(later["event"] == "run" for later in self.events[place:])
            ]
            self.state = StudyState(self.events)


def is_record_ahead(record: Record, trial: Trial) -> bool:
    """Return whether a record is of a later state of its trial than a journal has."""
    if trial.status not in ("running", "paused"):
        return False
    has_ended = not record.paused and (trial.status == "paused" or not trial.results or record.status == "fail")
    return has_ended or len(record.results) > len(trial.results)


def _covers(record: Record, event: Event) -> bool:
    """Return whether a record holds what an event of its trial tells."""
    match event["event"]:
        case "epoch":
            return bool(record.history) and event.get("epoch", 0) <= record.epochs
        case "fold":
            return bool(record.history) and event.get("epoch", 0) <= record.epochs
        case "continued":
            return event.get("to", 0) <= record.resource
        case "stopped":
            return not record.paused
        case "paused" | "ended":
            return event.get("clock", 0.0) <= (record.ended or 0.0)
        case _:
            return False
