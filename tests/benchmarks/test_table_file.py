import json
from pathlib import Path

import pytest

from benchmarks.peers.table_file import TableFile
from metaopt.errors import UserError

HEADER = {"epochs": 27, "data": "digits"}


def test_rows_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    TableFile(path, HEADER).add({"id": 3, "seed": 1})
    assert TableFile(path, HEADER).done == {(3, 1)}


def test_torn_last_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    TableFile(path, HEADER).add({"id": 0, "seed": 0})
    with path.open("a") as file:
        file.write('{"id": 1, "se')
    file_again = TableFile(path, HEADER)
    file_again.add({"id": 1, "seed": 0})
    assert [json.loads(line) for line in path.read_text().splitlines()][1:] == [
        {"id": 0, "seed": 0},
        {"id": 1, "seed": 0},
    ]


def test_other_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    TableFile(path, HEADER)
    with pytest.raises(UserError, match="was made with epochs 27, not 9"):
        TableFile(path, {**HEADER, "epochs": 9})


def test_file_without_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text('{"id": 0}\n')
    with pytest.raises(UserError, match="no table of make_table"):
        TableFile(path, HEADER)
