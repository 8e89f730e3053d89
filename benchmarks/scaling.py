#!/usr/bin/env python3
"""How metaopt scales: with the number of workers, and with the number of trials; Optuna and Ray Tune in the same run.

``busy`` trains on real workers of this machine: processes, Ray actors where Ray is installed. A training computes for
ten seconds, an epoch at a time. Share of time that the workers train, from the first training until the last trial was
started.

``virtual`` simulates the workers, and the driver's own CPU seconds pass on their clock: workers wait for a driver that
is busy. Same share.

``growth`` measures the driver's own work per trial (proposing, guarding, journalling, records) as a study of the
reference space grows; trainings take no time. Random search, for strategies with rungs ASHA, and for Optuna its random
sampler fill the study up to the last 50 trials of each size, which the strategy adds.

    python3 benchmarks/scaling.py busy [--workers 1 2] [--trials-per-worker 4] [--strategy auto]
    python3 benchmarks/scaling.py virtual [--workers 10 100 1000 10000] [--trial-s 10 600] [--limit 60]
    python3 benchmarks/scaling.py growth [--sizes 100 1000 3000 10000] [--limit 120]

``--only "auto; asha"`` chooses strategies, ``--peers`` adds the other libraries that are installed.
"""

import argparse
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import scaling_peers as peers  # noqa: E402
import scaling_studies as studies  # noqa: E402
from scaling_trainings import SpinTrainer, busy_share  # noqa: E402

from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import open_study, search  # noqa: E402
from metaopt.executors import EXECUTORS, make_executor  # noqa: E402
from metaopt.problems.loading import load_problem  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402

TRIAL_S = 10.0
WINDOW = 50  # trials over which the work per trial is measured
RAY_TUNE_MOST = 1_000  # trials; each takes it a good part of a second


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a new process, whose memory and caches are its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def find_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_machine() -> str:
    """Return processor, load and versions."""
    versions = [f"{name} {found}" for name in ("numpy", "optuna", "ray") if (found := find_version(name))]
    return (
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, load"
        f" {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {', '.join(versions)}"
    )


def train_on_workers(executor: str, strategy: str, workers: int, trials: int) -> float:
    """Return the share of time that the workers of an executor train.

    Args:
        executor: name of the executor.
        strategy: from ``scaling_studies.SEARCHES``.
        workers: number of workers.
        trials: number of trials of each.
    """
    sampler, scheduler = studies.SEARCHES[strategy]
    given = {"sampler": sampler, "scheduler": scheduler, "epochs": studies.EPOCHS, "trials": workers * trials}
    settings = resolve({**given, "workers": workers, "executor": executor}, {}, StudyState())
    problem = load_problem("cnn", beside=ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name), Path(name) / "spans"
        trainer = SpinTrainer(str(log), TRIAL_S / studies.EPOCHS)
        with open_study(folder / "study", problem, settings, Callback(), images=studies.IMAGES) as study:
            runner = make_executor(executor, trainer, workers, folder / "study")
            search(study, problem, settings, runner, Callback(), studies.IMAGES)
        return busy_share(log, workers)


def train_with_peer(name: str, workers: int, trials: int) -> float:
    """Return the share of time that the workers of another library train."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "spans"
        epoch_s = TRIAL_S / studies.EPOCHS
        if name == "Optuna":
            peers.run_optuna_workers(log, workers, trials, epoch_s)
        else:
            peers.run_ray_tune(workers * trials, workers, log, epoch_s)
        return busy_share(log, workers)


def print_row(cells: Iterable[Any]) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def installed_peers() -> list[str]:
    """Return the libraries that are installed."""
    return [name for name, package in (("Optuna", "optuna"), ("Ray Tune", "ray")) if find_version(package)]


def print_busy(arguments: argparse.Namespace) -> None:
    """Print the share of time that real workers train."""
    print_row(["", *(f"{count} worker{'s' * (count > 1)}" for count in arguments.workers)])
    print_row(["---"] * (1 + len(arguments.workers)))
    for executor in ("processes", "ray"):
        if executor in EXECUTORS and (executor != "ray" or find_version("ray")):
            shares = [
                in_new_process(train_on_workers, executor, arguments.strategy, count, arguments.trials_per_worker)
                for count in arguments.workers
            ]
            print_row([f"metaopt, {executor}, {arguments.strategy}", *(f"{share:.1%}" for share in shares)])
    for name in installed_peers() if arguments.peers else ():
        shares = [
            in_new_process(train_with_peer, name, each, arguments.trials_per_worker) for each in arguments.workers
        ]
        print_row([name, *(f"{share:.1%}" for share in shares)])


def print_virtual(arguments: argparse.Namespace) -> None:
    """Print the share of time that simulated workers train, and the driver's work per trial."""
    columns = [(workers, trial_s) for workers in arguments.workers for trial_s in arguments.trial_s]
    print_row(["", *(f"{workers:,} workers, {trial_s:g} s" for workers, trial_s in columns)])
    print_row(["---"] * (1 + len(columns)))
    for name in arguments.only:
        cells = []
        for workers, trial_s in columns:
            trials = max(200, 2 * workers)
            found: studies.Busy = in_new_process(studies.measure_busy, name, workers, trials, trial_s, arguments.limit)
            note = "" if found.is_complete else f", {found.trials:,} trials"
            cells.append(f"{found.share:.1%} ({found.driver_ms:.2g} ms{note})")
        print_row([name, *cells])


