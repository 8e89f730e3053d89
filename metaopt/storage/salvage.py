"""Valid lines of a journal, those after damage included."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from metaopt.storage.journal_lines import Event, find_events


@dataclass(frozen=True)
class Stretch:
    """Events that were written one after the other, without a missing one between them.

    Attributes:
        first: number of the first event.
        events: the events, without ``seq`` and ``group``.
    """

    first: int
    events: list[Event]


def salvage(path: Path) -> list[Stretch]:
    """Return the valid events of a journal in the order of their numbers; events are missing between two stretches.

    A line counts if its checksum is right and its number is above those before it: lines that a program wrote twice,
    or in another order, are passed over.

    Raises:
        OSError: The file cannot be read.
    """
    stretches: list[Stretch] = []
    following = 0
    for event in _valid_events(path):
        seq = event.pop("seq")
        del event["group"]
        if seq < following:
            continue
        if not stretches or seq > following:
            stretches.append(Stretch(seq, []))
        stretches[-1].events.append(event)
        following = seq + 1
    return stretches


def _valid_events(path: Path) -> Iterator[Event]:
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        return
    with file:
        for line in file:
            yield from find_events(line)
