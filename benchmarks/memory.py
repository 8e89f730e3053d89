#!/usr/bin/env python3
"""Resident memory of the driver and of each worker over the trials of a search that trains on the bundled digits.

Every trial is another network of the reference space, so a worker that kept its models, graphs or data would grow with
each. Aim: at most 20 MB more after the last trial than after the tenth.

    python3 benchmarks/memory.py [--trials 300] [--epochs 1] [--workers 1] [--strategy random]
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from metaopt.cli.search_flags import make_parser  # noqa: E402
from metaopt.cli.search_preparation import prepare  # noqa: E402
from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.setup import search  # noqa: E402
from metaopt.executors import Processes  # noqa: E402
from metaopt.trials.record import Record  # noqa: E402

FIRST = 10  # trials after which memory should not grow
AIM_MB = 20


class MemoryWatch(Callback):
    """Notes resident memory after each trial.

    Attributes:
        executor: its workers.
        driver: MB of this process after each trial.
        workers: MB of each worker after each trial, by process id.
        failed: number of failed trials.
    """

    def __init__(self) -> None:
        self.executor: Processes | None = None
        self.driver: list[float] = []
        self.workers: list[dict[int, float]] = []
        self.failed = 0

    def trial_ended(self, record: Record, best: Record | None) -> None:  # noqa: ARG002
        """See ``Callback``."""
        assert self.executor is not None
        self.failed += record.status == "fail"
        self.driver.append(resident_mb(os.getpid()))
        self.workers.append({pid: resident_mb(pid) for pid in self.executor.pids})
        if len(self.driver) in (1, FIRST) or len(self.driver) % 50 == 0:
            each = ", ".join(f"{memory:.0f}" for memory in self.workers[-1].values())
            print(f"| {len(self.driver)} | {self.driver[-1]:.0f} | {each} |", flush=True)


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process; 0 if it has ended."""
    try:
        return float(psutil.Process(pid).memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def growth(memory: Sequence[float]) -> float:
    """Return the MB by which the last ten trials are above the tenth: their median, as single trials vary."""
    last = sorted(memory[-FIRST:])
    return last[len(last) // 2] - memory[FIRST - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--strategy", default="random")
    arguments = parser.parse_args()
    if arguments.trials < 2 * FIRST:
        parser.error(f"--trials: at least {2 * FIRST}, as the last {FIRST} are compared with trial {FIRST}")
    flags = f"--data digits --trials {arguments.trials} --epochs {arguments.epochs} --workers {arguments.workers}"
    watch, began = MemoryWatch(), time.monotonic()
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, keras {version('keras')},"
        f" load {os.getloadavg()[0]:.1f}\n\n| trials | driver, MB | workers, MB |\n|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "results"
        given = [*flags.split(), "--strategy", arguments.strategy, "--results", str(folder)]
        command = make_parser("search").parse_args(given)
        ready = prepare(command, ROOT, watch)
        executor = watch.executor = ready.executor(command)  # type: ignore[assignment]
        assert isinstance(executor, Processes)
        with ready.open(folder, watch) as study:
            search(study, ready.problem, ready.settings, executor, watch, ready.images, keep="needed")
    pids = {pid for each in watch.workers for pid in each}
    print(
        f"\n{len(watch.driver)} trials, {watch.failed} failed, in {time.monotonic() - began:.0f} s;"
        f" {len(pids)} worker processes\ngrowth after trial {FIRST} (aim: at most {AIM_MB} MB)\n"
        f"driver: {growth(watch.driver):.0f} MB"
    )
    if len(pids) == arguments.workers:
        for pid in sorted(pids):
            print(f"worker {pid}: {growth([each[pid] for each in watch.workers]):.0f} MB")


if __name__ == "__main__":
    main()
