"""Journal: one event per line, each with a checksum, appended and synced before anything relies on it.

A line is a JSON object whose last key is the CRC-32 of everything before it::

    {"seq":7,"group":7,"event":"epoch","trial":2,…,"crc":"0a1b2c3d"}

``seq`` numbers the events from 0. Events of one write share a ``group``, the ``seq`` of the first of them. A later
group is written only after an earlier one was synced. This distinguishes an incomplete end (left by a crash in the last
group: removed) from a damaged middle (synced lines that cannot be read: refused, and left unchanged).
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.json_values import encode_json, to_json_document
from metaopt.storage.files import Files

Event = dict[str, Any]

_TAIL = b',"crc":"%08x"}\n'
_TAIL_LENGTH = len(_TAIL % 0)


class DamagedJournal(UserError):
    """Synced lines cannot be read; the file is left unchanged."""


@dataclass(frozen=True)
class Reading:
    """Content of a journal file.

    Attributes:
        events: every valid event, without ``seq``, ``group`` and ``crc``.
        size: bytes up to the end of the last valid event.
        torn: bytes after it, which a crash left behind.
    """

    events: list[Event]
    size: int
    torn: int


class Journal:
    """A journal open for writing; only the holder of the study's lock may open one."""

    def __init__(self, path: Path, files: Files | None = None):
        self.path = path
        self._files = files or Files()
        reading = read(path)
        self.torn = reading.torn
        if reading.torn:
            self._files.cut(path, reading.size)
        self.events = reading.events
        self._next = len(reading.events)

    def clear(self) -> None:
        """Remove all events, to begin another study.

        Raises:
            ResultsNotWritable: The file cannot be written.
        """
        self._files.cut(self.path, 0)
        self.events = []
        self._next = 0

    def append(self, events: Iterable[Event]) -> list[Event]:
        """Append events as one group; they are on disk when this returns.

        Returns:
            The events as a reader of the file has them: in the types of JSON, whatever they held.

        Raises:
            ResultsNotWritable: The disk is full or the folder read-only. The journal must then be opened anew.
        """
        group = self._next
        batch = [to_json_document(event) for event in events]
        data = b"".join(_encode({"seq": group + i, "group": group, **event}) for i, event in enumerate(batch))
        self._files.append(self.path, data)
        self._next += len(batch)
        return batch


def read(path: Path) -> Reading:
    """Read a journal without changing it; a missing file is an empty journal.

    Raises:
        DamagedJournal: A line before the incomplete end cannot be read.
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
    """Distinguish an incomplete end from damage: nothing of a later group can follow an incomplete line."""
    for line in rest.splitlines(keepends=True):
        event = _decode(line)
        if event is not None and event["group"] > seq:
            raise DamagedJournal(
                f"{path}: line {seq + 1} is damaged, and valid lines follow it. Restore the file from a backup, or move"
                " the study's folder away and start a new study. The file was not changed."
            )


def _encode(event: Event) -> bytes:
    body = encode_json(event, compact=True)[:-1]
    return body + _TAIL % zlib.crc32(body)


def _decode(line: bytes) -> Event | None:
    """Return the event of a line, or None if the line is incomplete."""
    body, tail = line[:-_TAIL_LENGTH], line[-_TAIL_LENGTH:]
    if tail != _TAIL % zlib.crc32(body):
        return None
    event = json.loads(body + b"}")
    return event if {"seq", "group", "event"} <= event.keys() else None
