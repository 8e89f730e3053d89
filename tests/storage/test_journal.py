"""The journal: appended events, torn ends, damaged lines, line ends, and a file that changes while it is open."""

import json
import os
import random
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from metaopt.storage.journal import DamagedJournal, Journal, JournalLost, Scan, read
from metaopt.storage.journal_lines import decode, decode_all, encode
from metaopt.storage.locking import Locked

EVENTS = [{"event": "epoch", "trial": i, "metrics": {"val_loss": 0.1 * i}, "text": "é × \n"} for i in range(4)]


@contextmanager
def opened(path) -> Iterator[tuple[Journal, list]]:
    """Open a journal as a search does, and yield it with its events."""
    journal = Journal(path)
    try:
        events = list(journal.scan)
        journal.begin()
        yield journal, events
    finally:
        journal.close()


def write(path, *groups) -> None:
    """Append groups of events."""
    with opened(path) as (journal, _):
        for group in groups:
            journal.append(group)


def line(**event) -> bytes:
    """A line with a right checksum."""
    return checked(json.dumps(event, separators=(",", ":")).encode()[:-1])


def checked(body: bytes) -> bytes:
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, EVENTS[:1], EVENTS[1:3], EVENTS[3:])
    return path


@pytest.fixture
def single(tmp_path):
    """A journal of 20 groups, as a search writes it."""
    path = tmp_path / "single.jsonl"
    write(path, *[[{**EVENTS[1], "trial": i // 4, "epoch": i % 4 + 1}] for i in range(20)])
    return path


def refuse(path, line: str = "") -> None:
    """Check that a journal is refused by reader and writer, and stays as it is."""
    before = path.read_bytes()
    with pytest.raises(DamagedJournal, match=rf"{line} is damaged: .*metaopt repair"):
        read(path)
    with pytest.raises(DamagedJournal), opened(path):
        pass
    assert path.read_bytes() == before


def test_appended_events_are_read_back(path):
    assert read(path).events == EVENTS
    with opened(path) as (_, events):
        assert events == EVENTS
    assert all(json.loads(line)["event"] == "epoch" for line in path.read_text().splitlines())


def test_a_missing_file_is_an_empty_journal(tmp_path):
    assert read(tmp_path / "none").events == []
    assert read(tmp_path / "none" / "nothing").events == []


def test_a_file_cut_anywhere_keeps_its_whole_lines(path):
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        lines = sum(end - 1 <= size for end in ends)  # a whole line without its line feed is read
        with opened(path) as (journal, events):
            assert events == EVENTS[:lines]
            assert bool(journal.scan.torn) == (size not in (0, *ends, *(end - 1 for end in ends)))
            journal.append([EVENTS[3]])
        assert read(path).events == [*EVENTS[:lines], EVENTS[3]]


def test_reading_alone_changes_nothing(path):
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)
    reading = read(path)
    assert reading.events == EVENTS[:3]
    assert reading.torn == len(torn) - reading.size
    assert path.read_bytes() == torn


def test_a_changed_byte_is_refused(path):
    whole = path.read_bytes()
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        path.write_bytes(damaged)
        number = whole.count(b"\n", 0, position) + 1
        refuse(path, f"line {number}")


def test_random_damage_is_never_misread(single):
    whole = single.read_bytes()
    events = read(single).events
    lines = whole.splitlines(keepends=True)
    rng = random.Random(0)
    for _ in range(600):
        start = rng.randrange(len(whole))
        length = rng.choice([1, 2, 7, 60, 200, 700])
        kind = rng.choice(["bits", "zeros", "removed", "doubled", "noise"])
        part = whole[start : start + length]
        changed = {
            "bits": bytes(byte ^ (1 << rng.randrange(8)) for byte in part[:3]) + part[3:],
            "zeros": bytes(len(part)),
            "removed": b"",
            "doubled": part + part,
            "noise": rng.randbytes(len(part)),
        }[kind]
        damaged = whole[:start] + changed + whole[start + length :]
        single.write_bytes(damaged)
        intact = sum(a == b for a, b in zip(lines, damaged.splitlines(keepends=True), strict=False))
        try:
            found = read(single).events
        except DamagedJournal:
            continue
        assert found == events[: len(found)]
        # Only what may be one torn write is ever left out.
        is_cut = kind == "removed" and start + length >= len(whole)
        assert is_cut or len(found) >= min(intact, len(events) - 1), (start, length, kind)


def test_a_removed_line_is_refused(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    refuse(path, "line 2")


@pytest.mark.parametrize("count", [2, 3, 12, 19])
@pytest.mark.parametrize("keeps_line_feeds", [True, False])
def test_zeroed_lines_at_the_end_are_refused(single, count, keeps_line_feeds):
    lines = single.read_bytes().splitlines(keepends=True)
    zeroed = [b"\0" * (len(line) - 1) + (b"\n" if keeps_line_feeds else b"\0") for line in lines[-count:]]
    single.write_bytes(b"".join(lines[:-count] + zeroed))
    refuse(single, f"line {21 - count}")


def test_zeros_from_the_middle_of_a_line_on_are_refused(single):
    lines = single.read_bytes().splitlines(keepends=True)
    single.write_bytes(b"".join(lines[:15]) + lines[15][:40] + b"\0" * (len(b"".join(lines[15:])) - 40))
    refuse(single, "line 16")


@pytest.mark.parametrize("byte", [b"\x0b", b"\x8a", b"\0", b" ", b"\r"])
def test_a_changed_line_feed_cuts_nothing(single, byte):
    lines = single.read_bytes().splitlines(keepends=True)
    for number in (1, 10, 19):
        single.write_bytes(b"".join(lines[: number - 1]) + lines[number - 1][:-1] + byte + b"".join(lines[number:]))
        refuse(single, f"line {number}")


def test_a_power_cut_that_leaves_zeros_is_survived(single):
    lines = single.read_bytes().splitlines(keepends=True)
    for torn in (b"\0" * len(lines[19]), lines[19][:30] + b"\0" * 70, b"\0" * 50 + lines[19][50:]):
        single.write_bytes(b"".join(lines[:19]) + torn)
        with opened(single) as (journal, events):
            assert len(events) == 19
            assert journal.scan.torn == len(torn)
        assert single.read_bytes() == b"".join(lines[:19])


def test_the_last_group_may_be_torn_anywhere(path):
    """A disk may keep the end of an unsynced write and lose its beginning."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * len(lines[1]) + lines[2])
    with opened(path) as (_, events):
        assert events == EVENTS[:1]


@pytest.mark.parametrize(
    "content", [b"\0" * 5000, b"\0", b"\n", b"text\n", b"{}\n", b"\x89PNG\r\n", b"\xff\xfe{\0", b'{"seq":1,"group":1,']
)
def test_a_first_line_that_does_not_read_is_refused(tmp_path, content):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    refuse(path, "line 1")


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
def test_line_ends_of_editors_are_read_and_continued(path, prefix):
    path.write_bytes(prefix + path.read_bytes().replace(b"\n", b"\r\n"))
    with opened(path) as (journal, events):
        assert events == EVENTS
        journal.append(EVENTS[:2])
    content = path.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == 6
    assert read(path).events == EVENTS + EVENTS[:2]
    path.write_bytes(content[:-30])
    assert read(path).events == [*EVENTS, EVENTS[0]]


def test_a_missing_last_line_feed_is_added(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    write(path, [EVENTS[0]])
    assert path.read_bytes().startswith(whole)
    assert read(path).events == [*EVENTS, EVENTS[0]]


@pytest.mark.parametrize(
    "content",
    [
        checked(b"[1,2"),
        checked(b"7"),
        checked(b"null"),
        checked(b'"seq'),
        checked(b'{"seq":0,"group":0,"event":' + b"[" * 5000 + b"]" * 5000),
        line(seq=0, group=0),
        line(seq=0, event="study"),
        line(group=0, event="study"),
        line(seq="0", group=0, event="study"),
        line(seq=0, group=None, event="study"),
        line(seq=0, group=0, event=["study"]),
        line(seq=True, group=0, event="study"),
        line(seq=0, group=1.5, event="study"),
    ],
)
def test_checked_lines_of_other_types_are_damaged(tmp_path, content):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    refuse(path, "line 1")
    path.write_bytes(line(seq=0, group=0, event="study") + content)
    refuse(path, "line 2")


@pytest.mark.parametrize(
    ("event", "size", "text"),
    [
        ({"event": "epoch", "trial": 2, "epoch": 3}, 60, "epoch 3 of trial 2"),
        ({"event": "proposed", "trial": 5}, 60, "the event proposed of trial 5"),
        ({"event": "done", "reason": ""}, 40, "the event done"),
        ({"event": "done"}, 10, "an event whose name is lost"),
    ],
)
def test_the_removed_event_is_named(tmp_path, event, size, text):
    path = tmp_path / "journal.jsonl"
    write(path, [{"event": "study"}])
    before = path.stat().st_size
    write(path, [{**event, "more": "x" * 80}])
    os.truncate(path, before + size)
    scan = Scan(path)
    assert len(list(scan)) == 1
    assert scan.torn_event == text


def test_values_outside_of_json_are_written_as_they_are_read(path):
    ring = {}
    ring["me"] = ring
    event = {"event": "ended", "nan": float("nan"), "ring": ring, (0, 1): b"bytes", "name": "caf\udce9"}
    with opened(path) as (journal, _):
        stored = journal.append([event])
    expected = {"event": "ended", "nan": None, "ring": {"me": "{...}"}, "(0, 1)": "b'bytes'", "name": "caf\udce9"}
    assert stored == [expected]
    assert read(path).events == [*EVENTS, expected]


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be removed there")
def test_an_open_journal_cannot_be_opened_again(path):
    with opened(path), pytest.raises(Locked):
        Journal(path)
    with opened(path):
        pass


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def replace_by_a_copy(path):
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    os.replace(copy, path)


def append_a_line(path):
    with path.open("ab") as file:
        file.write(b"x\n")


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be removed there")
@pytest.mark.parametrize(
    ("change", "how"),
    [(remove, "removed"), (empty, "emptied"), (replace_by_a_copy, "replaced"), (append_a_line, "changed by another")],
)
def test_a_journal_that_changes_while_open_is_left_alone(path, change, how):
    with opened(path) as (journal, _):
        journal.append(EVENTS[:1])
        change(path)
        after = path.read_bytes() if path.exists() else None
        with pytest.raises(JournalLost, match=rf"was {how}.*metaopt repair") as caught:
            journal.append(EVENTS[:1])
        assert caught.value.exit_code == 6
        assert (path.read_bytes() if path.exists() else None) == after


@pytest.mark.slow
def test_a_long_journal_is_streamed(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, *[[{"event": "epoch", "text": "x" * 1000}] * 100] * 100)
    assert path.stat().st_size > 10e6
    tracemalloc.start()
    assert sum(1 for _ in Scan(path)) == 10_000
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_decoding_many_lines_stops_at_the_first_that_is_not_sound():
    lines = [encode({"seq": seq, "group": seq, "event": "epoch", "metrics": {"loss": seq / 3}}) for seq in range(6)]
    assert decode_all(lines) == [decode(line) for line in lines]
    assert decode_all([]) == []
    for other in (
        b"\0" * 30 + b"\n",
        lines[4][:-9],
        lines[4].replace(b"loss", b"lost"),
        checked(b'{"seq":4'),
        checked(b""),
    ):
        assert decode_all([*lines[:4], other, lines[5]]) == decode_all(lines[:4])


def test_lines_that_are_json_only_together_are_not_sound():
    """Each has a right checksum."""
    assert decode_all([checked(b'{"seq":0,"x":{"y":1'), checked(b'"group":0,"event":"a"')]) == []
