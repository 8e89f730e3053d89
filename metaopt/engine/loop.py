"""The search loop: asks the strategy when a worker is free, guards what it proposes, journals what comes back."""

import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaopt.engine.callbacks import Watcher
from metaopt.engine.checkpoint_retention import Keeping
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.job_factory import Assigning, JobSettings
from metaopt.engine.jobs import Epoch, Executor, Failed, Finished, Rejected, Remark, Report
from metaopt.engine.phases import Growing
from metaopt.engine.proposer import NothingPasses, Proposer
from metaopt.engine.staleness import Staleness
from metaopt.engine.strategy import Strategy
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.schedulers import Continue, Start, Stop, Wait
from metaopt.storage.writer import OpenStudy
from metaopt.trials.constraints import unwrapped
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record, best_record
from metaopt.trials.stopping import is_hopeless
from metaopt.trials.trial import Trial

SAME_FAILURES = 3  # in a row, and the user is told
REJECTED_IN_A_ROW = 200  # networks refused in the worker, on the slow path, before the search gives up


@dataclass(frozen=True)
class Ending:
    """What ends a search besides its strategy.

    Attributes:
        seconds: of this run, or None.
        stop_after: trials without a better one, or None.
    """

    seconds: float | None = None
    stop_after: int | None = None


class Search:
    """One run of a search over an open study."""

    def __init__(
        self,
        study: OpenStudy,
        strategy: Strategy,
        executor: Executor,
        guard: Guard,
        watch: Watcher,
        *,
        goal: int | None,
        jobs: JobSettings,
        ending: Ending,
        checkpoints: Checkpoints,
        growing: Growing | None = None,
        fill: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._study = study
        self._strategy = strategy
        self._executor = executor
        self._watch = watch
        self._goal = goal
        self._jobs = jobs
        self._ending = ending
        self._view = StudyView(study.state, study.space, study.objective, study.limits, jobs.seed, goal)
        self._proposer = Proposer(strategy, guard, study.space, self._view, growing, fill)
        self._growing = growing
        self._assigning = Assigning(study, strategy, guard, checkpoints, jobs)
        self._keeping = Keeping(study, self._view, checkpoints, resource=jobs.resource, inherit=jobs.inherit)
        self._clock = clock
        self._submitted: set[int] = set()
        self._interrupted: deque[Trial] = deque()
        self._deadline = math.inf if ending.seconds is None else clock() + ending.seconds
        self._best: Record | None = None
        self._staleness = Staleness.of(study.state, study.objective, study.limits)
        self._last_causes: list[str] = []

    def run(self) -> None:
        """Searches until the strategy is done, the time is over, or nothing better comes.

        Raises:
            UserError: no network of the space passes the guard, or the quota holds not even one checkpoint.
            ResultsNotWritable: the journal could not be written; what was finished before is saved.
        """
        records = self._study.records
        self._best = best_record(records)
        if self._study.state.winding_up is not None:
            self._view.goal = 0
        self._watch.begin(self._goal, records, self._ending.seconds)
        with self._executor:
            self._interrupted.extend(self._study.state.running)  # by a crash, or the end of the time
            while (reason := self._fill()) is None:
                self._executor.wait(self._handle, timeout=self._remaining())
        if not self._time_is_over():
            self._study.finish(reason)
        self._watch.end(reason)

    def _fill(self) -> str | None:
        """Gives every free worker something to do; the reason to end, once there is nothing left and nothing runs."""
        stopped = False
        while not self._time_is_over() and len(self._submitted) < self._executor.slots:
            if self._interrupted:
                self._go_on(self._interrupted.popleft())
                continue
            if self._is_stale() and self._study.state.winding_up is None:
                if self._submitted:  # one of them may be a better one
                    break
                self._wind_up(f"no better trial among the last {self._staleness.count}")
            match self._strategy.next(self._view):
                case Start() as start:
                    self._start(start)
                case Continue(number, to):
                    self._study.append({"event": "continued", "trial": number, "to": to})
                    self._submit(self._study.state.trials[number])
                case Stop(number):
                    self._study.append({"event": "stopped", "trial": number})
                    self._study.write_record(self._study.state.trials[number])
                    stopped = True  # many in a row, after which the folder is looked through once
                case Wait() if not self._submitted:
                    raise RuntimeError("the strategy waits while nothing runs: it would wait for ever")
                case _:
                    break
        if stopped:
            self._keeping.clear(self._best)
        if self._time_is_over():
            return "the time is over; run again to go on"
        if self._submitted:
            return None
        return self._study.state.winding_up or "all trials are done"

    def _start(self, decision: Start) -> None:
        """Starts a new trial with the first proposal that passes the guard."""
        try:
            accepted = self._proposer.accept(decision, self._study.state.signatures)
        except NothingPasses as nothing:
            phase = self._phase()
            self._study.append({"event": "refused", "rejected": dict(nothing.rejected), "exhausted": nothing.exhausted})
            if not nothing.exhausted:
                raise nothing.explain() from None
            if self._phase() > phase:
                self._watch.note(f"every network of phase {phase + 1} was trained, so phase {phase + 2} begins.")
                return
            self._wind_up("the space is exhausted: every network of it that keeps the limits was trained")
            return
        number = self._view.number
        self._study.append(
            {
                "event": "proposed",
                "trial": number,
                "vals": dict(accepted.vals),
                "point": plain(accepted.point),
                "to": accepted.to,
                "bracket": decision.bracket,
                "model_based": accepted.vals.model_based,
                "parent": accepted.vals.parent,
                "network": accepted.network,
                "rejected": accepted.rejected,
            }
        )
        self._submit(self._study.state.trials[number])

    def _wind_up(self, reason: str) -> None:
        """From now on no trial is begun; those that are paused go on, as at the end of any search."""
        self._study.append({"event": "winding_up", "reason": reason})
        self._view.goal = 0

    def _phase(self) -> int:
        """The phase of the next new trial, from 0."""
        return 0 if self._growing is None else self._growing.phase(self._view)

    def _go_on(self, trial: Trial) -> None:
        """Goes on with a trial that was interrupted; if that was just when it should have been stopped, it ends."""
        epochs = len(trial.metrics)
        is_between_rungs = epochs > (trial.rungs[-1].epochs if trial.rungs else 0)
        if is_between_rungs and self._is_hopeless(trial, epochs, trial.metrics[-1]):
            self._handle(Finished(trial.number, complete=False))
        else:
            self._submit(trial)

    def _submit(self, trial: Trial) -> None:
        to = None if self._jobs.in_seconds else trial.to
        self._watch.trial_started(trial.number, to, trial.proposal.get("params"), trial.proposal.get("macs"))
        self._executor.submit(self._assigning.job(trial))
        self._submitted.add(trial.number)

    def _handle(self, report: Report) -> bool:
        """Journals a report; for an epoch, whether the trial trains on."""
        trial = self._study.state.trials[report.trial]
        match report:
            case Epoch():
                if report.epoch > trial.epochs:
                    self._study.append(_epoch(report))
                self._watch.epoch(report)
                over = self._time_is_over() or self._is_hopeless(trial, report.epoch, report.metrics)
                return not (over or self._jobs.has_spent(trial, report.epoch))
            case Remark():
                self._watch.note(report.text)
                return True
            case Rejected():
                self._submitted.discard(report.trial)
                self._reject(report)
            case Finished(complete=False) if self._time_is_over() and not self._jobs.has_spent(trial, trial.epochs):
                self._submitted.discard(report.trial)  # it goes on when the search does
            case Finished() | Failed():
                self._submitted.discard(report.trial)
                self._study.append({"trial": report.trial, **self._end_event(trial, report)})
                self._after(trial)
        return False

    def _end_event(self, trial: Trial, report: Finished | Failed) -> dict[str, Any]:
        """The event of a job's end: the trial has ended, or it is paused below R."""
        seconds = round(report.seconds, 3)
        if isinstance(report, Failed):
            failure = {"cause": report.cause, "error": report.error, "traceback": report.traceback}
            return {"event": "ended", "status": "fail", "seconds": seconds, "failure": failure}
        told = {"seconds": seconds, "info": plain(report.info), "result": plain(report.result)}
        spent = self._jobs.has_spent(trial, report.result.get("epochs", trial.epochs or trial.to))
        # Where trials have but one stage, R may be another one now than when this trial began.
        if spent and trial.to < self._jobs.resource and len(self._strategy.stages(None)) > 1:
            return {"event": "paused", **told}
        return {"event": "ended", "status": "ok", "complete": report.complete or spent, **told}

    def _is_hopeless(self, trial: Trial, epoch: int, metrics: Metrics) -> bool:
        return self._jobs.stop_hopeless and is_hopeless(trial, epoch, metrics, self._study.state.trials)

    def _reject(self, report: Rejected) -> None:
        self._study.append(
            {"event": "rejected", "trial": report.trial, "reason": report.reason, "detail": report.detail}
        )
        self._watch.trial_rejected(report.trial, report.detail)
        tail = self._study.state.trials[-REJECTED_IN_A_ROW:]
        if len(tail) == REJECTED_IN_A_ROW and all(trial.status == "rejected" for trial in tail):
            raise UserError(
                f"no network of the space passes: {REJECTED_IN_A_ROW} in a row were rejected, the last one because:"
                f" {report.detail}"
            )

    def _after(self, trial: Trial) -> None:
        """Keeps the books after a trial ended."""
        record = self._study.write_record(trial)
        self._best = self._best_with(record)
        self._staleness.take_in(trial, self._study.state.arrivals[-1][1])
        self._keeping.clear(self._best)
        self._watch.trial_ended(record, self._best)
        self._last_causes = [*self._last_causes, trial.failure.get("cause", "")][-SAME_FAILURES:]
        if self._last_causes == [trial.failure.get("cause")] * SAME_FAILURES:
            self._watch.note(
                f"{SAME_FAILURES} trials in a row failed with the same cause ({trial.failure['cause']}):"
                f" {trial.failure['error']}"
            )

    def _best_with(self, record: Record) -> Record | None:
        """The best with this record of a trial, whose earlier one, at a rung, may have been it and counts no more."""
        if self._best is None or self._best["trial"] != record["trial"]:
            return best_record([record] if self._best is None else [self._best, record])
        best = best_record(self._study.records)
        return record if best is not None and best["trial"] == record["trial"] else best

    def _remaining(self) -> float | None:
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - self._clock())

    def _time_is_over(self) -> bool:
        return self._clock() >= self._deadline

    def _is_stale(self) -> bool:
        limit = self._ending.stop_after
        return limit is not None and self._staleness.found and self._staleness.count >= limit


def _epoch(report: Epoch) -> dict[str, Any]:
    """The event of an epoch."""
    event = {
        "event": "epoch",
        "trial": report.trial,
        "epoch": report.epoch,
        "metrics": report.metrics,
        "seconds": round(report.seconds, 4),
    }
    return {**event, "replicates": list(report.replicates)} if report.replicates else event


def plain(value: Any) -> Any:
    """A value as JSON can say it: what it cannot say becomes its ``repr``, and a number that is none becomes null."""
    return json.loads(json.dumps(value, default=_unusual), parse_constant=lambda _: None)


def _unusual(value: Any) -> Any:
    bare = unwrapped(value)
    return repr(value) if bare is value else bare
