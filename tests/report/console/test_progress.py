"""Choice of the display, and a real terminal that is restored."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from metaopt.report.console.plain_progress import PlainProgress
from metaopt.report.console.progress import is_terminal, make_progress
from metaopt.report.console.rich_progress import RichProgress

ROOT = Path(__file__).parents[3]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_display_follows_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(make_progress(io.StringIO()), PlainProgress)
    assert isinstance(make_progress(Terminal()), RichProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal())


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", "raise KeyboardInterrupt"])
def test_terminal_is_restored(ending: str) -> None:
    """In a real pseudo-terminal, whether the search ends or is interrupted."""
    code = (
        "from metaopt.report.console.progress import make_progress\n"
        "from metaopt.report.console.rich_progress import RichProgress\n"
        "from tests.report.making import make_record\n"
        "with make_progress() as progress:\n"
        "    assert isinstance(progress, RichProgress)\n"
        "    progress.begin(2, [])\n"
        "    progress.trial_started(0, 12, 1000, None)\n"
        f"    {ending or 'pass'}\n"
        "    progress.trial_ended(make_record(0), None)\n"
        "    progress.end('it is done')\n"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=theirs,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux' way to say that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert (process.wait(timeout=60) == 0) != bool(ending)
    text = shown.decode()
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert ("KeyboardInterrupt" in plain) == bool(ending)
    assert ("the search ends: it is done" in plain) != bool(ending)
