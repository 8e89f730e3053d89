"""The rungs of a search, as its records tell them: which budgets trials were trained to, and how good they were."""

import math
from collections.abc import Sequence
from typing import Any

from metaopt.trials.record import Record


def has_rungs(records: Sequence[Record]) -> bool:
    """Whether a trial went on after a pause."""
    return any(len(visits_of(record)) > 1 for record in records)


def visits_of(record: Record) -> list[dict[str, Any]]:
    """The rungs of a trial that have a loss, ascending."""
    return [visit for visit in record.get("visits") or () if _is_number(visit["loss"])]


def budgets(records: Sequence[Record]) -> list[int]:
    """The resources at which trials paused, went on or were fully trained, ascending."""
    found = set()
    for record in records:
        visits = visits_of(record)
        # What was stopped on its way to a rung ended anywhere.
        last = visits[-1:] if record.get("paused") or record.get("complete") else []
        found |= {visit["to"] for visit in visits[:-1] + last}
    return sorted(found)


def budget_unit(records: Sequence[Record]) -> str:
    """``epochs`` or ``seconds``: under a budget in seconds, trials pause after whatever epochs they had."""
    paused = (visit for record in records for visit in visits_of(record)[:-1])
    return "seconds" if any(visit["epochs"] and visit["epochs"] != visit["to"] for visit in paused) else "epochs"


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)
