"""Commands of the benchmark: prepare the data, run, and print the tables.

    python3 -m benchmarks.evolve prepare --shared ../shared/data --data evolve_data.npz
    python3 -m benchmarks.evolve run --data evolve_data.npz --seeds 0-7 --budget epochs:60 seconds:60 --processes 16
    python3 -m benchmarks.evolve table results.jsonl

``run`` starts a process for each task, method, seed and budget, each on a core of its own, and appends a line of JSON
for each. Lines that are there already are not measured again. It needs Keras on any backend (``KERAS_BACKEND=torch``);
methods whose library is missing are left out and named.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.evolve.budget import Budget
from benchmarks.evolve.driver import run_all
from benchmarks.evolve.methods import METHODS
from benchmarks.evolve.table import print_tables
from benchmarks.evolve.task_names import TASKS


def _seeds(text: str) -> list[int]:
    """Convert ``0-7`` or ``0,2,5``."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _names(known: list[str]) -> Callable[[str], list[str]]:
    """Return what converts ``digits,gaps`` to a list of known names."""

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}. Expected some of {', '.join(known)}.")
        return chosen

    return names


def main(arguments: list[str] | None = None) -> None:
    """Carry out one command."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.evolve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="write the data of all tasks into one file")
    prepare.add_argument("--shared", type=Path, required=True, help="folder with flowers17/ and cifar10_jpeg.npz")
    prepare.add_argument("--data", type=Path, default=Path("evolve_data.npz"))
    run = commands.add_parser("run", help="run the methods")
    run.add_argument("--data", type=Path, default=Path("evolve_data.npz"))
    run.add_argument("--out", type=Path, default=Path("evolve_results.jsonl"))
    run.add_argument("--tasks", type=_names(list(TASKS)), default=list(TASKS), help=", ".join(TASKS))
    run.add_argument("--methods", type=_names(list(METHODS)), default=list(METHODS), help=", ".join(METHODS))
    run.add_argument("--seeds", type=_seeds, default=[0], help="e.g. 0-7")
    run.add_argument("--budget", type=Budget.read, nargs="+", required=True, help="epochs:N or seconds:N, or both")
    run.add_argument("--processes", type=int, default=1, help="runs at once, each on one core (default: 1)")
    run.add_argument("--cores", type=_seeds, default=None, help="cores to use, e.g. 0-15 (default: all)")
    table = commands.add_parser("table", help="print the tables of results")
    table.add_argument("results", type=Path, nargs="+")
    at = "compare the runs after so many epochs or seconds of their budget, e.g. epochs:20 (default: at their ends)"
    table.add_argument("--at", type=Budget.read, help=at)
    child = commands.add_parser("child")  # a process of run
    child.add_argument("order", type=json.loads)
    given = parser.parse_args(arguments)
    if given.command == "prepare":
        from benchmarks.evolve.data import prepare as prepare_data

        prepare_data(given.shared, given.data)
    elif given.command == "run":
        run_all(given)
    elif given.command == "table":
        print_tables(given.results, given.at)
    else:
        from benchmarks.evolve.child import carry_out

        sys.exit(carry_out(given.order))


if __name__ == "__main__":
    main()
