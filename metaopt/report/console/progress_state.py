"""Progress of a search as a display needs it: running and ended trials, the best, and the time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.report.console.epoch_seconds import EpochSeconds
from metaopt.report.formatting import format_duration
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record, objective_of

# Metrics that are shown where an epoch does not have the objective, in this order.
_SHOWN = ("val_accuracy", "val_loss", "loss")


@dataclass
class RunningTrial:
    """A trial in training.

    Attributes:
        trial: its number.
        target: epoch that it trains to; None where the budget is in seconds.
        params: number of parameters, or None if it is not known yet.
        started: time of the start or the resume, by the state's clock.
        epoch: number of epochs trained, those before a pause included.
        resumed_at: number of epochs before the pause or interruption that it resumes from.
        first: number of epochs when the job began; None before its first report.
        metrics: metrics of the last epoch.
        fraction: share of the next epoch that is trained, if that takes long; else 0.
        last_s: seconds of the last epoch; None before the first one of the job.
    """

    trial: int
    target: int | None
    params: int | None
    started: float
    epoch: int = 0
    resumed_at: int = 0
    first: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    fraction: float = 0.0
    last_s: float | None = None

    @property
    def epoch_text(self) -> str:
        """The epoch, e.g. ``epoch 4 of 9``; within one that takes long, e.g. ``epoch 5 of 9, 45 %``."""
        number = self.epoch + (self.fraction > 0)
        # A trial whose budget is in seconds may train any number of epochs.
        has_target = self.target is not None and number <= self.target
        text = f"epoch {number} of {self.target}" if has_target else f"epoch {number}"
        return f"{text}, {int(100 * self.fraction)} %" if self.fraction else text


class ProgressState:
    """State of a search, updated by the callbacks.

    Args:
        clock: seconds, steadily growing.

    Attributes:
        goal: number of trials aimed at, or None.
        seconds: time limit of the run, or None.
        ended: number → record of the study's own trials that ended or are paused.
        running: number → trial in training.
        best: best record so far, or None.
        objective: the objective; None before the first record.
        begun: time of the start, by the clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self.goal: int | None = None
        self.seconds: float | None = None
        self.ended: dict[int, Record] = {}
        self.running: dict[int, RunningTrial] = {}
        self.best: Record | None = None
        self.objective: Objective | None = None
        self.begun = self._last_end = self._last_report = clock()
        self._search_seconds = 0.0  # until the last trial ended or paused, over all runs
        self._has_rungs = self._has_complete = False

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Take in the study so far; for the arguments see ``Callback.begin``."""
        self.goal, self.seconds = goal, seconds
        self.ended = {record.trial: record for record in records if not record.imported}
        self.best = best_record(records)
        self.begun = self._last_end = self._last_report = self.clock()
        self.objective = objective_of(records[0]) if records else None
        for record in self.ended.values():
            self._add_record(record)

    def start(self, trial: int, target: int | None, params: int | None) -> None:
        """Add a trial that starts or resumes."""
        record = self.ended.pop(trial, None)
        before = 0 if record is None else record.epochs
        params = params if record is None or record.params is None else record.params
        self.running[trial] = RunningTrial(trial, target, params, self.clock(), before, before)
        self._last_report = self.clock()

    def resume(self, trial: int, epochs: int) -> None:
        """Take in how many epochs a trial that just started was trained before."""
        running = self.running[trial]
        running.epoch = running.resumed_at = epochs

    def epoch(self, report: Epoch) -> None:
        """Update the trial of an epoch."""
        running = self.running.get(report.trial)
        if running is not None:
            running.first = report.epoch - 1 if running.first is None else running.first
            running.epoch, running.metrics, running.fraction = report.epoch, report.metrics, 0.0
            running.last_s = report.seconds
            self._last_report = self.clock()

    def epoch_progress(self, report: EpochProgress) -> None:
        """Update the trial of an epoch in training."""
        running = self.running.get(report.trial)
        if running is not None:
            running.epoch, running.fraction = report.epoch - 1, report.fraction

    def end(self, record: Record, best: Record | None) -> None:
        """Take in the record of a trial that ended or is paused."""
        self.running.pop(record.trial, None)
        self.ended[record.trial] = record
        self.best = best
        self.objective = objective_of(record)
        self._add_record(record)
        self._last_end = self._last_report = self.clock()

    def reject(self, trial: int) -> None:
        """Remove a trial whose network was rejected."""
        self.running.pop(trial, None)

    def _add_record(self, record: Record) -> None:
        self._search_seconds = max(self._search_seconds, record.ended or 0.0)
        self._has_rungs |= record.paused or len(record.results) > 1
        self._has_complete |= record.complete and record.has_loss

    @property
    def n_failed(self) -> int:
        """Number of trials that failed."""
        return sum(record.status == "fail" for record in list(self.ended.values()))

    @property
    def n_paused(self) -> int:
        """Number of paused trials; those stopped since are among them, as callbacks are not told of that."""
        return sum(record.paused for record in list(self.ended.values()))

    @property
    def n_infeasible(self) -> int:
        """Number of trials that succeeded but violate a constraint."""
        return sum(record.has_loss and not record.is_feasible for record in list(self.ended.values()))

    def shown_metric(self, metrics: dict[str, float]) -> tuple[str, float] | None:
        """Return name and value of the most informative metric of an epoch, or None."""
        objective = () if self.objective is None else (self.objective.name,)
        name = next((name for name in (*objective, *_SHOWN) if name in metrics), None)
        return None if name is None else (name, metrics[name])

    def score_text(self, record: Record) -> str:
        """Return the score of a record that has a loss."""
        return f"{objective_of(record).value(record.result.values[0]):.4f}"

    @property
    def time_left(self) -> str | None:
        """Time left as text, or None where it is unknown."""
        left = self.seconds_left()
        if self.seconds is not None:
            allowed = max(0.0, self.seconds - (self.clock() - self.begun))
            if left is None or allowed < left:
                return f"{format_duration(allowed)} of the time limit left"
        if left is None:
            return None
        if left < 1:  # the search takes longer than estimated
            return "nearly done"
        # Hyperband's later brackets have fewer and longer trials than those that the estimate is based on.
        return f"{'at least' if self._has_rungs else 'about'} {format_duration(left)} left"

    def seconds_left(self) -> float | None:
        """Return the estimated time until the goal is reached, from the trials so far; None where it is unknown."""
        if self.goal is None:
            return None
        if self._has_rungs:
            return self._seconds_left_with_rungs(self.goal)
        n_left = self.goal - len(self.ended)
        n_timed = sum(bool(record.ended) for record in self.ended.values())
        if n_timed:
            # Search time by trials, which includes parallel workers and the time between trainings.
            return max(0.0, n_left * self._search_seconds / n_timed - (self.clock() - self._last_end))
        lengths = [
            (running.target - running.first) * (self.clock() - running.started) / (running.epoch - running.first)
            for running in self.running.values()
            if running.first is not None and running.target is not None
        ]
        if not lengths:
            return None
        return max(0.0, n_left * sum(lengths) / len(lengths) / len(self.running) - (self.clock() - self.begun))

    def _seconds_left_with_rungs(self, goal: int) -> float | None:
        """Return the estimate from the seconds of epochs, as most trials train few of them and some train many.

        Trials that have not begun count with the mean of the others, promotions included. Before any trial is fully
        trained that mean is too low, and the time is unknown.
        """
        ended = [record for record in self.ended.values() if record.epochs]
        known = EpochSeconds(ended)
        running = list(self.running.values())
        resumed = [known.between(0, trial.resumed_at) for trial in running if trial.resumed_at]
        spent = known.total + sum(resumed)
        if not self._has_complete or not spent:
            return None
        n_to_begin = max(0, goal - len(self.ended) - len(running))
        n_begun = len(self.ended) + len(resumed)
        to_train = sum(
            known.between(trial.epoch, max(trial.epoch, trial.target), trial.last_s)
            for trial in running
            if trial.target is not None
        )
        left = n_to_begin * spent / n_begun + to_train
        # The search takes longer than its epochs, or less with several workers.
        return max(0.0, left * self._search_seconds / spent - (self.clock() - self._last_report))
