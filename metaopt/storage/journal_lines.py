"""Lines of a journal: encoding, checksums, and the incomplete end that a crash leaves behind."""

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from metaopt.values.json_values import encode_json

Event = dict[str, Any]

_TAIL = b',"crc":"%08x"}\n'
_TAIL_LENGTH = len(_TAIL % 0)
_BOM = b"\xef\xbb\xbf"
# The first keys of every line. Quotes inside of values are escaped, so that it cannot be found in the middle of a line.
_START = re.compile(rb'\{"seq":(\d+),"group":(\d+),')
_END = re.compile(rb',"crc":"[0-9a-f]{8}"\}')
_NAMED = re.compile(rb'"event":"(\w+)"')
_TRIAL = re.compile(rb'"trial":(\d+)')
_EPOCH = re.compile(rb'"epoch":(\d+)')


class NotAnEvent(ValueError):
    """A line has a right checksum, but its content is not an event."""


def encode(event: Event, newline: bytes = b"\n") -> bytes:
    """Return the line of an event."""
    body = encode_json(event, compact=True)[:-1]
    return body + (_TAIL % zlib.crc32(body))[:-1] + newline


def decode(line: bytes) -> Event | None:
    """Return the event of a line, or None if its checksum does not match.

    A byte-order mark, a carriage return before the line feed and a missing end of the last line, as editors and git
    leave them, do not matter.

    Raises:
        NotAnEvent: The checksum matches something that is not an event.
    """
    line = line.removeprefix(_BOM).rstrip(b"\r\n") + b"\n"
    if not _has_right_checksum(line):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotAnEvent(f"it is not JSON ({error})") from None
    return _checked(event)


def decode_all(lines: Sequence[bytes]) -> list[Event]:
    """Return the events of lines up to the first that is not a line as ``encode`` writes it; ``decode`` tells why.

    It is twice as fast as decoding line by line, and the events share the texts of their keys.
    """
    n_sound = next((n for n, line in enumerate(lines) if not _has_right_checksum(line)), len(lines))
    lines = lines[:n_sound]
    try:
        events = json.loads(b"[" + b",".join(lines) + b"]")
        if len(events) == n_sound:
            return [_checked(event) for event in events]
    except (ValueError, RecursionError):
        pass
    return list(_decoded(lines))


def _decoded(lines: Sequence[bytes]) -> Iterator[Event]:
    for line in lines:
        event = _decodes(line)
        if event is None:
            return
        yield event


def _has_right_checksum(line: bytes) -> bool:
    body, tail = memoryview(line)[:-_TAIL_LENGTH], line[-_TAIL_LENGTH:]
    return tail == _TAIL % zlib.crc32(body)


def _checked(event: Any) -> Event:
    """Return what a line holds, without its checksum.

    Raises:
        NotAnEvent: It is not an event.
    """
    if not isinstance(event, dict):
        raise NotAnEvent("it is not an object")
    if not (type(event.get("seq")) is int and type(event.get("group")) is int and isinstance(event.get("event"), str)):
        raise NotAnEvent("it has no seq, group or event")
    del event["crc"]
    return event


def find_events(text: bytes) -> Iterator[Event]:
    """Yield the events in a line, several where the line feed between them was changed, and none that is damaged."""
    event = _decodes(text)
    if event is not None:
        yield event
        return
    bounds = [*(start.start() for start in _START.finditer(text)), len(text)]
    for start, following in pairwise(bounds):
        for end in _END.finditer(text, start, following):
            event = _decodes(text[start : end.end()])
            if event is not None:
                yield event
                break


def is_torn_group(rest: bytes, seq: int, longest: int) -> bool:
    """Return whether bytes that are no valid line are the end of one write that a crash interrupted.

    Only then nothing that was synced is lost by removing them: a later group is written after an earlier one was
    synced. The bytes are such an end if a valid line of the same group follows them, or if they are the beginning of
    the expected line, possibly followed by zeros, which file systems leave where data did not reach the disk.

    Args:
        rest: the bytes, to the end of the file.
        seq: number of the first event in them.
        longest: bytes of the longest line so far; more zeros may have been several lines.
    """
    starts = list(_START.finditer(rest))
    if any(int(start[2]) > seq for start in starts) or any(_decodes(rest[: end.end()]) for end in _END.finditer(rest)):
        return False  # of a later group, or a whole event in front of a changed line feed
    for start in starts:
        event = _decodes(rest[start.start() :].partition(b"\n")[0])
        if event is not None and event["seq"] > seq >= event["group"]:
            return True
    if b"\0" in rest:
        if b"\n" in rest[:-1] or len(rest) > longest or (seq == 0 and rest.startswith(b"\0")):
            return False
    elif b"\n" in rest:
        return False  # a whole line was written, and has changed since
    if len(starts) > 1 or (starts and starts[0].start() > 0):
        return False
    written = rest.split(b"\0")[0]
    expected = b'{"seq":%d,"group":' % seq
    return written[: len(expected)] == expected[: len(written)]


def _decodes(line: bytes) -> Event | None:
    try:
        return decode(line)
    except NotAnEvent:
        return None


def describe(rest: bytes) -> str:
    """Return which event an incomplete line was of: ``epoch 3 of trial 2``."""
    name, trial, epoch = (pattern.search(rest) for pattern in (_NAMED, _TRIAL, _EPOCH))
    if trial is None:
        return f"the event {name[1].decode()}" if name is not None else "an event whose name is lost"
    if epoch is not None:
        return f"epoch {int(epoch[1])} of trial {int(trial[1])}"
    return f"the event {name[1].decode()} of trial {int(trial[1])}" if name is not None else f"trial {int(trial[1])}"
