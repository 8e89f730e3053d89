"""Reports of workers: journalled, and taken into the records, the best trial and the patience of the search."""

from typing import Any

from metaopt.engine import events
from metaopt.engine.callbacks import Callback
from metaopt.engine.checkpoint_retention import CheckpointRetention
from metaopt.engine.early_end import EarlyEnd
from metaopt.engine.fold_race import FoldRace
from metaopt.engine.job_factory import JobFactory
from metaopt.engine.jobs import Epoch, EpochProgress, Failed, Finished, PointReads, Rejected, Remark, Report
from metaopt.engine.search_patience import add_arrival, replayed_patience
from metaopt.engine.strategy import Strategy
from metaopt.engine.unread_watch import UnreadWatch
from metaopt.engine.worker_rejections import check_rejections
from metaopt.problems.mistakes import Mistake
from metaopt.storage.writer import StudyWriter
from metaopt.trials.discard import Discard
from metaopt.trials.objective import Metrics
from metaopt.trials.record import Record, best_record
from metaopt.trials.stopping import LossBound
from metaopt.trials.trial import Trial, find_counts
from metaopt.values.safe_text import cut, safe_repr

_LONGEST_VALUE = 200  # characters of a value in a sentence
SAME_FAILURES = 3  # in a row, after which the user is told


