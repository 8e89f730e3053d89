"""Commands run in the test's process."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Outcome(NamedTuple):
    """Result of a command.

    Attributes:
        code: exit code.
        out: standard output.
        errors: error messages on stderr, without their prefix.
        err: all of stderr.
    """

    code: int
    out: str
    errors: list[str]
    err: str


def run_command(main: Callable[..., int], capsys: pytest.CaptureFixture[str], *arguments: Any) -> Outcome:
    """Run a command; a failure without a message, or a traceback, fails the test."""
    code = main([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    errors = [line.removeprefix("error: ") for line in shown.err.splitlines() if line.startswith("error: ")]
    assert bool(errors) == (code not in (0, 130)), shown.err
    return Outcome(code, shown.out, errors, shown.err)
