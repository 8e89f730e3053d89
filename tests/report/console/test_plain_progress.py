"""Plain lines of a search, and streams that cannot be written."""

import contextlib
import io
import os
import re
from pathlib import Path

from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.report.console.plain_progress import PlainProgress
from tests.engine.synthetic import search
from tests.report.console.clock import Clock
from tests.report.console.watching import run_search


def test_lines_of_a_search() -> None:
    stream = io.StringIO()
    with PlainProgress(stream) as progress:
        run_search(progress)
    assert stream.getvalue().splitlines() == [
        "note: no [GPU] was found",
        "resuming the search for 3 trials: 1 done, 0 of them failed",
        "trial 1  failed after 11 s: The loss is NaN. [2 of 3, about 10 s left; best 0.8530, trial 0]",
        "trial 2  val_accuracy 0.7812 · best at epoch 12 of 12 · 12 s · 100 k parameters · the best so far [3 of 3]",
        "the search ends: 3 trials are done",
    ]


def test_lines_of_a_search_over_rungs(tmp_path: Path) -> None:
    stream = io.StringIO()
    search(tmp_path / "results", scheduler="halving", epochs=9, trials=9, callback=PlainProgress(stream))
    lines = [line.split(" · ") for line in stream.getvalue().splitlines()[1:-1]]
    assert [line[1].split(" [")[0] for line in lines] == (
        ["paused after 1 epoch"] * 9 + ["paused after 3 epochs, best at epoch 3"] * 3 + ["best at epoch 9 of 9"]
    )
    # A resumed trial is no longer done, and done again when it ends.
    done = [re.search(r"\[(\d) of 9", line[-1])[1] for line in lines]
    assert done == [str(number) for number in range(1, 10)] + ["9"] * 4


def test_long_trial_prints_a_line_every_30_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.begin(3, [])
    progress.trial_started(0, 100, None, None)
    for epoch in range(1, 100):
        clock.now += 1
        progress.epoch(Epoch(0, epoch, {"val_accuracy": epoch / 100}, 1.0))
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [f"trial 0  epoch {e} of 100, val_accuracy {e / 100:.4f}" for e in (30, 60, 90)]


def test_long_epochs_print_how_far_they_are() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.begin(3, [])
    progress.trial_started(0, 3, None, None)
    for seconds in range(5, 101, 5):  # an epoch of 100 s
        clock.now += 5
        progress.epoch_progress(EpochProgress(0, 1, seconds / 100))
    progress.epoch(Epoch(0, 1, {"val_accuracy": 0.5}, 100.0))
    clock.now += 30
    progress.epoch(Epoch(0, 2, {"val_accuracy": 0.6}, 30.0))
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [f"trial 0  epoch 1 of 3, {percent} %" for percent in (30, 60, 90)] + [
        "trial 0  epoch 2 of 3, val_accuracy 0.6000"
    ]


def test_broken_streams_do_not_stop_the_search(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        run_search(PlainProgress(stream))
        assert "epoch 12 of 12 - 12 s" in (tmp_path / "log").read_text()
        closed = PlainProgress(stream)
    run_search(closed)
    reader, writer = os.pipe()
    os.close(reader)
    has_ended = False
    with contextlib.suppress(BrokenPipeError), open(writer, "w") as stream:  # closing it flushes what was left
        run_search(PlainProgress(stream))
        has_ended = True
    assert has_ended