class ReportHandler:
    """Handles the reports of one run.

    Args:
        study: the study, open for writing.
        strategy: decides whether a trial pauses.
        callback: is told what happens.
        jobs: knows the targets of jobs.
        retention: removes checkpoints.
        end: ends the run before its search is done.
        loss_bound: bound above which trials are stopped, or None.
        race: race over folds, or None.
        unread: watches which hyperparameters the trainings read, or None.

    Attributes:
        running: numbers of the trials whose jobs have not ended.
        count: number of reports so far.
        best: the best record so far, or None.
        patience: counts trials without an improvement.
    """

    def __init__(
        self,
        study: StudyWriter,
        strategy: Strategy,
        callback: Callback,
        *,
        jobs: JobFactory,
        retention: CheckpointRetention,
        end: EarlyEnd,
        loss_bound: LossBound | None = None,
        race: FoldRace | None = None,
        unread: UnreadWatch | None = None,
    ) -> None:
        self.running: set[int] = set()
        self._begun: set[int] = set()
        self.count = 0
        self.best: Record | None = None
        self.patience = replayed_patience(study.state)
        self._study = study
        self._state = study.state
        self._strategy = strategy
        self._callback = callback
        self._jobs = jobs
        self._retention = retention
        self._end = end
        self._loss_bound = loss_bound
        self._race = race
        self._discards: dict[int, Discard] = {}  # of trials that are told to end
        self._unread = unread
        self._last_causes: list[str] = []
        self._remarks: set[str] = set()

    @property
    def has_begun(self) -> bool:
        """Whether one of the running jobs has reported an epoch, or a part of one.

        Until then its worker starts, loads data, builds the network, or trains the first seconds of its first epoch.
        """
        return not self._begun.isdisjoint(self.running)

    def submitted(self, trial: int) -> None:
        """Note that a job of a trial begins."""
        self.running.add(trial)
        self._begun.discard(trial)

    def handle(self, report: Report) -> bool:
        """Journal a report; for an epoch, return whether the trial trains on.

        Raises:
            UserError: No network of the space passes, or the quota is too small for a single checkpoint.
            Mistake: The user's code has an error that other points will hardly avoid.
        """
        trial = self._state.trials[report.trial]
        self.count += 1
        if isinstance(report, Epoch | EpochProgress):
            self._begun.add(report.trial)
        match report:
            case Epoch(fold=int()):
                return self._handle_fold(trial, report)
            case Epoch():
                if report.epoch > trial.epochs:
                    self._study.append(events.epoch_trained(report))
                self._callback.epoch(report)
                over = self._end.has_come or self.exceeds_loss_bound(trial, report.epoch, report.metrics)
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
                self.running.discard(report.trial)
                self._reject(report)
            case Finished(complete=False) if self._is_to_resume(trial):
                self.running.discard(report.trial)  # it resumes when the search does
            case Finished() | Failed():
                self.running.discard(report.trial)
                self._study.append(self._end_event(trial, self._checked(trial, report)))
                self._came_to_rest(trial)
                if isinstance(report, Failed) and report.mistake and not self._state.has_trained:
                    raise Mistake(report.mistake)
        return False

    def _handle_fold(self, trial: Trial, report: Epoch) -> bool:
        """Journal an epoch of one fold of a race; return whether the trial trains on.

        A decision is taken after the last epoch of a fold, before a later fold begins. A trial that resumes reports its
        folds again, so a decision that did not reach the journal is taken again.
        """
        fold = report.fold or 0
        if report.epoch > len(trial.metrics) + len(trial.ahead.get(fold, ())):
            self._study.append(events.fold_trained(report))
        if self._race is not None:
            self._callback.epoch_progress(
                EpochProgress(report.trial, report.epoch, min(1.0, (fold + 1) / self._race.n_trainings))
            )
            if report.ends_fold and fold == max(trial.ahead, default=-1):
                discard = self._race.decide(trial, self._state.trials)
                if discard is not None:
                    self._discards[trial.number] = discard
                    return False
        return not self._end.has_come

    def exceeds_loss_bound(self, trial: Trial, epoch: int, metrics: Metrics) -> bool:
        """Return whether loss-based stopping ends a trial after an epoch.

        Args:
            trial: the trial.
            epoch: that has just ended, from 1.
            metrics: of that epoch.
        """
        if self._loss_bound is None:
            return False
        others = (other.metrics for other in self._state.trials if other.number != trial.number)
        return self._loss_bound.is_exceeded(epoch, metrics, others)

    def _watch_reads(self, report: PointReads) -> None:
        """Note hyperparameters that the first trials have not read, and leave them out of figures."""
        if self._unread is None or (unread := self._unread.add(report)) is None:
            return
        for text in self._unread.describe(unread):
            self._callback.note(text)
        self._study.append(events.unread([*self._state.unread, *unread.keys]))

    def _reject(self, report: Rejected) -> None:
        self._study.append(
            {"event": "rejected", "trial": report.trial, "reason": report.reason, "detail": report.detail}
        )
        self._callback.trial_rejected(report.trial, report.detail)
        check_rejections(self._state)

    def _is_to_resume(self, trial: Trial) -> bool:
        """Return whether a training ended before its target because this run ends."""
        if trial.number in self._discards:
            return False
        return self._end.has_come and not self._jobs.has_reached_target(trial, trial.epochs)

    def _checked(self, trial: Trial, report: Finished | Failed) -> Finished | Failed:
        """Return the report, or a failure where a training has no number for one of several objectives."""
        judge = self._state.judge
        if isinstance(report, Failed) or len(judge.objectives) == 1:
            return report
        last = trial.metrics[-1] if trial.metrics else report.returned
        counts = find_counts({**trial.proposal, **trial.info, **report.info})
        known = {"seconds": report.seconds, **report.info, **last, **counts}
        missing = judge.missing_objective({name: value for name, value in known.items() if value is not None})
        if missing is None or (trial.metrics and missing in last):  # NaN at an epoch, as of a training that diverged
            return report
        value = cut(safe_repr(known.get(missing)), _LONGEST_VALUE)
        error = f"The training has {value} as {missing}, which is one of the objectives. Expected a finite number."
        return Failed(trial.number, f"no {missing}", error, seconds=report.seconds)

    def _end_event(self, trial: Trial, report: Finished | Failed) -> dict[str, Any]:
        """Return the event of a job's end: the trial has ended, or the scheduler has it pause."""
        if isinstance(report, Failed):
            return events.failed(report)
        epochs = report.returned.get("epochs", trial.epochs or trial.target_resource)
        reached = self._jobs.has_reached_target(trial, epochs)
        if trial.number in self._discards:
            return events.ended(report, complete=False, discard=self._discards.pop(trial.number))
        if reached and self._strategy.pauses(trial):
            return events.paused(report)
        return events.ended(report, complete=report.complete or reached)

    def _came_to_rest(self, trial: Trial) -> None:
        """Update the records after a trial ended or paused."""
        record = self._study.write_record(trial)
        self.best = self._best_with(record)
        add_arrival(self.patience, self._state, len(self._state.arrivals) - 1)
        self._retention.clear(self.best)
        self._callback.trial_ended(record, self.best)
        self._last_causes = [*self._last_causes, trial.failure.get("cause", "")][-SAME_FAILURES:]
        if self._last_causes == [trial.failure.get("cause")] * SAME_FAILURES:
            self._callback.note(
                f"{SAME_FAILURES} trials in a row failed with the same cause ({trial.failure['cause']}):"
                f" {trial.failure['error']}"
            )

    def _best_with(self, record: Record) -> Record | None:
        """Return the best record, given a new one of a trial whose earlier one, at a rung, counts no more."""
        if self.best is None or self.best.trial != record.trial:
            return best_record([record] if self.best is None else [self.best, record])
        best = best_record(self._study.records)
        return record if best is not None and best.trial == record.trial else best
