"""Commands run in the test's process."""

import signal
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from metaopt.cli import search
from metaopt.storage.writer import StudyWriter


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


def interrupt_after_an_epoch(capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    """Search in this process, and press Ctrl-C as soon as the journal has an epoch."""
    append = StudyWriter.append

    def append_and_interrupt(writer: StudyWriter, *events: Any) -> None:
        append(writer, *events)
        if any(event["event"] == "epoch" for event in events):
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StudyWriter, "append", append_and_interrupt)
        assert run_command(search.main, capsys, *arguments, "--executor", "inline").code == 130
