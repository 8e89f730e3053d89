"""Driver: a process for each run, each on a core of its own, and a line of JSON for each result."""

import argparse
import contextlib
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from benchmarks.evolve.budget import Budget
from benchmarks.evolve.methods import METHODS

_PACKAGES = ("numpy", "keras", "torch", "jax", "tensorflow", "optuna", "ray")
_LONGEST = 20.0  # times the seconds of the budget
_START_S = 600.0  # of a process, to import and to estimate
_KEY = ("task", "method", "seed", "budget")


@dataclass
class _Process:
    order: dict[str, Any]
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    until: float


def run_all(given: argparse.Namespace) -> None:
    """Run all that is asked for and is not in the results yet."""
    cores = given.cores or sorted(os.sched_getaffinity(0))
    free = cores[: given.processes]
    if len(free) < given.processes:
        sys.exit(f"Invalid value for --processes: {given.processes}. Expected at most {len(cores)}, a core for each.")
    methods = []
    for name in given.methods:
        missing = METHODS[name].find_missing()
        if missing is None:
            methods.append(name)
        else:
            print(f"{name} is left out: {missing} is not installed.", flush=True)
    known = _read_known(given.out)
    # Seed by seed, so that an early end leaves pairs.
    wanted = itertools.product(given.seeds, map(str, given.budget), given.tasks, methods)
    orders = [
        {"task": task, "method": method, "seed": seed, "budget": budget, "data": str(given.data.resolve())}
        for seed, budget, task, method in wanted
        if (task, method, seed, budget) not in known
    ]
    print(f"{len(orders)} runs, {len(known)} are in {given.out}.", flush=True)
    running: list[_Process] = []
    try:
        while orders or running:
            while orders and free:
                running.append(_start({**orders.pop(0), "core": free.pop()}))
            time.sleep(0.2)
            for each in [one for one in running if one.process.poll() is not None or time.time() > one.until]:
                running.remove(each)
                free.append(each.order["core"])
                _finish(each, given.out)
    finally:
        for each in running:
            each.process.kill()


def _read_known(path: Path) -> set[tuple[Any, ...]]:
    if not path.exists():
        return set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {tuple(line[name] for name in _KEY) for line in lines if line["failed"] is None}


def _start(order: dict[str, Any]) -> _Process:
    folder = Path(tempfile.mkdtemp(prefix="evolve_"))
    order["folder"] = str(folder)
    log = (folder / "log").open("wb")
    command = [sys.executable, "-m", "benchmarks.evolve", "child", json.dumps(order)]
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    budget = Budget.read(order["budget"])
    longest = _LONGEST * budget.amount if budget.kind == "seconds" else 60 * budget.amount
    return _Process(order, process, log, time.time() + _START_S + longest)


def _finish(each: _Process, out: Path) -> None:
    """Append the line of a run that has ended, or took too long."""
    each.process.kill()
    each.process.wait()
    each.log.close()
    with contextlib.suppress(ProcessLookupError):  # Ray leaves processes behind if it was killed
        os.killpg(each.process.pid, 9)
    folder = Path(each.order["folder"])
    result = folder / "result.json"
    found = json.loads(result.read_text()) if result.exists() else {"failed": _tail(folder / "log")}
    line = {**{name: each.order[name] for name in _KEY}, **found, "machine": _machine()}
    with out.open("a") as file:
        file.write(json.dumps(line) + "\n")
    told = {**{name: line[name] for name in _KEY}, "failed": found["failed"]}
    last = found.get("incumbents") or [[None, None, None, None]]
    print(f"{told}: {found.get('epochs')} epochs, {found.get('seconds')} s, test {last[-1][3]}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2000:] or "killed"


def _machine() -> dict[str, Any]:
    versions = {}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return {"processor": platform.processor() or platform.machine(), "backend": backend, "versions": versions}
