"""The journal: one event a line, each with a checksum, appended and synced before anything relies on it.

A line is a JSON object whose last key is the CRC-32 of all that stands before it::

    {"seq":7,"group":7,"event":"epoch","trial":2,…,"crc":"0a1b2c3d"}

``seq`` numbers the events from 0. Events that were written by one call share a ``group``, the ``seq`` of the first of
them; a later group is written only after an earlier one was synced. That tells a torn end (what a crash leaves of the
last group: cut back) from a damaged middle (synced lines that no longer read: refused, and left as they are).
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.storage.files import Files

Event = dict[str, Any]

_TAIL = b',"crc":"%08x"}\n'
_TAIL_LENGTH = len(_TAIL % 0)


class DamagedJournal(UserError):
    """Lines that had been synced no longer read; the file is left untouched."""


@dataclass(frozen=True)
class Reading:
    """What a journal file holds.

    Attributes:
        events: every sound event, without ``seq``, ``group`` and ``crc``.
        size: bytes up to the end of the last sound event.
        torn: bytes after it, which a crash left behind.
    """

    events: list[Event]
    size: int
    torn: int


class Journal:
    """An open journal; only the holder of the study's lock may open one."""

    def __init__(self, path: Path, files: Files | None = None):
        self.path = path
        self._files = files or Files()
        reading = read(path)
        self.torn = reading.torn
        if reading.torn:
            self._files.cut(path, reading.size)
        self.events = reading.events
        self._next = len(reading.events)

    def append(self, events: Iterable[Event]) -> None:
        """Writes events as one group; they are on disk when this returns.

        Raises:
            ResultsNotWritable: the disk is full or the folder read-only. The journal must then be opened anew.
            ValueError: an event holds a value that JSON cannot say, such as NaN.
        """
        group = self._next
        batch = list(events)
        data = b"".join(_encode({"seq": group + i, "group": group, **event}) for i, event in enumerate(batch))
        self._files.append(self.path, data)
        self._next += len(batch)


def read(path: Path) -> Reading:
    """Reads a journal without changing it; a missing file is an empty journal.

    Raises:
        DamagedJournal: a line before the torn end does not read.
    """
    data = path.read_bytes() if path.exists() else b""
    events: list[Event] = []
    position = 0
    while position < len(data):
        end = data.find(b"\n", position) + 1
        line = data[position:end] if end else data[position:]
        event = _decode(line)
        if event is None or event["seq"] != len(events):
            _refuse_unless_torn(path, data[position:], len(events))
            break
        events.append({key: value for key, value in event.items() if key not in ("seq", "group")})
        position += len(line)
    return Reading(events, position, len(data) - position)


def _refuse_unless_torn(path: Path, rest: bytes, seq: int) -> None:
    """Tells a torn end from damage: after a torn line nothing of a later group can have been written."""
    for line in rest.splitlines(keepends=True):
        event = _decode(line)
        if event is not None and event["group"] > seq:
            raise DamagedJournal(
                f"{path}: line {seq + 1} is damaged and sound lines follow it: restore the file from a backup, or"
                " move the study's folder away and start a new one; the file was left as it is."
            )


def _encode(event: Event) -> bytes:
    body = json.dumps(event, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
    return body + _TAIL % zlib.crc32(body)


def _decode(line: bytes) -> Event | None:
    """The event of a line, or None if the line is not whole."""
    body, tail = line[:-_TAIL_LENGTH], line[-_TAIL_LENGTH:]
    if tail != _TAIL % zlib.crc32(body):
        return None
    event = json.loads(body + b"}")
    return event if {"seq", "group", "event"} <= event.keys() else None
