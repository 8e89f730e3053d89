"""The search loop: asks the strategy when a worker is free, guards its proposals, journals the reports."""

import math
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaopt.engine import events
from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoint_retention import CheckpointRetention
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.job_factory import JobFactory
from metaopt.engine.jobs import (
    Epoch,
    EpochProgress,
    Executor,
    Failed,
    Finished,
    PointReads,
    Rejected,
    Remark,
    Report,
    TrainingOptions,
)
from metaopt.engine.phases import Phases
from metaopt.engine.proposer import Accepted, NothingPasses, Proposer
from metaopt.engine.search_patience import add_arrival, replayed_patience
from metaopt.engine.strategy import Strategy
from metaopt.engine.unread_watch import UnreadWatch
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.problems.mistakes import Mistake
from metaopt.schedulers import Continue, Fork, Start, Stop, Wait
from metaopt.storage.writer import StudyWriter
from metaopt.terminal.interruption import Interruption, first_interrupt_noted
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record, best_record
from metaopt.trials.trial import Trial

INTERRUPTED = (
    "Interrupted: the trials in training reach the end of their epoch, then the search ends. A second"
    " Ctrl-C ends it at once."
)
_LOOK_EVERY_S = 1.0  # seconds after which a waiting search looks for an interruption
SAME_FAILURES = 3  # in a row, after which the user is told
REJECTED_IN_A_ROW = 200  # networks rejected in the worker before the search gives up
SAME_REJECTIONS = 20  # of them for one cause, before any network was trained
_OF_SHAPES = re.compile("shape|size|dimension|negative|limit", re.IGNORECASE)  # causes that other points may avoid
_NUMBERS = re.compile(r"(?<!line )\b\d+(\.\d+)?\b")


@dataclass(frozen=True)
class StopCriteria:
    """Criteria that end a search besides its strategy.

    Attributes:
        seconds: time limit of this run, or None.
        stop_after: number of trials without an improvement, or None.
    """

    seconds: float | None = None
    stop_after: int | None = None


