"""Salvage: the valid lines of a journal, wherever they are."""

import random

import pytest

from metaopt.storage.journal_lines import encode
from metaopt.storage.salvage import salvage


def lines(number: int) -> list[bytes]:
    return [encode({"seq": seq, "group": seq, "event": "epoch", "trial": seq}) for seq in range(number)]


def salvaged(path, content: bytes) -> list[int]:
    path.write_bytes(content)
    stretches = salvage(path)
    for stretch in stretches:
        assert [event["trial"] for event in stretch.events] == list(
            range(stretch.first, stretch.first + len(stretch.events))
        )
    return [event["trial"] for stretch in stretches for event in stretch.events]


def test_lines_after_damage_are_found(tmp_path):
    written = lines(6)
    damaged = [*written[:2], b"\0" * 40 + b"\n", written[3], written[4][:-9] + b"\n", written[5]]
    assert salvaged(tmp_path / "journal", b"".join(damaged)) == [0, 1, 3, 5]
    assert [stretch.first for stretch in salvage(tmp_path / "journal")] == [0, 3, 5]
    assert salvage(tmp_path / "missing") == []


@pytest.mark.parametrize("byte", [b"X", b"\0", b"", b"\r", b"{"])
def test_lines_without_their_line_feed_are_found(tmp_path, byte):
    written = lines(5)
    joined = written[0] + written[1][:-1] + byte + written[2][:-1] + byte + written[3] + written[4]
    assert salvaged(tmp_path / "journal", joined) == [0, 1, 2, 3, 4]


def test_lines_written_twice_or_in_another_order_count_once(tmp_path):
    written = lines(5)
    assert salvaged(tmp_path / "journal", b"".join([*written, *written])) == [0, 1, 2, 3, 4]
    assert salvaged(tmp_path / "journal", b"".join([written[0], written[3], written[1], written[4]])) == [0, 3, 4]


def test_random_damage_costs_the_damaged_lines_only(tmp_path):
    written, rng = lines(40), random.Random(0)
    whole = b"".join(written)
    for _ in range(200):
        start, length = rng.randrange(len(whole)), rng.choice([1, 30, 300])
        content = whole[:start] + rng.randbytes(length) + whole[start + length :]
        hit, position = set(), 0
        for number, line in enumerate(written):
            if position < start + length and start < position + len(line) - 1:
                hit.add(number)
            position += len(line)
        found = salvaged(tmp_path / "journal", content)
        assert set(range(40)) - hit <= set(found)
