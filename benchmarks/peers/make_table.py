#!/usr/bin/env python3
"""Make a table of learning curves: train many networks of a space once and store every epoch.

    python3 -m benchmarks.peers.make_table digits.jsonl --data digits --train-images 400 --sample 600 --epochs 27 \
        --space benchmarks/peers/problems/conv_stack_1_to_6.py --constraint "macs<=2e6" --balance n_blocks

One line is appended per finished network and seed. A run that was stopped resumes when the same command is given again;
at most the networks in training are trained again. Lines come in the order in which the trainings end. docs/peers.md
describes the format.
"""

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from benchmarks.peers.command import exit_code
from benchmarks.peers.table_file import TableFile
from benchmarks.peers.table_networks import grid_networks, sample_networks
from benchmarks.peers.table_training import SPLITS, TableTrainer, cut_data
from metaopt.data import DataSpec, load, resolve
from metaopt.engine.jobs import Epoch, Failed, Finished, FromScratch, Job, Report, TrainingOptions
from metaopt.executors.processes import Processes
from metaopt.guard.guard import Guard
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.trials.constraints import parse_constraints
from metaopt.values.json_values import to_json_value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    arguments = parse(argv)
    try:
        with FileLock(f"{arguments.table}.lock", timeout=0):
            return exit_code(lambda: make_table(arguments))
    except Timeout:
        print(f"Another process is making {arguments.table}.", file=sys.stderr)
        return 2


def make_table(arguments: argparse.Namespace) -> int:
    """Train the networks that are missing.

    Returns:
        0, or 1 if some trainings failed, which the same command tries again.

    Raises:
        UserError: data, space or constraints are invalid, or the file was made with other settings.
    """
    problem = load_problem(arguments.space)
    spec, _ = resolve(DataSpec(arguments.data, arguments.image_size), gpu=False)
    sizes = {name: size for name in SPLITS if (size := getattr(arguments, f"{name}_images")) is not None}
    data = cut_data(load(spec), sizes)
    space = compile_space(problem.space)
    guard = Guard(problem, data.input_shape, data.classes, parse_constraints(arguments.constraint))
    if arguments.grid:
        networks = grid_networks(space, guard)
    else:
        networks = sample_networks(space, guard, arguments.sample, arguments.sample_seed, arguments.balance)
    splits = {"train": data.train, "validation": data.validation, "test": data.test()}
    header = {
        "data": data.fingerprint,
        "images": {name: len(images) for name, images in splits.items()},
        "input_shape": list(data.input_shape),
        "classes": dict(data.classes),
        "augment": data.augment,
        "space": space.digest,
        "networks": _describe_choice(arguments),
        "constraints": [str(each) for each in guard.constraints],
        "epochs": arguments.epochs,
    }
    file = TableFile(arguments.table, header)
    jobs = [
        Job(number, space.point(vals), FromScratch(), arguments.epochs, TrainingOptions(seed, arguments.epochs))
        for seed in arguments.seeds
        for number, vals in enumerate(networks)
        if (number, seed) not in file.done
    ]
    print(f"{len(networks)} networks, {len(arguments.seeds)} seed(s); {len(jobs)} trainings left", flush=True)
    trainer = TableTrainer(arguments.space, spec, sizes)
    log = arguments.table.with_suffix(".log")
    with Processes(trainer, arguments.processes, threads=1, log=log) as executor:
        return _Maker(executor, file, networks).run(jobs)


def _describe_choice(arguments: argparse.Namespace) -> str:
    """Return how the networks were chosen, without their number: a sample can be enlarged."""
    if arguments.grid:
        return "grid"
    balanced = "" if arguments.balance is None else f", balanced by {arguments.balance}"
    return f"sample, seed {arguments.sample_seed}{balanced}"


class _Maker:
    """Runs the trainings and writes their rows.

    Args:
        executor: the processes.
        file: the table.
        networks: draws of the networks.
    """

    def __init__(self, executor: Processes, file: TableFile, networks: Sequence[dict[str, float]]) -> None:
        self._executor, self._file, self._networks = executor, file, networks
        self._running: dict[int, Job] = {}
        self._failed = 0
        self._cpu_s: list[float] = []
        self._began = time.monotonic()
        self._left = 0

    def run(self, jobs: Sequence[Job]) -> int:
        self._left = len(jobs)
        for job in jobs:
            # A network is trained with one seed at a time, because reports tell trainings apart by its number.
            while len(self._running) == self._executor.slots or job.trial in self._running:
                self._executor.wait(self._handle)
            self._running[job.trial] = job
            self._executor.submit(job)
        while self._running:
            self._executor.wait(self._handle)
        return 1 if self._failed else 0

    def _handle(self, report: Report) -> bool:
        if isinstance(report, Finished):
            self._write(self._running.pop(report.trial), report.returned)
        elif isinstance(report, Failed):
            job = self._running.pop(report.trial)
            self._failed += 1
            print(f"network {job.trial}, seed {job.options.seed}: {report.error}", file=sys.stderr, flush=True)
        return isinstance(report, Epoch)

    def _write(self, job: Job, row: dict[str, Any]) -> None:
        network = {"id": job.trial, "config": to_json_value(job.point), "vals": dict(self._networks[job.trial])}
        self._file.add(network | row)
        self._cpu_s.append(sum(row["cpu_s"]))
        self._left -= 1
        elapsed = time.monotonic() - self._began
        left_h = elapsed / len(self._cpu_s) * self._left / 3600
        mean = sum(self._cpu_s) / len(self._cpu_s)
        best = max(row["val_acc"], default=0.0)
        print(
            f"network {job.trial}, seed {job.options.seed}: best val_acc {best:.3f}, {self._cpu_s[-1]:.1f} CPU s (mean"
            f" {mean:.1f}); {self._left} left, about {left_h:.1f} h",
            flush=True,
        )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.peers.make_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", type=Path, help="the .jsonl file, which is created or resumed")
    add("--data", default="digits", help="data set, as for a search (default digits)")
    add("--image-size", type=int, metavar="N", help="side of the images in pixels (default: their own)")
    for split in SPLITS:
        add(f"--{split}-images", type=int, metavar="N", help=f"cut the {split} split to N images (default: all)")
    add("--space", default="cnn", help="ready-made problem or problem file (default cnn)")
    add("--constraint", action="append", default=[], help="limit of the networks, e.g. macs<=2e6; repeatable")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--sample", type=int, default=600, metavar="N", help="draw N networks (default 600)")
    which.add_argument("--grid", action="store_true", help="train every point of a finite space")
    add("--sample-seed", type=int, default=0, metavar="N", help="seed of the sample (default 0)")
    add("--balance", metavar="LABEL", help="choice of which each option is equally frequent in the sample")
    add("--epochs", type=int, default=27, metavar="N", help="epochs per training (default 27)")
    add("--seeds", type=int, nargs="+", default=[0], metavar="N", help="seeds of the trainings (default 0)")
    add("--processes", type=int, default=1, metavar="N", help="trainings at once, one thread each (default 1)")
    arguments = parser.parse_args(argv)
    for name in ("sample", "epochs", "processes"):
        if getattr(arguments, name) < 1:
            parser.error(f"Invalid value for --{name}: {getattr(arguments, name)}. Expected an integer >= 1.")
    if arguments.table.suffix != ".jsonl":
        parser.error(f"Invalid name of the table: {arguments.table}. Expected a .jsonl file.")
    if platform.system() == "Windows":
        parser.error("Processes need a POSIX system.")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
