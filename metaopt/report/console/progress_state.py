"""The state of a search as a display needs it: what runs, what ended, what is best, how long it will take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from metaopt.engine.jobs import Epoch
from metaopt.report.analysis.scores import feasible, objective_of, succeeded
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record

# Which metric of an epoch is shown where the objective is none of them, the first that there is.
_SHOWN = ("val_accuracy", "val_loss", "loss")


@dataclass
class Running:
    """A trial that is being trained.

    Attributes:
        trial: its number.
        to: trained until this epoch, or None where time says how long.
        params: of its network, or None if that is not known yet.
        started: when, by the tally's clock.
        epoch: epochs trained, those before a pause included.
        before: epochs it had at its last pause.
        first: epochs it had when it (re)started.
        metrics: of the last epoch.
    """

    trial: int
    to: int | None
    params: int | None
    started: float
    epoch: int = 0
    before: int = 0
    first: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where its training stands, e.g. ``epoch 4 of 9``."""
        # A trial that is to train a time rather than epochs may pass any number of them.
        known = self.to is not None and self.epoch <= self.to
        return f"epoch {self.epoch} of {self.to}" if known else f"epoch {self.epoch}"


class Tally:
    """Counts what the search tells.

    Attributes:
        goal: trials aimed at, or None.
        seconds: after which the search ends in any case, or None.
        ended: the records of the study's own trials that ended or pause, by number.
        running: the trials that are trained now, by number.
        best: the best record so far, or None.
        objective: what is optimised, as far as records tell.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self.goal: int | None = None
        self.seconds: float | None = None
        self.ended: dict[int, Record] = {}
        self.running: dict[int, Running] = {}
        self.best: Record | None = None
        self.objective: Objective = objective_of([])
        self.begun = self._last_end = self._last_report = clock()
        self._clocked = 0.0  # seconds of search until the last trial ended or paused
        self._has_rungs = self._has_complete = False

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Takes in the study so far."""
        self.goal, self.seconds = goal, seconds
        self.ended = {record["trial"]: record for record in records if not record.get("imported")}
        self.best = best_record(records)
        self.objective = objective_of(records)
        self.begun = self._last_end = self._last_report = self.clock()
        for record in self.ended.values():
            self._note(record)

    def start(self, trial: int, to: int | None, params: int | None) -> None:
        """A trial starts or goes on."""
        record = self.ended.pop(trial, {})
        before = record.get("epochs") or 0
        self.running[trial] = Running(trial, to, record.get("params") or params, self.clock(), before, before)
        self._last_report = self.clock()

    def epoch(self, report: Epoch) -> None:
        """An epoch is trained."""
        running = self.running.get(report.trial)
        if running is not None:
            running.first = report.epoch - 1 if running.first is None else running.first
            running.epoch, running.metrics = report.epoch, report.metrics
            self._last_report = self.clock()

    def end(self, record: Record, best: Record | None) -> None:
        """A trial ended or pauses."""
        self.running.pop(record["trial"], None)
        self.ended[record["trial"]] = record
        self.best = best
        self.objective = objective_of([record])
        self._note(record)
        self._last_end = self._last_report = self.clock()

    def _note(self, record: Record) -> None:
        self._clocked = max(self._clocked, record.get("ended") or 0.0)
        self._has_rungs |= bool(record.get("paused")) or len(record.get("rungs") or ()) > 1
        self._has_complete |= bool(record.get("complete")) and succeeded(record)

    @property
    def failed(self) -> int:
        """Trials that failed."""
        return sum(record.get("status") == "fail" for record in list(self.ended.values()))

    @property
    def paused(self) -> int:
        """Trials that pause; those that were told to stop since are not told of, and are among them."""
        return sum(bool(record.get("paused")) for record in list(self.ended.values()))

    @property
    def infeasible(self) -> int:
        """Trials that succeeded but break a limit."""
        return sum(succeeded(record) and not feasible(record) for record in list(self.ended.values()))

    def shown_metric(self, metrics: dict[str, float]) -> tuple[str, float] | None:
        """Name and value of the metric of an epoch that tells most, or None."""
        name = next((name for name in (self.objective.name, *_SHOWN) if name in metrics), None)
        return None if name is None else (name, metrics[name])

    @property
    def time_left(self) -> str | None:
        """How long it will take, for a person, or None where that cannot be told."""
        left = self.seconds_left()
        if self.seconds is not None:
            allowed = max(0.0, self.seconds - (self.clock() - self.begun))
            if left is None or allowed < left:
                return f"{duration(allowed)} of its time left"
        if left is None:
            return None
        # An estimate used up is said to be so rather than to be nothing.
        if left < 1:
            return "nearly done"
        # Hyperband's later brackets have fewer trials and longer ones than those that the estimate knows.
        return f"{'at least' if self._has_rungs else 'about'} {duration(left)} left"

    def seconds_left(self) -> float | None:
        """Until the goal is reached, by the time that trials took so far; None where that cannot be told."""
        if self.goal is None:
            return None
        if self._has_rungs:
            return self._seconds_left_of_rungs(self.goal)
        todo = self.goal - len(self.ended)
        clocked = sum(bool(record.get("ended")) for record in self.ended.values())
        if clocked:
            # Search time by trials, so that workers side by side and everything between trainings are counted.
            return max(0.0, todo * self._clocked / clocked - (self.clock() - self._last_end))
        lengths = [
            (running.to - running.first) * (self.clock() - running.started) / (running.epoch - running.first)
            for running in self.running.values()
            if running.first is not None and running.to is not None
        ]
        if not lengths:
            return None
        return max(0.0, todo * sum(lengths) / len(lengths) / len(self.running) - (self.clock() - self.begun))

    def _seconds_left_of_rungs(self, goal: int) -> float | None:
        """By epochs, as most trials train few of them and some train many.

        Trials that are not begun are taken to train as many as the others did on average, some of which went on; before
        one was fully trained that average is too low to be told.
        """
        running = list(self.running.values())
        known = [record.get("epochs") or 0 for record in self.ended.values()]
        known += [trial.before for trial in running if trial.before]
        if not self._has_complete or not sum(known):
            return None
        to_begin = max(0, goal - len(self.ended) - len(running))
        to_train = sum(max(0, trial.to - trial.epoch) for trial in running if trial.to is not None)
        epochs = to_begin * sum(known) / len(known) + to_train
        return max(0.0, epochs * self._clocked / sum(known) - (self.clock() - self._last_report))


def duration(seconds: float) -> str:
    """Seconds as a person says them, e.g. ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: float) -> str:
    """A large number as a person says it, e.g. ``1.2 M``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:g}"
