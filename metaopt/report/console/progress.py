"""Display of a search: live on a terminal and in a notebook, plain lines where the output is piped or a file."""

import os
import sys
from typing import TextIO

from rich.console import Console

from metaopt.report.console.notebook_progress import NotebookProgress, find_notebook
from metaopt.report.console.plain_progress import PlainProgress
from metaopt.report.console.rich_progress import RichProgress
from metaopt.terminal.output import terminal


def make_progress(stream: TextIO | None = None) -> PlainProgress | RichProgress | NotebookProgress:
    """Return the display for a stream: a callback of the search, and a context manager that restores the terminal.

    Args:
        stream: standard output by default, in a notebook the output of its cell. Standard output may be None, as in a
            program without a console.
    """
    if stream is None and (show := find_notebook()) is not None:
        return NotebookProgress(show)
    stream = sys.stdout if stream is None else stream
    if is_terminal(stream):
        return RichProgress(Console(file=terminal(stream), highlight=False, emoji=False))
    return PlainProgress(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that moves its cursor."""
    return terminal(stream).isatty() and os.environ.get("TERM", "") not in ("", "dumb")
