"""The search loop: asks the strategy when a worker is free, guards what it proposes, journals what comes back."""

import json
import math
import time
from dataclasses import dataclass
from typing import Any

from metaopt.errors import UserError
from metaopt.schedulers import Done, Start
from metaopt.study.checkpoints import Checkpoints, Keep
from metaopt.study.guard import Guard
from metaopt.study.hopeless import is_hopeless
from metaopt.study.jobs import Epoch, Executor, Failed, Finished, Job, Rejected, Report
from metaopt.study.opening import OpenStudy
from metaopt.study.proposing import NothingPasses, Proposer
from metaopt.study.records import Record, best_record
from metaopt.study.strategy import Strategy
from metaopt.study.trials import Trial
from metaopt.study.view import StudyView
from metaopt.study.watch import Watcher

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


@dataclass(frozen=True)
class JobSettings:
    """What every job of a search has in common.

    Attributes:
        seed: the study's seed.
        early_stopping: epochs without improvement before a trial ends, or None.
        stop_hopeless: whether hopeless trials are stopped early.
        keep: whose checkpoints are kept, see ``Checkpoints``.
    """

    seed: int = 0
    early_stopping: int | None = None
    stop_hopeless: bool = False
    keep: Keep = "none"


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
    ):
        self._study = study
        self._strategy = strategy
        self._executor = executor
        self._guard = guard
        self._watch = watch
        self._goal = goal
        self._jobs = jobs
        self._ending = ending
        self._view = StudyView(study.state, study.space, study.objective, study.limits, jobs.seed, goal)
        self._proposer = Proposer(strategy, guard, study.space, self._view)
        self._checkpoints = Checkpoints(study.folder, jobs.keep)
        self._submitted: set[int] = set()
        self._deadline = math.inf if ending.seconds is None else time.monotonic() + ending.seconds
        self._best: Record | None = None
        self._since_best = 0
        self._last_causes: list[str] = []
        self._exhausted = False

    def run(self) -> None:
        """Searches until the strategy is done, the time is over, or nothing better comes.

        Raises:
            UserError: no network of the space passes the guard.
            ResultsNotWritable: the journal could not be written; what was finished before is saved.
        """
        records = self._study.records
        self._best = best_record(records)
        if self._best is not None:
            first = next(i for i, record in enumerate(records) if record["loss"] == self._best["loss"])
            self._since_best = len(records) - first - 1
        self._watch.begin(self._goal, records)
        with self._executor:
            for trial in self._study.state.running:  # what a crash interrupted
                self._submit(trial, self._study.space.point(trial.vals))
            while (reason := self._fill()) is None:
                self._executor.wait(self._handle, timeout=self._remaining())
        if not self._time_is_over():
            self._study.finish(reason)
        self._watch.end(reason)

    def _fill(self) -> str | None:
        """Gives every free worker something to do; the reason to end, once there is nothing left and nothing runs."""
        while not (self._time_is_over() or self._is_stale()) and len(self._submitted) < self._executor.slots:
            if self._exhausted:
                break
            decision = self._strategy.next(self._view)
            if isinstance(decision, Start):
                self._start(decision)
            elif isinstance(decision, Done) or self._submitted:
                break
            else:
                raise RuntimeError("the strategy waits while nothing runs: it would wait for ever")
        if self._time_is_over():
            return "the time is over; run again to go on"
        if self._submitted:
            return None
        if self._exhausted:
            return "the space is exhausted: every network of it that keeps the limits was trained"
        if self._is_stale():
            return f"no better trial among the last {self._since_best}"
        return "all trials are done"

    def _start(self, decision: Start) -> None:
        """Starts a new trial with the first proposal that passes the guard."""
        try:
            accepted = self._proposer.accept(decision, self._study.state.signatures)
        except NothingPasses as nothing:
            self._study.append({"event": "refused", "rejected": dict(nothing.rejected)})
            if not nothing.exhausted:
                raise nothing.explain(self._guard) from None
            self._exhausted = True
            return
        number = self._view.number
        self._study.append(
            {
                "event": "proposed",
                "trial": number,
                "vals": dict(accepted.vals),
                "point": plain(accepted.point),
                "to": accepted.to,
                "model_based": accepted.vals.model_based,
                "parent": accepted.vals.parent,
                "network": accepted.network,
                "rejected": accepted.rejected,
            }
        )
        self._submit(self._study.state.trials[number], accepted.point)

    def _submit(self, trial: Trial, point: Any) -> None:
        limits = {limit.name: limit.bound for limit in self._guard.limits if limit.cheap}
        job = Job(
            trial=trial.number,
            point=point,
            to=trial.to,
            seed=self._jobs.seed,
            early_stopping=self._jobs.early_stopping,
            objective=self._study.objective.name,
            limits=limits,
            checkpoint=self._checkpoints.directory(trial.number),
        )
        self._watch.trial_started(trial.number, trial.to, trial.proposal.get("params"), trial.proposal.get("macs"))
        self._executor.submit(job)
        self._submitted.add(trial.number)

    def _handle(self, report: Report) -> bool:
        """Journals a report; for an epoch, whether the trial trains on."""
        trial = self._study.state.trials[report.trial]
        match report:
            case Epoch():
                if report.epoch > trial.epochs:
                    self._study.append(
                        {
                            "event": "epoch",
                            "trial": report.trial,
                            "epoch": report.epoch,
                            "metrics": report.metrics,
                            "seconds": round(report.seconds, 4),
                        }
                    )
                self._watch.epoch(report)
                return not (self._time_is_over() or self._is_hopeless(trial, report))
            case Rejected():
                self._submitted.discard(report.trial)
                self._reject(report)
            case Finished(complete=False) if self._time_is_over():
                self._submitted.discard(report.trial)  # it goes on when the search does
            case Finished() | Failed():
                self._submitted.discard(report.trial)
                self._study.append({"event": "ended", "trial": report.trial, **_ending(report)})
                self._after(trial)
        return False

    def _is_hopeless(self, trial: Trial, report: Epoch) -> bool:
        return self._jobs.stop_hopeless and is_hopeless(trial, report.epoch, report.metrics, self._study.state.trials)

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
        best = best_record([record] if self._best is None else [self._best, record])
        better = best is record and (self._best is None or record["loss"] < self._best["loss"])
        self._since_best = 0 if better else self._since_best + 1
        self._best = best
        self._checkpoints.clear(self._submitted, None if best is None else best["trial"])
        self._watch.trial_ended(record, best)
        self._last_causes = [*self._last_causes, trial.failure.get("cause", "")][-SAME_FAILURES:]
        if self._last_causes == [trial.failure.get("cause")] * SAME_FAILURES:
            self._watch.note(
                f"{SAME_FAILURES} trials in a row failed with the same cause ({trial.failure['cause']}):"
                f" {trial.failure['error']}"
            )

    def _remaining(self) -> float | None:
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - time.monotonic())

    def _time_is_over(self) -> bool:
        return time.monotonic() >= self._deadline

    def _is_stale(self) -> bool:
        limit = self._ending.stop_after
        return limit is not None and self._best is not None and self._since_best >= limit


def _ending(report: Finished | Failed) -> dict[str, Any]:
    """How a job ended, as the journal keeps it."""
    seconds = round(report.seconds, 3)
    if isinstance(report, Failed):
        failure = {"cause": report.cause, "error": report.error, "traceback": report.traceback}
        return {"status": "fail", "seconds": seconds, "failure": failure}
    return {
        "status": "ok",
        "complete": report.complete,
        "seconds": seconds,
        "info": plain(report.info),
        "result": plain(report.result),
    }


def plain(value: Any) -> Any:
    """A value as JSON can say it: what it cannot say becomes its ``repr``, and a number that is none becomes null."""
    return json.loads(json.dumps(value, default=_unusual), parse_constant=lambda _: None)


def _unusual(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else repr(value)
