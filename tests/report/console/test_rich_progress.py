"""Live display of a search."""

import io
import re

from rich.console import Console

from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.report.console.rich_progress import RichProgress
from tests.report.console.watching import run_search
from tests.report.making import make_paused, make_record


def make_console() -> Console:
    return Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None, legacy_windows=False)


def rendered(console: Console, progress: RichProgress) -> str:
    console.file = io.StringIO()
    console.print(progress.render())
    return console.file.getvalue()


def test_display_shows_every_part() -> None:
    console = make_console()
    with RichProgress(console) as progress:
        progress.begin(3, [make_record(0, clock=10.0), make_record(7, clock=12.0, constraints=["params<=5"])])
        for trial in range(1, 13):
            progress.trial_started(trial, 12, 1_234_567, None)
        progress.epoch(Epoch(1, 4, {"val_accuracy": 0.25}, 1.0))
        shown = rendered(console, progress)
    assert "1 of 3 · 1 infeasible" not in shown  # trial 7 is running again
    assert "1 of 3" in shown
    assert "epoch 4 of 12 · val_accuracy 0.2500 · 1.23 M parameters" in shown
    assert "building · 12 epochs" in shown
    assert "and 4 more" in shown
    assert "val_accuracy 0.8530 by trial 0" in shown


def test_lines_above_the_display_are_wrapped_outside_of_commands() -> None:
    console = make_console()
    console.width = 50
    command = "`metaopt retrain --results a_folder_with_a_long_name`"
    with RichProgress(console) as progress:
        progress.begin(1, [])
        console.file = io.StringIO()
        progress.note(f"A sentence of more than fifty letters recommends the command {command}.")
        progress.end("all trials are done")
    shown = re.sub("\x1b[^a-zA-Z]*[a-zA-Z]", "", console.file.getvalue()).replace("\r", "")
    lines = [line.rstrip() for line in shown.splitlines()]
    assert "note: A sentence of more than fifty letters" in lines
    assert f"{command}." in lines
    assert "the search ends: all trials are done" in lines


def test_display_shows_how_far_a_long_epoch_is() -> None:
    console = make_console()
    with RichProgress(console) as progress:
        progress.begin(3, [])
        for trial, target in ((0, 30), (1, None), (2, 30)):
            progress.trial_started(trial, target, None, None)
        progress.epoch(Epoch(0, 2, {"val_accuracy": 0.25}, 1.0))
        progress.epoch_progress(EpochProgress(0, 3, 0.456))
        progress.epoch_progress(EpochProgress(1, 1, 0.999))
        progress.epoch_progress(EpochProgress(2, 1, 0.5))
        progress.epoch(Epoch(2, 1, {"val_accuracy": 0.25}, 20.0))
        shown = rendered(console, progress)
    assert "epoch 3 of 30, 45 % · val_accuracy 0.2500" in shown
    assert re.search(r"trial 1 .*epoch 1, 99 %\s*$", shown, re.MULTILINE)
    assert "epoch 1 of 30 · val_accuracy" in shown


def test_display_counts_infeasible_trials() -> None:
    console = make_console()
    with RichProgress(console) as progress:
        progress.begin(3, [make_record(7, constraints=["params<=5"])])
        shown = rendered(console, progress)
    assert "1 of 3 · 1 infeasible" in shown
    assert "none yet" in shown


def test_display_shows_resumed_trials() -> None:
    console = make_console()
    with RichProgress(console) as progress:
        progress.begin(4, [make_paused(trial, 3, counts={}) for trial in range(2)])
        progress.trial_started(0, 9, None, None)
        progress.trial_resumed(0, 3)
        progress.trial_started(3, 9, None, None)  # was interrupted, so that it has no record
        progress.trial_resumed(3, 5)
        progress.trial_started(1, 9, None, None)
        progress.trial_started(2, None, None, None)  # the budget is in seconds
        progress.epoch(Epoch(1, 4, {"val_accuracy": 0.25}, 1.0))
        shown = rendered(console, progress)
    assert "0 of 4" in shown
    assert "resuming after epoch 3 of 9" in shown
    assert "resuming after epoch 5 of 9" in shown
    assert "epoch 4 of 9 · val_accuracy 0.2500" in shown
    assert re.search(r"trial 2 .*building\s*$", shown, re.MULTILINE)


def test_lines_of_ended_trials_stay() -> None:
    console = make_console()
    with RichProgress(console) as progress:
        run_search(progress)
    shown = console.file.getvalue()
    for line in ("trial 1  failed after 11 s", "★ trial 2", "note: no [GPU] was found", "the search ends: 3 trials"):
        assert line in shown
