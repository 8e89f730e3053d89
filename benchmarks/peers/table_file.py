"""Growing file of a table: a header, and one JSON line per trained network and seed."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from metaopt.errors import UserError

HEADER = "table"
"""Key of the header line, which holds the settings of the table."""


class TableFile:
    """Append-only file, complete up to its last line at any moment.

    Args:
        path: the ``.jsonl`` file; created with its header if it does not exist.
        header: settings of the table; JSON types only.

    Attributes:
        done: (id of the network, seed) of each line.

    Raises:
        UserError: the file was made with other settings, or is no table.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._path = path
        self.done: set[tuple[int, int]] = set()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            cut_torn_line(path)
        if path.exists() and path.stat().st_size:
            self._read(header)
        else:
            self._append({HEADER: header})

    def add(self, row: dict[str, Any]) -> None:
        """Append the row of a network and seed; it is on disk when this returns."""
        self._append(row)
        self.done.add((row["id"], row["seed"]))

    def _read(self, header: dict[str, Any]) -> None:
        lines = read_lines(self._path)
        found = next(lines, {}).get(HEADER)
        if not isinstance(found, dict):
            raise UserError(f"{self._path} is no table of make_table: its first line has no settings.")
        for name in sorted(header.keys() | found.keys()):
            if header.get(name) != found.get(name):
                raise UserError(
                    f"{self._path} was made with {name} {found.get(name)}, not {header.get(name)}. Resume it with the"
                    " same settings, or choose another file."
                )
        self.done = {(row["id"], row["seed"]) for row in lines}

    def _append(self, row: dict[str, Any]) -> None:
        append_line(self._path, json.dumps(row, allow_nan=False))


def append_line(path: Path, line: str) -> None:
    """Append a line to a file; it is on disk when this returns."""
    with path.open("ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_complete_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a growing file, which need not exist, and remove a torn line at its end first.

    Raises:
        UserError: a line is no JSON object.
    """
    if path.exists():
        cut_torn_line(path)
        yield from read_lines(path)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file.

    Raises:
        UserError: a line is no JSON object.
    """
    with path.open(encoding="utf-8") as lines:
        yield from parse_lines(path, lines)


def parse_lines(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the object of each line.

    Raises:
        UserError: a line is no JSON object.
    """
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UserError(f"Line {number} of {path} is no JSON object. Remove the line.")
        yield row


def cut_torn_line(path: Path) -> None:
    """Remove the end of a line that was being written when its process was killed."""
    with path.open("rb+") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            file.truncate(end)
