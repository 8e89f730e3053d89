#!/usr/bin/env python3
"""Share of a search's wall time outside training: a 20-trial search on the bundled digits.

Shares of wall time, from the command's first line to its end: outside the trainings' epochs, which do not count
building and tracing; beside Σ epochs × median epoch; and outside the jobs of the worker (starting, proposing,
journalling).

    python3 benchmarks/overhead.py [--trials N] [--epochs N]
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from metaopt.storage.study import Study  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, help="maximum epochs of a trial; by default the command's own")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        command = [sys.executable, str(ROOT / "hyperopt_optimize.py"), "--data", "digits", "--results", str(results)]
        command += ["--trials", str(arguments.trials)]
        if arguments.epochs:
            command += ["--epochs", str(arguments.epochs)]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        wall = time.perf_counter() - began
        study = Study.load(results)
    trials = [trial for trial in study.state.trials if trial.seconds]
    epochs = sum(len(trial.seconds) for trial in trials)
    fit = sum(sum(trial.seconds) for trial in trials)
    steady = sum(len(trial.seconds) * statistics.median(trial.seconds) for trial in trials)
    jobs = sum(trial.wall_seconds for trial in trials)
    print(
        f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},",
        end=" ",
    )
    print(f"versions {study.records[-1]['versions']}")
    print(f"{len(trials)} trials, {epochs} epochs, wall {wall:.1f} s")
    print(f"in epochs (without tracing)      {fit:8.1f} s   outside: {1 - fit / wall:6.1%}")
    print(f"Σ epochs × median epoch          {steady:8.1f} s   beside:  {1 - steady / wall:6.1%}   (aim: at most 35 %)")
    print(f"jobs in the worker               {jobs:8.1f} s   outside: {1 - jobs / wall:6.1%}   (aim: at most 15 %)")


if __name__ == "__main__":
    main()
