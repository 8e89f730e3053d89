"""The state of a search as a display needs it: what runs, what ended, what is best, how long it will take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from metaopt.report.scores import feasible, objective_of, succeeded
from metaopt.study.jobs import Epoch
from metaopt.study.objective import Objective
from metaopt.study.records import best_record
from metaopt.study.watch import Record

# Which metric of an epoch is shown where the objective is none of them, the first that there is.
_SHOWN = ("val_accuracy", "val_loss", "loss")


@dataclass
class Running:
    """A trial that is being trained.

    Attributes:
        trial: its number.
        to: trained until this epoch.
        params: of its network, or None if that is not known yet.
        started: when, by the tally's clock.
        epoch: epochs trained.
        first: epochs it had when it (re)started.
        metrics: of the last epoch.
    """

    trial: int
    to: int
    params: int | None
    started: float
    epoch: int = 0
    first: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)


class Tally:
    """Counts what the search tells.

    Attributes:
        goal: trials aimed at, or None.
        ended: the records of the study's own trials that ended, by number.
        running: the trials that are trained now, by number.
        best: the best record so far, or None.
        objective: what is optimised, as far as records tell.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self.goal: int | None = None
        self.ended: dict[int, Record] = {}
        self.running: dict[int, Running] = {}
        self.best: Record | None = None
        self.objective: Objective = objective_of([])
        self.begun = self._last_end = clock()

    def begin(self, goal: int | None, records: list[Record]) -> None:
        """Takes in the study so far."""
        self.goal = goal
        self.ended = {record["trial"]: record for record in records if not record.get("imported")}
        self.best = best_record(records)
        self.objective = objective_of(records)
        self.begun = self._last_end = self.clock()

    def start(self, trial: int, to: int, params: int | None) -> None:
        """A trial starts or goes on."""
        self.ended.pop(trial, None)
        self.running[trial] = Running(trial, to, params, self.clock())

    def epoch(self, report: Epoch) -> None:
        """An epoch is trained."""
        running = self.running.get(report.trial)
        if running is not None:
            running.first = report.epoch - 1 if running.first is None else running.first
            running.epoch, running.metrics = report.epoch, report.metrics

    def end(self, record: Record, best: Record | None) -> None:
        """A trial ended."""
        self.running.pop(record["trial"], None)
        self.ended[record["trial"]] = record
        self.best = best
        self.objective = objective_of([record])
        self._last_end = self.clock()

    @property
    def failed(self) -> int:
        """Trials that failed."""
        return sum(record.get("status") == "fail" for record in list(self.ended.values()))

    @property
    def infeasible(self) -> int:
        """Trials that succeeded but break a limit."""
        return sum(succeeded(record) and not feasible(record) for record in list(self.ended.values()))

    def shown_metric(self, metrics: dict[str, float]) -> tuple[str, float] | None:
        """Name and value of the metric of an epoch that tells most, or None."""
        name = next((name for name in (self.objective.name, *_SHOWN) if name in metrics), None)
        return None if name is None else (name, metrics[name])

    def seconds_left(self) -> float | None:
        """Until the goal is reached, by the time that trials took so far; None where that cannot be told."""
        if self.goal is None:
            return None
        todo = self.goal - len(self.ended)
        clocked = [record["ended"] for record in self.ended.values() if record.get("ended")]
        if clocked:
            # Search time by trials, so that workers side by side and everything between trainings are counted.
            return max(0.0, todo * max(clocked) / len(clocked) - (self.clock() - self._last_end))
        lengths = [
            (running.to - running.first) * (self.clock() - running.started) / (running.epoch - running.first)
            for running in self.running.values()
            if running.first is not None
        ]
        if not lengths:
            return None
        return max(0.0, todo * sum(lengths) / len(lengths) / len(self.running) - (self.clock() - self.begun))


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
