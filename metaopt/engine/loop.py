"""The search loop: asks the strategy when a worker is free, guards its proposals, and submits jobs."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaopt.engine import events
from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoint_retention import CheckpointRetention
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.early_end import EarlyEnd
from metaopt.engine.fold_race import FoldRace
from metaopt.engine.job_factory import JobFactory
from metaopt.engine.jobs import Executor, Finished, TrainingOptions
from metaopt.engine.phases import Phases
from metaopt.engine.proposer import Accepted, NothingPasses, Proposer
from metaopt.engine.report_handler import ReportHandler
from metaopt.engine.strategy import ForkingStrategy, Strategy, find_forkable
from metaopt.engine.unread_watch import UnreadWatch
from metaopt.engine.view import StudyView
from metaopt.engine.worker_rejections import explain_rejections
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.schedulers import Continue, Fork, Start, Stop, Wait
from metaopt.storage.writer import StudyWriter
from metaopt.trials.record import best_record
from metaopt.trials.trial import Trial


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
        race: race over folds, or None.
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
        race: FoldRace | None = None,
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
        self._view = StudyView(study.state, study.space, options.seed, goal, guard.find_stages)
        self._proposer = Proposer(strategy, guard, study.space, self._view, phases, fill)
        self._phases = phases
        self._jobs = JobFactory(study.state, study.space, strategy, checkpoints, options)
        self._retention = CheckpointRetention(
            *(study, self._view, checkpoints),
            resource=options.resource,
            inherit=options.inherit,
            forkable=lambda: find_forkable(strategy, self._view),
        )
        self._end = EarlyEnd(criteria.seconds, clock, callback.note)
        self._reports = ReportHandler(
            study,
            strategy,
            callback,
            jobs=self._jobs,
            retention=self._retention,
            end=self._end,
            loss_bound=options.loss_based_stopping,
            race=race,
            unread=unread,
        )
        self._interrupted: deque[Trial] = deque()

    def run(self) -> None:
        """Search until the strategy is done, the time is over, or there is no improvement.

        In a command, the first Ctrl-C or SIGTERM lets the trials in training reach the end of their epoch. If none has
        reported anything yet, there is nothing to wait for.

        Raises:
            KeyboardInterrupt: The search was interrupted.
            UserError: No network of the space passes the guard, or the quota is too small for a single checkpoint.
            ResultsNotWritable: The journal could not be written; all earlier events are saved.
        """
        records = self._study.records
        self._reports.best = best_record(records)
        self._callback.begin(self._goal, records, self._criteria.seconds)
        with self._executor, self._end.at_first_interrupt():
            self._sign_rebuilt_trials()
            self._interrupted.extend(self._state.running)  # by a crash, or the end of the time
            while (reason := self._fill()) is None:
                self._await_report()
        self._retention.clear(self._reports.best, at_once=True)
        if not self._end.is_time_over:
            self._study.finish(reason)
        self._callback.end(reason)

    @property
    def _is_over_at_once(self) -> bool:
        """Whether the command was interrupted, and no trial has an epoch in training to be waited for."""
        return self._end.is_interrupted and not self._reports.has_begun

    def _await_report(self) -> None:
        """Wait for a report, a further slot, or the end of the time; note an interruption as soon as it comes."""
        count, slots = self._reports.count, self._executor.slots
        while self._reports.count == count and self._reports.running and not self._end.is_time_over:
            self._executor.wait(self._reports.handle, timeout=self._end.longest_wait_s)
            if self._is_over_at_once or self._executor.slots > slots:
                return
            if self._reports.running:
                self._end.note_interruption()

    def _sign_rebuilt_trials(self) -> None:
        """Add the signatures of trials that were rebuilt from their records, which hold none."""
        for trial in self._state.trials:
            if trial.is_own and "signature" not in trial.proposal:
                self._state.signatures.update(self._proposer.signatures(trial.vals))

    def _fill(self) -> str | None:
        """Give every free worker a job; return the reason to end once there is none left and nothing runs."""
        stopped = False
        while not self._end.has_come and len(self._reports.running) < self._executor.slots:
            if self._interrupted:
                self._resume(self._interrupted.popleft())
                continue
            if self._is_out_of_patience() and self._state.winding_up is None:
                if self._reports.running:  # one of them may be an improvement
                    break
                self._wind_up(f"no better trial among the last {self._reports.patience.count}")
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
                case Wait() if not self._reports.running:
                    raise RuntimeError("the strategy waits although nothing runs")
                case _:
                    break
        if stopped:
            self._retention.clear(self._reports.best)
        if self._end.is_time_over:
            return "the time is over; run again to resume"
        if self._is_over_at_once:
            return "it was interrupted; run again to resume"
        if self._reports.running:
            return None
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
        fork: dict[str, Any] = self._source(decision.trial, decision.epochs)
        if decision.mate is not None:
            fork["mate"] = self._source(decision.mate)
        self._propose(decision, self._proposer.accept_fork(decision.vals), fork=fork)

    def _source(self, number: int, epochs: int | None = None) -> dict[str, int]:
        """Return a trial to fork and its epochs, as the journal names them.

        Args:
            number: number of the trial.
            epochs: epochs at which it is forked; None for all of them.
        """
        source = self._state.trials[number]
        # A running trial has a state of the end of its last job, if the strategy has it kept.
        has_kept = epochs is not None and isinstance(self._strategy, ForkingStrategy) and bool(source.results)
        is_kept = has_kept and source.results[-1].epochs == epochs
        has_state = source.status in ("paused", "ok") and epochs in (None, source.epochs)
        if source.imported or not source.epochs or not (has_state or (source.status == "running" and is_kept)):
            status = "imported" if source.imported else source.status
            raise RuntimeError(f"the strategy forked trial {number}, which is {status}: it has no state")
        return {"trial": number, "epochs": source.epochs if epochs is None else epochs}

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
        elif self._state.refusals and not self._state.has_trained:
            raise UserError(f"No network was trained. {explain_rejections(self._state)}")
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
        if is_between_rungs and self._reports.exceeds_loss_bound(trial, epochs, trial.metrics[-1]):
            self._reports.handle(Finished(trial.number, complete=False))
        else:
            self._submit(trial)

    def _submit(self, trial: Trial) -> None:
        target = None if self._options.unit == "seconds" else trial.target_resource
        self._callback.trial_started(trial.number, target, trial.proposal.get("params"), trial.proposal.get("macs"))
        if trial.epochs > trial.copied_epochs:
            self._callback.trial_resumed(trial.number, trial.epochs)
        self._executor.submit(self._jobs.job(trial))
        self._reports.submitted(trial.number)

    def _is_out_of_patience(self) -> bool:
        limit = self._criteria.stop_after
        return limit is not None and self._reports.patience.has_best and self._reports.patience.count >= limit
