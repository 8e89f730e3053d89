"""A search on the digits that is killed, and started again at once."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from metaopt.cli import search
from metaopt.storage.study import Study
from tests.logged_training import PROBLEM, begun_epochs, logged_problem

ROOT = Path(__file__).parents[2]
TRIALS, EPOCHS, STARTUP = 8, 2, 5


def arguments(*flags: str) -> list[str]:
    """Arguments of a search on the digits with the problem of ``make``."""
    return ["--data", "digits", "--space", "tiny.py", "--augment", "shift", *flags]


def start(folder: Path, *flags: str) -> subprocess.Popen:
    """Start a search as a process of its own."""
    command = [sys.executable, str(ROOT / "hyperopt_optimize.py"), *arguments(*flags)]
    return subprocess.Popen(
        command, cwd=folder, start_new_session=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    )


def finish(folder: Path, *flags: str) -> int:
    """Resume a search in this process, where Keras need not be imported once more; return its exit code."""
    with contextlib.chdir(folder):
        return search.main(arguments(*flags, "--executor", "inline"))


def findings(folder: Path) -> list[tuple]:
    """Proposals and metrics of all trials, without values that depend on the clock."""
    study = Study.load(folder / "results")
    assert all(trial.status == "ok" for trial in study.state.trials)
    return [(dict(trial.vals), trial.vals.model_based, trial.metrics) for trial in study.state.trials]


def progress(folder: Path) -> int:
    """Number of events in the journal."""
    path = folder / "results" / "journal.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def make(folder: Path, hold: str | None = None) -> Path:
    """Create the folder of a search, whose training logs its epochs and holds there if anything is given."""
    folder.mkdir()
    (folder / "tiny.py").write_text(PROBLEM if hold is None else logged_problem(folder, hold))
    return folder


@pytest.mark.slow
def test_a_killed_search_finds_what_an_uninterrupted_one_finds(tmp_path):
    """It is killed at a random moment after its first trial that a model proposed."""
    # auto reads no measured time if it is deterministic.
    flags = ["--trials", str(TRIALS), "--epochs", str(EPOCHS), "--deterministic"]
    whole, killed = make(tmp_path / "whole"), make(tmp_path / "killed")
    assert start(whole, *flags).wait() == 0
    events_of_startup = 2 + STARTUP * (EPOCHS + 2)  # the study, its run; proposed, epochs, ended
    rng = random.Random(0)
    process = start(killed, *flags)
    beyond = events_of_startup + rng.randint(1, 5)
    while progress(killed) < beyond and process.poll() is None:
        time.sleep(0.01)
    time.sleep(rng.random() * 0.3)
    assert process.poll() is None, "it ended before it was killed"
    process.send_signal(signal.SIGKILL)  # only the driver: its worker must end by itself
    process.wait()
    assert start(killed, *flags).wait() == 0
    expected, found = findings(whole), findings(killed)
    assert [trial[1] for trial in expected] == [False] * STARTUP + [True] * (TRIALS - STARTUP)
    assert [trial[0] for trial in found] == [trial[0] for trial in expected]
    assert found == expected


def trained(folder: Path) -> list[tuple[int, int]]:
    """(trial, epoch) of each epoch whose training started."""
    return [(begun.trial, begun.epoch) for begun in begun_epochs(folder)]


@pytest.mark.slow
def test_a_killed_trial_resumes_below_and_above_a_rung(tmp_path):
    """Successive halving: three trials of three epochs, the best of which is promoted to nine."""
    folder = make(tmp_path / "killed", "if is_first and epoch in (3, 8): time.sleep(60)")
    flags = ["--scheduler", "halving", "--sampler", "random", "--epochs", "9", "--min-epochs", "3", "--trials", "3"]
    for kill in (3, 8):  # at the start of this epoch of any trial
        process = start(folder, *flags)
        while not any(epoch == kill for _, epoch in trained(folder)):
            assert process.poll() is None, f"it ended before an epoch {kill}"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert finish(folder, *flags) == 0
    epochs = trained(folder)
    repeated = [epoch for number, epoch in enumerate(epochs) if epoch in epochs[:number]]
    # Each kill repeats the epoch that was being trained.
    assert [epoch for _, epoch in repeated] == [3, 8], epochs
    assert sorted(record["epochs"] for record in Study.load(folder / "results").records) == [3, 3, 9]


@pytest.mark.slow
def test_a_service_that_is_stopped_loses_no_epoch(tmp_path):
    """SIGTERM to every process, as systemd and SLURM send it, in the midst of the second epoch."""
    # So that the signal comes in the midst of an epoch.
    folder = make(tmp_path / "stopped", "time.sleep(1 if epoch == 2 else 0)")
    flags = ["--trials", "1", "--epochs", "3"]
    process = start(folder, *flags)
    while (0, 2) not in trained(folder):
        assert process.poll() is None, "it ended before"
        time.sleep(0.01)
    everything = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in everything:
        each.send_signal(signal.SIGTERM)
    assert process.wait() == 130
    assert trained(folder) == [(0, 1), (0, 2)]
    assert psutil.wait_procs(everything, timeout=5)[1] == []
    assert Study.load(folder / "results").state.trials[0].epochs == 2
    assert finish(folder, *flags) == 0
    assert trained(folder) == [(0, 1), (0, 2), (0, 3)]
