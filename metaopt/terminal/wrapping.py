"""Sentences wrapped at the width of a terminal, which would break them within words.

A command that a message recommends is never broken, so that it runs when it is copied: a command, a path or a word that
is longer than a line is left to the terminal, which shows it on several lines but copies it as one.
"""

import re
import shutil
import sys
from typing import TextIO

from metaopt.terminal.output import OutputStream
from metaopt.terminal.printable import printable_lines

# A word with the commands in it, or the spaces between two words.
_PIECE = re.compile("(?:`[^`]*`|[^ ])+| +")


def print_wrapped(text: object, *, file: TextIO | OutputStream | None = None, flush: bool = False) -> None:
    """Print sentences: control characters are escaped, and lines are wrapped if the stream is a terminal.

    Args:
        text: one line or several.
        file: the stream, standard output by default.
        flush: whether the stream is flushed.
    """
    stream = sys.stdout if file is None else file
    shown = printable_lines(text)
    if stream is not None and stream.isatty():
        shown = wrap(shown, shutil.get_terminal_size().columns)
    print(shown, file=stream, flush=flush)


def wrap(text: str, width: int) -> str:
    """Return text with line breaks in the place of some spaces, so that its length stays.

    Args:
        text: one line or several.
        width: cells of a line.
    """
    return "\n".join(_wrap_line(line, width) for line in text.split("\n"))


def _wrap_line(line: str, width: int) -> str:
    from rich.cells import cell_len  # of letters that take two cells; takes a while to import

    wrapped, spaces, column = "", "", 0
    for piece in _PIECE.findall(line):
        if piece.startswith(" "):
            spaces = piece
            continue
        cells = cell_len(piece)
        if column and column + len(spaces) + cells > width:
            spaces, column = f"{spaces[:-1]}\n", cells
        else:
            column += len(spaces) + cells
        if column > width:  # the terminal continues it on the next lines
            column = column % width or width
        wrapped, spaces = wrapped + spaces + piece, ""
    return wrapped + spaces
