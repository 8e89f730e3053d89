import contextlib
import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from metaopt.engine.jobs import Epoch
from metaopt.report.console.progress import PlainProgress, RichProgress, make_progress
from tests.engine.synthetic import search as run_search
from tests.report.console.test_progress_state import Clock
from tests.report.making import make_failure, make_record

ROOT = Path(__file__).parents[3]


def search(watch: PlainProgress | RichProgress) -> None:
    """What the loop tells: two trials, one of which fails, and a note."""
    watch.note("no [GPU] was found")
    watch.begin(3, [make_record(0, ended=10.0)])
    watch.trial_started(1, 12, 1_234_567, 2_000_000)
    watch.epoch(Epoch(1, 1, {"val_accuracy": 0.25}, 1.0))
    watch.trial_ended(make_failure(1, ended=20.0), make_record(0))
    watch.trial_started(2, 12, None, None)
    best = make_record(2, ended=30.0)
    watch.trial_ended(best, best)
    watch.end("3 trials are done")


def test_plain_lines() -> None:
    stream = io.StringIO()
    with make_progress(stream) as watch:
        assert isinstance(watch, PlainProgress)
        search(watch)
    assert stream.getvalue().splitlines() == [
        "note: no [GPU] was found",
        "going on with the search for 3 trials: 1 done, 0 of them failed",
        "trial 1  failed after 11 s: The loss is not a number. [2 of 3, about 10 s left; best 0.8530, trial 0]",
        "trial 2  val_accuracy 0.7812 · best at epoch 12 of 12 · 12 s · 100 k parameters · the best so far [3 of 3]",
        "the search ends: 3 trials are done",
    ]


def test_plain_lines_of_a_search_over_rungs(tmp_path: Path) -> None:
    stream = io.StringIO()
    run_search(tmp_path / "results", scheduler="halving", epochs=9, trials=9, watch=PlainProgress(stream))
    lines = [line.split(" · ") for line in stream.getvalue().splitlines()[1:-1]]
    assert [line[1].split(" [")[0] for line in lines] == (
        ["paused after 1 epoch"] * 9 + ["paused after 3 epochs, best at epoch 3"] * 3 + ["best at epoch 9 of 9"]
    )
    # A trial that goes on is no longer done, and done again when it ends.
    done = [re.search(r"\[(\d) of 9", line[-1])[1] for line in lines]
    assert done == [str(number) for number in range(1, 10)] + ["9"] * 4


def test_plain_lines_of_a_search_that_goes_on() -> None:
    stream = io.StringIO()
    records = [make_record(0, paused=True, complete=False, epochs=3), make_failure(1), make_record(2)]
    PlainProgress(stream).begin(9, records)
    assert stream.getvalue() == "going on with the search for 9 trials: 3 done, 1 of them failed, 1 paused\n"


def test_a_long_trial_is_heard_of_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    watch = PlainProgress(stream, clock)
    watch.begin(3, [])
    watch.trial_started(0, 100, None, None)
    for epoch in range(1, 100):
        clock.now += 1
        watch.epoch(Epoch(0, epoch, {"val_accuracy": epoch / 100}, 1.0))
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [f"trial 0  epoch {e} of 100, val_accuracy {e / 100:.4f}" for e in (30, 60, 90)]


def test_a_stream_that_nobody_reads_or_that_lacks_a_sign_stops_no_search(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        search(PlainProgress(stream))
        assert "?" in (tmp_path / "log").read_text()
        closed = PlainProgress(stream)
    search(closed)
    reader, writer = os.pipe()
    os.close(reader)
    searched = False
    with contextlib.suppress(BrokenPipeError), open(writer, "w") as stream:  # closing it flushes what was left
        search(PlainProgress(stream))
        searched = True
    assert searched


def test_rich_shows_every_part() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None, legacy_windows=False)
    with RichProgress(console) as watch:
        watch.begin(3, [make_record(0, ended=10.0), make_record(7, ended=12.0, feasible=False)])
        for trial in range(1, 13):
            watch.trial_started(trial, 12, 1_234_567, None)
        watch.epoch(Epoch(1, 4, {"val_accuracy": 0.25}, 1.0))
        console.file = io.StringIO()
        console.print(watch.render())
        shown = console.file.getvalue()
    assert "1 of 3 trials" in shown
    assert "epoch 4 of 12 · val_accuracy 0.2500 · 1.23 M parameters" in shown
    assert "building · 12 epochs" in shown
    assert "and 4 more" in shown
    assert "val_accuracy 0.8530 by trial 0" in shown


def test_rich_shows_trials_that_go_on() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None, legacy_windows=False)
    with RichProgress(console) as watch:
        watch.begin(3, [make_record(trial, paused=True, complete=False, epochs=3) for trial in range(2)])
        watch.trial_started(0, 9, None, None)
        watch.trial_started(1, 9, None, None)
        watch.trial_started(2, None, None, None)  # seconds say how long
        watch.epoch(Epoch(1, 4, {"val_accuracy": 0.25}, 1.0))
        console.file = io.StringIO()
        console.print(watch.render())
        shown = console.file.getvalue()
    assert "0 of 3 trials" in shown
    assert "going on after epoch 3 of 9" in shown
    assert "epoch 4 of 9 · val_accuracy 0.2500" in shown
    assert re.search(r"trial 2 .*building\s*$", shown, re.MULTILINE)


@pytest.mark.parametrize("ending", ["", "raise KeyboardInterrupt"])
def test_on_a_terminal_the_cursor_comes_back(ending: str) -> None:
    """In a real pseudo-terminal, whether the search ends or is interrupted."""
    code = (
        "from metaopt.report.console.progress import make_progress, RichProgress\n"
        "from tests.report.making import make_record\n"
        "with make_progress() as watch:\n"
        "    assert isinstance(watch, RichProgress)\n"
        "    watch.begin(2, [])\n"
        "    watch.trial_started(0, 12, 1000, None)\n"
        f"    {ending or 'pass'}\n"
        "    watch.trial_ended(make_record(0), None)\n"
        "    watch.end('it is done')\n"
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