class Search:
    """One run of a search over an open study.

    Args:
        study: the study, open for writing.
        strategy: decides.
        executor: trains.
        guard: judges proposals.
        callback: is told what happens.
        goal: number of trials to train in all, or None.
        options: options of the run, which travel in every job.
        criteria: what ends the search besides its strategy.
        checkpoints: checkpoint directories.
        phases: phases of a search that grows, or None.
        fill: the share of its tightest constraint that a network is to use, or None.
        unread: watches which hyperparameters the trainings read, or None.
        clock: seconds, steadily growing.
    """

    def __init__(
        self,
        study: StudyWriter,
        strategy: Strategy,
        executor: Executor,
        guard: Guard,
        callback: Callback,
        *,
        goal: int | None,
        options: TrainingOptions,
        criteria: StopCriteria,
        checkpoints: Checkpoints,
        phases: Phases | None = None,
        fill: float | None = None,
        unread: UnreadWatch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._study = study
        self._state = study.state
        self._strategy = strategy
        self._executor = executor
        self._callback = callback
        self._goal = goal
        self._options = options
        self._criteria = criteria
        self._view = StudyView(study.state, study.space, options.seed, goal)
        self._proposer = Proposer(strategy, guard, study.space, self._view, phases, fill)
        self._phases = phases
        self._jobs = JobFactory(study.state, study.space, strategy, checkpoints, options)
        self._retention = CheckpointRetention(
            study, self._view, checkpoints, resource=options.resource, inherit=options.inherit
        )
        self._unread = unread
        self._clock = clock
        self._submitted: set[int] = set()
        self._interrupted: deque[Trial] = deque()
        self._deadline = math.inf if criteria.seconds is None else clock() + criteria.seconds
        self._best: Record | None = None
        self._patience = replayed_patience(study.state)
        self._last_causes: list[str] = []
        self._interruption: Interruption | None = None
        self._is_interruption_noted = False
        self._n_reports = 0
        self._remarks: set[str] = set()

    def run(self) -> None:
        """Search until the strategy is done, the time is over, or there is no improvement.

        In a command, the first Ctrl-C or SIGTERM lets the trials in training reach the end of their epoch.

        Raises:
            KeyboardInterrupt: The search was interrupted.
            UserError: No network of the space passes the guard, or the quota is too small for a single checkpoint.
            ResultsNotWritable: The journal could not be written; all earlier events are saved.
        """
        records = self._study.records
        self._best = best_record(records)
        self._callback.begin(self._goal, records, self._criteria.seconds)
        with self._executor, first_interrupt_noted() as self._interruption:
            self._sign_rebuilt_trials()
            self._interrupted.extend(self._state.running)  # by a crash, or the end of the time
            while (reason := self._fill()) is None:
                self._await_report()
            if self._interruption is not None and self._is_interrupted():
                self._interruption.finish()
        if not self._time_is_over():
            self._study.finish(reason)
        self._callback.end(reason)

    def _await_report(self) -> None:
        """Wait for a report, or the end of the time; note an interruption as soon as it comes."""
        if self._interruption is None:
            self._executor.wait(self._handle, timeout=self._remaining())
            return
        count = self._n_reports
        while self._n_reports == count and self._submitted and not self._time_is_over():
            left = self._remaining()
            self._executor.wait(self._handle, timeout=_LOOK_EVERY_S if left is None else min(left, _LOOK_EVERY_S))
            self._note_interruption()

    def _note_interruption(self) -> None:
        """Say once that the search ends after the current epochs."""
        if self._is_interrupted() and self._submitted and not self._is_interruption_noted:
            self._is_interruption_noted = True
            self._callback.note(INTERRUPTED)

    def _is_interrupted(self) -> bool:
        return self._interruption is not None and self._interruption.happened

    def _sign_rebuilt_trials(self) -> None:
        """Add the signatures of trials that were rebuilt from their records, which hold none."""
        for trial in self._state.trials:
            if trial.is_own and "signature" not in trial.proposal:
                self._state.signatures.update(self._proposer.signatures(trial.vals))

    def _fill(self) -> str | None:
        """Give every free worker a job; return the reason to end once there is none left and nothing runs."""
        stopped = False
        while not self._ends_early() and len(self._submitted) < self._executor.slots:
            if self._interrupted:
                self._resume(self._interrupted.popleft())
                continue
            if self._is_out_of_patience() and self._state.winding_up is None:
                if self._submitted:  # one of them may be an improvement
                    break
                self._wind_up(f"no better trial among the last {self._patience.count}")
            match self._strategy.next(self._view):
                case Start() as start:
                    self._start(start)
                case Fork() as fork:
                    self._fork(fork)
                case Continue(number) as resumption:
                    status = self._state.trials[number].status
                    if status != "paused":
                        raise RuntimeError(f"the strategy continued trial {number}, which is {status}, not paused")
                    self._study.append(events.continued(resumption))
                    self._record_left(resumption)
                    self._submit(self._state.trials[number])
                case Stop(number) as stop:
                    self._study.append(events.stopped(stop))
                    self._study.write_record(self._state.trials[number])
                    stopped = True  # there may be many in a row, after which the folder is cleared once
                case Wait() if not self._submitted:
                    raise RuntimeError("the strategy waits although nothing runs")
                case _:
                    break
        if stopped:
            self._retention.clear(self._best)
        if self._time_is_over():
            return "the time is over; run again to resume"
        if self._submitted:
            return None
        if self._is_interrupted():
            return "it was interrupted; run again to resume"
        return self._state.winding_up or "all trials are done"

    def _start(self, decision: Start) -> None:
        """Start a new trial with the first proposal that passes the guard."""
        try:
            accepted = self._proposer.accept(decision, self._state.signatures)
        except NothingPasses as nothing:
            self._give_up_phase(nothing)
            return
        self._propose(decision, accepted)

    def _fork(self, decision: Fork) -> None:
        """Start a new trial from the state of another one."""
        source = self._state.trials[decision.trial]
        if source.status not in ("paused", "ok") or source.imported or not source.epochs:
            status = "imported" if source.imported else source.status
            raise RuntimeError(f"the strategy forked trial {source.number}, which is {status}: it has no state")
        accepted = self._proposer.accept_fork(decision.vals)
        self._propose(decision, accepted, fork={"trial": source.number, "epochs": source.epochs})

    def _propose(self, decision: Start | Fork, accepted: Accepted, **more: Any) -> None:
        number = self._view.number
        self._study.append({**events.proposed(number, decision, accepted), **more})
        if isinstance(decision, Start):
            self._record_left(decision)
        self._submit(self._state.trials[number])

    def _record_left(self, decision: Start | Continue) -> None:
        """Update the records of the trials that a decision left at their rungs."""
        for number, _ in decision.left:
            self._study.write_record(self._state.trials[number])

    def _give_up_phase(self, nothing: NothingPasses) -> None:
        """Begin the next phase, or wind the search up, where every network that passes was trained.

        Raises:
            UserError: No network passes at all.
        """
        phase = self._phase()
        rejected = dict(nothing.rejected)
        self._study.append({"event": "refused", "rejected": rejected, "exhausted": nothing.is_exhausted})
        if not nothing.is_exhausted:
            raise nothing.explain() from None
        if self._phase() > phase:
            self._callback.note(f"Every network of phase {phase + 1} was trained; phase {phase + 2} begins.")
        elif self._state.refusals and not self._has_trained():
            raise UserError(f"No network was trained. {self._explain_refusals()}")
        else:
            self._wind_up("the space is exhausted: every network that meets the constraints was trained")

    def _wind_up(self, reason: str) -> None:
        """Start no more trials; those that are paused resume, as at the end of any search."""
        self._study.append({"event": "winding_up", "reason": reason})

    def _phase(self) -> int:
        """Return the phase of the next new trial, from 0."""
        return 0 if self._phases is None else self._phases.phase(self._view)

    def _resume(self, trial: Trial) -> None:
        """Resume an interrupted trial; it ends if it was interrupted just when it should have been stopped."""
        epochs = len(trial.metrics)
        is_between_rungs = epochs > (trial.results[-1].epochs if trial.results else trial.copied_epochs)
        if is_between_rungs and self._exceeds_loss_bound(trial, epochs, trial.metrics[-1]):
            self._handle(Finished(trial.number, complete=False))
        else:
            self._submit(trial)

    def _submit(self, trial: Trial) -> None:
        target = None if self._options.unit == "seconds" else trial.target_resource
        self._callback.trial_started(trial.number, target, trial.proposal.get("params"), trial.proposal.get("macs"))
        self._executor.submit(self._jobs.job(trial))
        self._submitted.add(trial.number)

    def _handle(self, report: Report) -> bool:
        """Journal a report; for an epoch, return whether the trial trains on."""
        trial = self._state.trials[report.trial]
        self._n_reports += 1
        match report:
            case Epoch():
                if report.epoch > trial.epochs:
                    self._study.append(events.epoch_trained(report))
                self._callback.epoch(report)
                over = self._ends_early() or self._exceeds_loss_bound(trial, report.epoch, report.metrics)
                return not (over or self._jobs.has_reached_target(trial, report.epoch))
            case EpochProgress():
                self._callback.epoch_progress(report)
                return True
            case Remark():
                if report.text not in self._remarks:  # each worker finds the same machine
                    self._remarks.add(report.text)
                    self._callback.note(report.text)
                return True
            case PointReads():
                self._watch_reads(report)
                return True
            case Rejected():
                self._submitted.discard(report.trial)
                self._reject(report)
            case Finished(complete=False) if self._is_to_resume(trial):
                self._submitted.discard(report.trial)  # it resumes when the search does
            case Finished() | Failed():
                self._submitted.discard(report.trial)
                self._study.append(self._end_event(trial, report))
                self._came_to_rest(trial)
                if isinstance(report, Failed) and report.mistake and not self._has_trained():
                    raise Mistake(report.mistake)
        return False

    def _watch_reads(self, report: PointReads) -> None:
        """Note hyperparameters that the first trials have not read, and leave them out of figures."""
        if self._unread is None or (unread := self._unread.add(report)) is None:
            return
        for text in self._unread.describe(unread):
            self._callback.note(text)
        self._study.append(events.unread([*self._state.unread, *unread.keys]))

    def _is_to_resume(self, trial: Trial) -> bool:
        """Return whether a training ended before its target because this run ends."""
        return self._ends_early() and not self._jobs.has_reached_target(trial, trial.epochs)

    def _end_event(self, trial: Trial, report: Finished | Failed) -> dict[str, Any]:
        """Return the event of a job's end: the trial has ended, or the scheduler has it pause."""
        if isinstance(report, Failed):
            return events.failed(report)
        epochs = report.returned.get("epochs", trial.epochs or trial.target_resource)
        reached = self._jobs.has_reached_target(trial, epochs)
        if reached and self._strategy.pauses(trial):
            return events.paused(report)
        return events.ended(report, complete=report.complete or reached)

    def _exceeds_loss_bound(self, trial: Trial, epoch: int, metrics: Metrics) -> bool:
        if self._options.loss_based_stopping is None:
            return False
        others = (other.metrics for other in self._state.trials if other.number != trial.number)
        return self._options.loss_based_stopping.is_exceeded(epoch, metrics, others)

    def _reject(self, report: Rejected) -> None:
        self._study.append(
            {"event": "rejected", "trial": report.trial, "reason": report.reason, "detail": report.detail}
        )
        self._callback.trial_rejected(report.trial, report.detail)
        tail = self._state.trials[-REJECTED_IN_A_ROW:]
        if len(tail) == REJECTED_IN_A_ROW and all(trial.status == "rejected" for trial in tail):
            in_a_row = f"{REJECTED_IN_A_ROW} in a row were rejected"
            raise UserError(f"No network of the space passes: {in_a_row}. {self._explain_refusals()}")
        last = {_NUMBERS.sub("#", text) for text in self._state.refusals[-SAME_REJECTIONS:]}
        is_of_point = len(last) > 1 or any(_OF_SHAPES.search(text) for text in last)
        if len(self._state.refusals) >= SAME_REJECTIONS and not is_of_point and not self._has_trained():
            raise UserError(f"No network was trained. {self._explain_refusals()}")

    def _has_trained(self) -> bool:
        """Return whether any trial was trained for an epoch, or returned a result."""
        return any(trial.epochs or trial.results for trial in self._state.trials)

    def _explain_refusals(self) -> str:
        """Return why the worker rejected networks: the one cause, or the most frequent ones."""
        refusals = self._state.refusals
        kinds = Counter(_NUMBERS.sub("#", text) for text in refusals)
        latest = {_NUMBERS.sub("#", text): text for text in refusals}
        if len(kinds) == 1:
            return f"All {len(refusals)} that were proposed were rejected for one cause: {refusals[-1]}"
        causes = " ".join(f"{count} times: {latest[kind]}" for kind, count in kinds.most_common(3))
        return f"The most frequent causes: {causes}"

    def _came_to_rest(self, trial: Trial) -> None:
        """Update the records after a trial ended or paused."""
        record = self._study.write_record(trial)
        self._best = self._best_with(record)
        add_arrival(self._patience, self._state, len(self._state.arrivals) - 1)
        self._retention.clear(self._best)
        self._callback.trial_ended(record, self._best)
        self._last_causes = [*self._last_causes, trial.failure.get("cause", "")][-SAME_FAILURES:]
        if self._last_causes == [trial.failure.get("cause")] * SAME_FAILURES:
            self._callback.note(
                f"{SAME_FAILURES} trials in a row failed with the same cause ({trial.failure['cause']}):"
                f" {trial.failure['error']}"
            )

    def _best_with(self, record: Record) -> Record | None:
        """Return the best record, given a new one of a trial whose earlier one, at a rung, counts no more."""
        if self._best is None or self._best.trial != record.trial:
            return best_record([record] if self._best is None else [self._best, record])
        best = best_record(self._study.records)
        return record if best is not None and best.trial == record.trial else best

    def _remaining(self) -> float | None:
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - self._clock())

    def _ends_early(self) -> bool:
        """Return whether the run ends before the search is done."""
        return self._time_is_over() or self._is_interrupted()

    def _time_is_over(self) -> bool:
        return self._clock() >= self._deadline

    def _is_out_of_patience(self) -> bool:
        limit = self._criteria.stop_after
        return limit is not None and self._patience.has_best and self._patience.count >= limit
