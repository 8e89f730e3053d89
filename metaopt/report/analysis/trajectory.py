"""The course of a search: what was known each time that a trial paused or ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metaopt.report.analysis.rungs import visits_of
from metaopt.report.analysis.scores import eligible, succeeded
from metaopt.trials.record import Record


@dataclass(frozen=True)
class Moment:
    """A trial pauses or ends, and what is known then.

    Attributes:
        trial: its number.
        to: the resource that it was trained to.
        seconds: of search; None where the record does not tell.
        spent: epochs that all trials had been trained, together; 0 where they report none.
        trials: how many trials had paused or ended.
        loss: of the trial as it was then; None where it failed.
        best: the smallest loss of a trial that keeps the limits; None before the first.
    """

    trial: int
    to: int
    seconds: float | None
    spent: int
    trials: int
    loss: float | None
    best: float | None


def moments(records: Sequence[Record]) -> list[Moment]:
    """What happened in a search, in its order; trials that failed in the end are never the best.

    Args:
        records: in any order; imported ones are passed over.
    """
    stops = sorted(
        (stop for record in records if not record.get("imported") for stop in _stops(record)),
        key=lambda stop: (stop["ended"] is None, stop["ended"] or 0.0, stop["spent"], stop["trial"]),
    )
    found: list[Moment] = []
    seen: set[int] = set()
    best: float | None = None
    spent = 0
    for stop in stops:
        seen.add(stop["trial"])
        spent = max(spent, stop["spent"])
        if stop["counts"] and (best is None or stop["loss"] < best):
            best = stop["loss"]
        found.append(Moment(stop["trial"], stop["to"], stop["ended"], spent, len(seen), stop["loss"], best))
    return found


def _stops(record: Record) -> list[dict[str, Any]]:
    """Each time that a trial paused or ended."""
    trial, kept = record["trial"], not record.get("imported")
    stops = [
        {**visit, "trial": trial, "counts": succeeded(record) and visit["feasible"] and kept}
        for visit in visits_of(record)
    ]
    if record.get("status") == "ok" and stops:
        return stops
    loss = record["loss"] if succeeded(record) else None
    end = {"trial": trial, "to": record.get("epochs") or 0, "loss": loss, "ended": record.get("ended"), "spent": 0}
    return [*stops, {**end, "counts": eligible(record)}]
