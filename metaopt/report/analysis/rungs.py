"""Rungs of a search: the resources that its trials were trained to, and the results there."""

import math
from collections.abc import Iterable

from metaopt.trials.record import Record
from metaopt.trials.result import Result


def has_rungs(records: Iterable[Record]) -> bool:
    """Return whether any trial resumed after a pause."""
    return any(len(rung_results(record)) > 1 for record in records)


def rung_results(record: Record) -> list[Result]:
    """Return the results of a trial at its rungs that have a finite loss, by ascending resource."""
    return [result for result in record.results if result.loss is not None and math.isfinite(result.loss)]


def rung_levels(records: Iterable[Record]) -> list[int]:
    """Return the resources at which trials paused, resumed or were fully trained, ascending."""
    levels = set()
    for record in records:
        results = rung_results(record)
        # The last result of a trial that was stopped between two rungs is at no rung.
        has_ended_at_rung = any(decision.kind == "ended" for decision in record.decisions)
        at_rungs = results if record.paused or record.complete or has_ended_at_rung else results[:-1]
        levels |= {result.resource for result in at_rungs}
    return sorted(levels)