def print_growth(arguments: argparse.Namespace) -> None:
    """Print the driver's own work per trial by the size of the study."""
    print_row(["CPU ms per trial (wall ms)", *(f"{size:,} trials" for size in arguments.sizes)])
    print_row(["---"] * (1 + len(arguments.sizes)))
    costs: dict[str, list[str]] = {name: [] for name in arguments.only}
    for filling, is_filled in (
        ("random", lambda scheduler: scheduler == "full"),
        ("asha", lambda name: name != "full"),
    ):
        names = [name for name in arguments.only if is_filled(studies.SEARCHES[name][1])]
        with tempfile.TemporaryDirectory() as folder:
            study = Path(folder) / "study"
            for size in arguments.sizes if names else ():
                in_new_process(studies.fill_study, study, filling, size - WINDOW)
                for name in names:
                    found = in_new_process(studies.measure_cost, study, name, WINDOW, arguments.limit)
                    costs[name].append(_cost(found))
                    print(f"{size:,} trials, {name}: {costs[name][-1]}", file=sys.stderr, flush=True)
    for name, cells in costs.items():
        print_row([name, *cells])
    if not arguments.peers:
        return
    if "Optuna" in installed_peers():
        for is_durable, storage in ((False, "in memory"), (True, "journal file")):
            found = in_new_process(_measure_optuna, arguments.sizes, is_durable)
            print_row([f"Optuna, TPE and successive halving, {storage}", *map(_cost, found.values())])
    if "Ray Tune" in installed_peers():
        sizes = [size for size in arguments.sizes if size <= RAY_TUNE_MOST]
        found = in_new_process(peers.measure_ray_tune, sizes, WINDOW)
        print_row(["Ray Tune, random and ASHA", *(_cost(found.get(size)) for size in arguments.sizes)])


def _measure_optuna(sizes: list[int], is_durable: bool) -> peers.Costs:
    return peers.measure_optuna(sizes, WINDOW, is_durable=is_durable)


def _cost(found: tuple[float, float] | None) -> str:
    return "–" if found is None else f"{found[0]:.1f} ({found[1]:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("busy", "virtual", "growth"))
    parser.add_argument("--workers", type=int, nargs="+")
    parser.add_argument("--trials-per-worker", type=int, default=4)
    parser.add_argument("--strategy", default="auto", help="of the real workers")
    parser.add_argument(
        "--trial-s", type=float, nargs="+", default=[10.0, 600.0], help="seconds of simulated trainings"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 3_000, 10_000])
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds of each simulated search")
    parser.add_argument("--only", default="; ".join(studies.SEARCHES), help="strategies, separated by semicolons")
    parser.add_argument("--peers", action="store_true", help="run the other libraries, too")
    arguments = parser.parse_args()
    arguments.only = [name.strip() for name in arguments.only.split(";")]
    arguments.workers = arguments.workers or ([1, 2] if arguments.part == "busy" else [10, 100, 1_000, 10_000])
    print(f"{describe_machine()}\n")
    {"busy": print_busy, "virtual": print_virtual, "growth": print_growth}[arguments.part](arguments)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
