"""Anytime trajectory of a search: the best feasible loss each time that a trial paused or ended."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from metaopt.report.analysis.rungs import rung_results
from metaopt.trials.record import Record
from metaopt.trials.result import Result


@dataclass(frozen=True)
class TrajectoryPoint:
    """State of a search when a trial paused or ended.

    Attributes:
        trial: number of the trial.
        result: its result then; without values where it failed.
        n_trials: number of trials that had paused or ended.
        total_epochs: epochs that all trials had been trained, together; 0 where they report none.
        best_loss: smallest loss of a feasible trial by then; None before the first.
    """

    trial: int
    result: Result
    n_trials: int
    total_epochs: int
    best_loss: float | None

    @property
    def clock(self) -> float:
        """Seconds of search by then, summed over restarts."""
        return self.result.clock


def anytime_trajectory(records: Iterable[Record]) -> list[TrajectoryPoint]:
    """Return the trajectory of a search, in the order of time.

    A trial that failed in the end is never the best, even if it had a result at an earlier rung.

    Args:
        records: records in any order; imported ones are ignored.
    """
    stops = sorted(
        ((record, result) for record in records if not record.imported for result in _results_of_stops(record)),
        key=lambda stop: (stop[1].clock, stop[1].total_epochs, stop[0].trial),
    )
    points: list[TrajectoryPoint] = []
    trials: set[int] = set()
    best: float | None = None
    total_epochs = 0
    for record, result in stops:
        trials.add(record.trial)
        total_epochs = max(total_epochs, result.total_epochs)
        counts = record.has_loss and result.is_feasible and result.loss is not None
        if counts and (best is None or result.loss < best):  # type: ignore[operator]
            best = result.loss
        points.append(TrajectoryPoint(record.trial, result, len(trials), total_epochs, best))
    return points


def best_so_far(records: Iterable[Record]) -> list[float | None]:
    """Return, after each record in the given order, the smallest loss of the eligible ones; None before the first."""
    smallest: float | None = None
    losses = []
    for record in records:
        if record.is_eligible and (smallest is None or record.loss < smallest):  # type: ignore[operator]
            smallest = record.loss
        losses.append(smallest)
    return losses


def _results_of_stops(record: Record) -> list[Result]:
    """Return the result of a trial each time that it paused or ended."""
    results = rung_results(record)
    if record.status == "ok" and results:
        return results
    return [*results, replace(record.result, values=())]
