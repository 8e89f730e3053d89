"""Failed trials of a study, grouped by their cause."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from metaopt.trials.record import Record

_NUMBERS = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class FailureGroup:
    """Trials that failed alike.

    Attributes:
        cause: what failed, e.g. the type of an exception; empty if it is unknown.
        error: error message of the first of them.
        traceback: its traceback; empty if there is none.
        trials: their numbers, ascending.
    """

    cause: str
    error: str
    traceback: str
    trials: tuple[int, ...]


def group_failures(records: Iterable[Record]) -> list[FailureGroup]:
    """Return the failed trials by cause and message, the most frequent first; numbers in messages do not count."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.trial):
        if record.status == "fail":
            key = record.failure.get("cause", ""), _NUMBERS.sub("#", record.error or "")
            groups.setdefault(key, []).append(record)
    found = [
        FailureGroup(
            cause,
            members[0].error or "",
            members[0].failure.get("traceback", ""),
            tuple(record.trial for record in members),
        )
        for (cause, _), members in groups.items()
    ]
    return sorted(found, key=lambda group: (-len(group.trials), group.trials))
