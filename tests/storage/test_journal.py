"""The journal: appended events, torn ends and damaged lines."""

import json

import pytest

from metaopt.storage.journal import DamagedJournal, Journal, read

EVENTS = [{"event": "epoch", "trial": i, "metrics": {"val_loss": 0.1 * i}, "text": "é × \n"} for i in range(4)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(EVENTS[:1])
    journal.append(EVENTS[1:3])
    journal.append(EVENTS[3:])
    return path


def test_appended_events_are_read_back(path):
    assert read(path).events == EVENTS
    assert Journal(path).events == EVENTS
    assert all(json.loads(line)["event"] == "epoch" for line in path.read_text().splitlines())


def test_a_missing_file_is_an_empty_journal(tmp_path):
    assert read(tmp_path / "none").events == []


def test_a_file_cut_anywhere_keeps_its_whole_lines(path):
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        lines = sum(end <= size for end in ends)
        journal = Journal(path)
        assert journal.events == EVENTS[:lines]
        assert bool(journal.torn) == (size not in (0, *ends))
        journal.append([EVENTS[3]])
        assert read(path).events == [*EVENTS[:lines], EVENTS[3]]


def test_reading_alone_changes_nothing(path):
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)
    reading = read(path)
    assert reading.events == EVENTS[:3]
    assert reading.torn == len(torn) - reading.size
    assert path.read_bytes() == torn


def test_a_changed_byte_of_an_earlier_group_is_refused(path):
    whole = path.read_bytes()
    last_group = whole.rindex(b"\n", 0, -1) + 1
    for position in range(0, last_group, 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        path.write_bytes(damaged)
        line = whole.count(b"\n", 0, position) + 1
        with pytest.raises(DamagedJournal, match=rf"line {line} is damaged"):
            Journal(path)
        assert path.read_bytes() == damaged


def test_a_removed_line_is_refused(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(DamagedJournal, match="line 2"):
        Journal(path)


def test_the_last_group_may_be_torn_anywhere(path):
    """A disk may keep the end of an unsynced write and lose its beginning."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * len(lines[1]) + lines[2])
    assert Journal(path).events == EVENTS[:1]


def test_values_outside_of_json_are_written_as_they_are_read(path):
    ring = {}
    ring["me"] = ring
    event = {"event": "ended", "nan": float("nan"), "ring": ring, (0, 1): b"bytes", "name": "caf\udce9"}
    stored = Journal(path).append([event])
    expected = {"event": "ended", "nan": None, "ring": {"me": "{...}"}, "(0, 1)": "b'bytes'", "name": "caf\udce9"}
    assert stored == [expected]
    assert Journal(path).events == [*EVENTS, expected]
