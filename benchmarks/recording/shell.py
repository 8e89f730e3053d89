"""Shells on pseudo-terminals, and what their screens show."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyte


@dataclass(frozen=True)
class Cell:
    """One character of a screen.

    Attributes:
        text: the character.
        colour: foreground, a name of ``pyte.graphics`` (``"default"``, ``"red"``) or six hexadecimal digits.
        bold: whether it is bold.
    """

    text: str
    colour: str
    bold: bool


Picture = tuple[tuple[Cell, ...], ...]
"""All cells of a screen, row by row."""


class Shell:
    """An interactive bash on a pseudo-terminal.

    Args:
        columns: width of the terminal in characters.
        rows: height of the terminal in lines.
        folder: where the shell starts.
        environment: variables of the shell.
    """

    def __init__(self, columns: int, rows: int, folder: Path, environment: Mapping[str, str]):
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._picture: Picture | None = None
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            os.chdir(folder)
            variables = {**environment, "TERM": "xterm-256color", "PS1": "$ ", "BASH_SILENCE_DEPRECATION_WARNING": "1"}
            os.execvpe("bash", ["bash", "--noprofile", "--norc", "-i"], variables)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the terminal, which ends the shell and its command."""
        os.close(self._terminal)
        os.waitpid(self._process, 0)

    @property
    def foreground_group(self) -> int:
        """Process group of the command that runs in the foreground."""
        return os.tcgetpgrp(self._terminal)

    @property
    def picture(self) -> Picture:
        """Cells of the screen, with a block where the cursor is visible."""
        if self._picture is None:
            self._picture = self._take_picture()
        return self._picture

    def _take_picture(self) -> Picture:
        screen = self._screen
        rows = [
            [
                Cell(cell.data, cell.fg, cell.bold)
                for cell in (screen.buffer[row][column] for column in range(screen.columns))
            ]
            for row in range(screen.lines)
        ]
        cursor = screen.cursor
        if not cursor.hidden and cursor.x < screen.columns:
            rows[cursor.y][cursor.x] = Cell("█", "default", bold=False)
        return tuple(tuple(row) for row in rows)

    def shows(self, pattern: str) -> bool:
        """Return whether a line of the screen matches a regular expression."""
        return any(re.search(pattern, line) for line in self._screen.display)

    def write(self, text: str) -> None:
        """Send text to the terminal, as a keyboard does."""
        os.write(self._terminal, text.encode())

    def read(self) -> None:
        """Let the screen show all that was written since the last call, without waiting."""
        while select.select([self._terminal], [], [], 0)[0]:
            self._picture = None
            self._stream.feed(os.read(self._terminal, 65536))
