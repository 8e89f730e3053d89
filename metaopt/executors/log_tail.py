"""Last lines of the log of the workers, for the message about one that died."""

import os
from pathlib import Path

from metaopt.terminal.printable import printable

_LINES = 10
_BYTES = 8192  # read from the end of the log
_LONGEST_LINE = 300  # characters


def last_lines(log: str | os.PathLike[str] | None) -> str:
    """Return the last lines of a log, indented, below a heading; an empty text where there is none.

    Args:
        log: the file; None where the output of the workers is not redirected.
    """
    if log is None:
        return ""
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _BYTES))
            text = file.read(_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-_LINES:]
    if not lines:
        return ""
    shown = "\n".join(f"    {printable(line[:_LONGEST_LINE])}" for line in lines)
    return f"\nThe last lines of {log}:\n{shown}"
