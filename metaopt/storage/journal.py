"""Journal: one event per line, each with a checksum, appended and synced before anything relies on it.

A line is a JSON object whose last key is the CRC-32 of everything before it::

    {"seq":7,"group":7,"event":"epoch","trial":2,…,"crc":"0a1b2c3d"}

``seq`` numbers the events from 0. Events of one write share a ``group``, the ``seq`` of the first of them. A later
group is written only after an earlier one was synced. This distinguishes an incomplete end (left by a crash in the last
group: removed) from damage (synced lines that cannot be read: refused, and left unchanged).
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.files.regular_file import open_regular
from metaopt.storage.files import Files
from metaopt.storage.journal_lines import Event, NotAnEvent, decode, decode_all, describe, encode, is_torn_group
from metaopt.storage.locking import lock_file
from metaopt.terminal.commands import command, shown
from metaopt.values.json_values import to_json_document

__all__ = ["DamagedJournal", "Event", "Journal", "JournalLost", "Reading", "Scan", "damaged", "read"]


_BATCH_BYTES = 2**16  # decoded at a time


class DamagedJournal(UserError):
    """Synced lines cannot be read; the file is left unchanged."""


class JournalLost(ResultsNotWritable):
    """The journal was removed, emptied or replaced while a search ran."""


def damaged(path: Path, line: int, reason: str) -> DamagedJournal:
    """Return the error for a line that cannot be read.

    Args:
        path: the journal.
        line: number of the line, from 1.
        reason: a clause with the reason.
    """
    return DamagedJournal(
        f"{shown(path)}: line {line} is damaged: {reason}. The file was not changed. Restore it from a backup, or"
        f" rebuild it from its undamaged lines and the records with `{command('repair', path.parent)}`."
    )


class Scan:
    """Iterates over the events of a journal without holding them in memory; a missing file has none.

    Iterating again yields the events that were appended since.

    Attributes:
        path: the file.
        events: number of valid events read so far.
        size: bytes up to the end of the last one.
        torn: bytes after it, which a crash left behind; known at the end.
        torn_event: what these bytes were of, e.g. ``epoch 3 of trial 2``.
        newline: the line end of the file.
        is_open_ended: whether the last valid event lacks its line end.
    """

    def __init__(self, path: Path):
        self.path = path
        self.events = 0
        self.size = 0
        self.torn = 0
        self.torn_event = ""
        self.newline = b"\n"
        self.is_open_ended = False
        self._longest = 0  # bytes of a line; the header, which holds the problem's source, does not count

    def __iter__(self) -> Iterator[Event]:
        """Yield the events without ``seq`` and ``group``.

        Raises:
            DamagedJournal: A line before the incomplete end cannot be read.
            UserError: The file cannot be read at all.
        """
        self.torn, self.torn_event = 0, ""
        try:
            file = open_regular(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise UserError(
                f"{shown(self.path)} cannot be read ({error.strerror}). Make it a readable file."
            ) from error
        with file:
            self._skip_line_end(file)
            while lines := file.readlines(_BATCH_BYTES):
                events = decode_all(lines)
                for place, line in enumerate(lines):
                    event = events[place] if place < len(events) else self._decode(line)
                    if event is None or event.pop("seq") != self.events:
                        self._end(b"".join(lines[place:]) + file.read())
                        return
                    del event["group"]
                    if self.events:
                        self._longest = max(self._longest, len(line))
                    elif line.endswith(b"\r\n"):
                        self.newline = b"\r\n"
                    self.events += 1
                    self.size += len(line)
                    self.is_open_ended = not line.endswith(b"\n")
                    yield event

    def _skip_line_end(self, file: BinaryIO) -> None:
        """Go to the first event that was not read yet, behind a line end that was missing the last time."""
        file.seek(self.size)
        if self.is_open_ended:
            follows = file.read(2)
            self.size += 2 if follows == b"\r\n" else int(follows.startswith(b"\n"))
            file.seek(self.size)

    def _decode(self, line: bytes) -> Event | None:
        try:
            return decode(line)
        except NotAnEvent as error:
            raise damaged(self.path, self.events + 1, str(error)) from None

    def _end(self, rest: bytes) -> None:
        """Note the incomplete end of the file.

        Raises:
            DamagedJournal: It was synced.
        """
        if not is_torn_group(rest, self.events, self._longest):
            raise damaged(self.path, self.events + 1, "its checksum or its number is wrong")
        self.torn, self.torn_event = len(rest), describe(rest)


@dataclass(frozen=True)
class Reading:
    """Content of a journal file.

    Attributes:
        events: every valid event, without ``seq`` and ``group``.
        size: bytes up to the end of the last valid event.
        torn: bytes after it, which a crash left behind.
    """

    events: list[Event]
    size: int
    torn: int


def read(path: Path) -> Reading:
    """Read a journal without changing it; a missing file is an empty journal.

    Raises:
        DamagedJournal: A line before the incomplete end cannot be read.
    """
    scan = Scan(path)
    events = list(scan)
    return Reading(events, scan.size, scan.torn)


class Journal:
    """A journal open for writing, locked until it is closed.

    The file stays open, and each write first checks that it still has its name and its size. A journal that was
    removed, emptied or replaced is left alone.

    Usage: open, iterate over ``scan`` to its end, then ``begin`` to remove an incomplete end, then ``append``.

    Args:
        path: the file; created where it is missing.
        files: the file operations.

    Raises:
        Locked: A search has it open.
        ResultsNotWritable: The file cannot be opened.
    """

    def __init__(self, path: Path, files: Files | None = None):
        self.path = path
        self.scan = Scan(path)
        self._files = files or Files()
        self._file, self._is_new = self._files.open_journal(path)
        try:
            lock_file(self._file)
            at_path, own = os.stat(path), os.fstat(self._file.fileno())
        except BaseException:
            self._file.close()
            raise
        # Some network file systems number files anew each time they are asked.
        self._has_identity = (at_path.st_dev, at_path.st_ino) == (own.st_dev, own.st_ino)
        self._next = 0
        self._size = own.st_size
        self._missing_newline = b""

    def begin(self) -> None:
        """Remove the incomplete end, after all events were read.

        Raises:
            ResultsNotWritable: The file cannot be written.
        """
        self._next = self.scan.events
        if self.scan.torn:
            self._cut(self.scan.size)
        if self.scan.is_open_ended:
            self._missing_newline = self.scan.newline

    def clear(self) -> None:
        """Remove all events, to begin another study.

        Raises:
            ResultsNotWritable: The file cannot be written.
        """
        self._cut(0)
        self._next, self._missing_newline = 0, b""

    def append(self, events: Iterable[Event]) -> list[Event]:
        """Append events as one group; they are on disk when this returns.

        Returns:
            The events as a reader of the file has them: in the types of JSON, whatever they held.

        Raises:
            JournalLost: The file was removed, emptied or replaced meanwhile.
            ResultsNotWritable: The disk is full or the folder read-only. The journal must then be opened anew.
        """
        group = self._next
        batch = [to_json_document(event) for event in events]
        lines = [
            encode({"seq": group + i, "group": group, **event}, self.scan.newline) for i, event in enumerate(batch)
        ]
        data = self._missing_newline + b"".join(lines)
        self.require_intact()
        try:
            self._files.append(self._file, data, is_new=self._is_new)
        finally:  # an interrupted write is our own
            self._size = os.fstat(self._file.fileno()).st_size
        self._is_new, self._missing_newline = False, b""
        self._next += len(batch)
        return batch

    def require_intact(self) -> None:
        """Check that the open file still has its name and its size.

        Raises:
            JournalLost: It does not.
        """
        try:
            at_path = os.stat(self.path)
        except OSError:
            raise self._lost("removed") from None
        own = os.fstat(self._file.fileno())
        if self._has_identity and (at_path.st_dev, at_path.st_ino) != (own.st_dev, own.st_ino):
            raise self._lost("replaced")
        if at_path.st_size != self._size:
            raise self._lost("changed by another program" if at_path.st_size else "emptied")

    def close(self) -> None:
        """Close the file, which releases its lock."""
        self._file.close()

    def _cut(self, size: int) -> None:
        self._files.cut(self._file, size)
        self._size = size

    def _lost(self, how: str) -> JournalLost:
        return JournalLost(
            f"{shown(self.path)} was {how} while the search was running, so the search ends and writes nothing more."
            f" Restore the file, or rebuild it from the records with `{command('repair', self.path.parent)}`."
        )
