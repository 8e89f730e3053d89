"""Parts that the commands of the benchmarks share: names that were given, and exit codes."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from metaopt.errors import UserError, hint

SHARED = Path(os.environ.get("METAOPT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
"""Folder of shared data; it need not exist."""

T = TypeVar("T")


def exit_code(run: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error of the user's is one sentence, and Ctrl-C says how to resume."""
    try:
        return run()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The same command resumes.", file=sys.stderr)
        return 130


def select(text: str | None, known: Mapping[str, T], what: str) -> dict[str, T]:
    """Return the known entries whose names were given, separated by semicolons; all without a text.

    Raises:
        UserError: a name is not known; ``what`` says what it should be the name of.
    """
    names = [name.strip() for name in text.split(";")] if text else list(known)
    for name in names:
        if name not in known:
            raise UserError(f"Unknown {what}: {name}. {hint(name, known)}")
    return {name: known[name] for name in names}
