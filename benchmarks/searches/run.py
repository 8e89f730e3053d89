#!/usr/bin/env python3
"""Compare real searches of metaopt and of other libraries: the same networks, data, epochs and cores, in wall time.

    python3 -m benchmarks.searches.run --seeds 5 --cpus 1 --plots figures
    python3 -m benchmarks.searches.run --same-configurations 40 --epochs 9 --tasks flowers17 --seeds 5 --cpus 1

The first command searches with each method until a time limit. The second one gives each library the same list of
networks to train. Runs that are missing in the file of results are made one after the other, each in a process of its
own; then figures of all results are printed and drawn. The command can be stopped and given again at any time. A
method whose package is not installed is skipped. docs/searches.md explains the methods and the figures.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.command import SHARED, exit_code, select
from benchmarks.searches.method import Method, Trainer, list_methods, list_trainers
from benchmarks.searches.plots import plot_accuracy
from benchmarks.searches.printing import print_configurations, print_searches
from benchmarks.searches.process import Order, SearchFailed, carry_out, import_once
from benchmarks.searches.results import CONFIGURATIONS, SEARCH, ResultFile, Setting, make_result
from benchmarks.searches.summary import find_common_target
from benchmarks.searches.tasks import TASKS, LoadedTask, Task
from metaopt.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    arguments = parse(argv)
    return exit_code(lambda: _Benchmark(arguments).run())


@dataclass(frozen=True)
class _Cell:
    task: LoadedTask
    setting: Setting
    method: str
    seed: int


class _Benchmark:
    """One call of the command.

    Args:
        arguments: see ``parse``.

    Raises:
        UserError: a method or task does not exist, its data were not found, or the file of results is invalid.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._count: int | None = arguments.same_configurations
        known: Mapping[str, Method | Trainer] = list_methods() if self._count is None else list_trainers()
        self._methods = select(arguments.methods, known, "method")
        self._absent = {name: why for name, each in self._methods.items() if (why := each.why_not()) is not None}
        self._tasks = [LoadedTask(task, arguments.data) for task in select(arguments.tasks, TASKS, "task").values()]
        self._cpus = _choose_cpus(arguments.cpus)
        self._settings = {each.task.name: self._setting(each) for each in self._tasks}
        self._file = ResultFile(arguments.results)
        self._failed: dict[tuple[str, str], str] = {}

    def run(self) -> int:
        """Make the missing runs, print, draw; return 1 if one failed."""
        if not self._arguments.report_only:
            self._run_missing()
        self._report()
        return 1 if self._failed else 0

    def _setting(self, loaded: LoadedTask) -> Setting:
        task, arguments = loaded.task, self._arguments
        _require_data(task, arguments.data)
        searches = self._count is None
        return Setting(
            SEARCH if searches else CONFIGURATIONS,
            task.name,
            loaded.space.digest,
            loaded.data.fingerprint,
            arguments.epochs or task.epochs,
            float((arguments.seconds or task.seconds) if searches else self._count),
            len(self._cpus),
        )

    def _run_missing(self) -> None:
        first = self._arguments.first_seed
        present = [name for name in self._methods if name not in self._absent]
        cells = [
            _Cell(task, self._settings[task.task.name], method, seed)
            for seed in range(first, first + self._arguments.seeds)
            for task in self._tasks
            # In turn, beginning with another method for each seed, so that none has a fixed place.
            for method in present[seed % len(present) :] + present[: seed % len(present)]
        ]
        cells = [cell for cell in cells if not self._file.has(cell.setting, cell.method, cell.seed)]
        for name in dict.fromkeys(cell.method for cell in cells):
            try:
                import_once(self._methods[name].modules, self._cpus)
            except SearchFailed as error:
                self._absent[name] = f"it cannot be imported: {str(error).splitlines()[-1]}"
        cells = [cell for cell in cells if cell.method not in self._absent]
        for number, cell in enumerate(cells, 1):
            setting = cell.setting
            what = f"{cell.method} on {setting.task}, seed {cell.seed}"
            print(f"{time.strftime('%H:%M:%S')} {number} of {len(cells)}: {what}", file=sys.stderr, flush=True)
            try:
                self._run_cell(cell)
            except SearchFailed as error:
                self._failed[cell.method, setting.task] = str(error).splitlines()[-1]
                print(f"{what} failed: {error}", file=sys.stderr, flush=True)

    def _run_cell(self, cell: _Cell) -> None:
        setting = cell.setting
        searches = setting.kind == SEARCH
        networks = [] if searches else cell.task.draw_valid(round(setting.limit), cell.seed)
        load = os.getloadavg()[0]
        outcome = carry_out(
            Order(
                setting.kind,
                cell.method,
                setting.task,
                self._arguments.data,
                cell.seed,
                setting.epochs,
                self._cpus,
                networks,
            ),
            setting.limit if searches else None,
            judge=searches,
        )
        machine = {"processor": _find_processor(), "load": [round(load, 2), round(os.getloadavg()[0], 2)]}
        versions = self._methods[cell.method].versions
        self._file.add(make_result(setting, cell.method, cell.seed, outcome, versions, machine))

    def _report(self) -> None:
        for loaded in self._tasks:
            task, setting = loaded.task, self._settings[loaded.task.name]
            found = self._file.of(setting)
            results = {name: found[name] for name in self._methods if name in found}
            print(f"## {task.name}\n\n{_describe(setting)}\n")
            if results and setting.kind == SEARCH:
                targets = [find_common_target(results), *task.targets]
                print(f"{print_searches(results, targets, setting.limit)}\n")
                if self._arguments.plots is not None:
                    self._arguments.plots.mkdir(parents=True, exist_ok=True)
                    path = self._arguments.plots / f"searches_{task.name}.png"
                    plot_accuracy(task.name, results, setting.limit, path)
            elif results:
                print(f"{print_configurations(results, round(setting.limit))}\n")
            failed = {name: why for (name, where), why in self._failed.items() if where == task.name}
            for name, why in (self._absent | failed).items():
                if name not in results:
                    print(f"{name}: no results ({why}).")
        self._print_notes()

    def _print_notes(self) -> None:
        print(f"## Methods\n\n{_find_processor()}, Python {platform.python_version()}.\n")
        for name, each in self._methods.items():
            versions = ", ".join(f"{package} {found}" for package, found in each.versions.items())
            print(f"- {name}: {versions or 'not installed'}. {each.note}")


def _describe(setting: Setting) -> str:
    cores = f"{setting.cpus} core(s)" if setting.cpus else "all cores"
    what = f"{setting.limit:g} s per search" if setting.kind == SEARCH else f"{setting.limit:g} networks"
    return f"At most {setting.epochs} epochs per training, {what}, {cores}."


def _require_data(task: Task, folder: Path) -> None:
    if task.is_folder and not Path(task.data_argument(folder)).is_dir():
        raise UserError(
            f"No folder {task.data} in {folder}. Choose its folder with --data, or other tasks with --tasks."
        )


def _choose_cpus(count: int) -> tuple[int, ...]:
    """Return the cores that searches may use: the last ones of this process, because others prefer the first; () all.

    Raises:
        UserError: there are fewer, or the system cannot pin processes.
    """
    if count == 0:
        return ()
    if not hasattr(os, "sched_getaffinity"):
        raise UserError("Invalid value for --cpus: this system cannot pin processes. Expected 0.")
    available = sorted(os.sched_getaffinity(0))
    if count > len(available):
        raise UserError(f"Invalid value for --cpus: {count}. Expected 0 to {len(available)}.")
    return tuple(available[-count:])


def _find_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.searches.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    methods = f"{'; '.join(list_methods())}; with --same-configurations {'; '.join(list_trainers())}"
    add("--methods", help=f"methods, separated by semicolons (default all): {methods}")
    lengths = ", ".join(f"{task.seconds:g} on {task.name}" for task in TASKS.values())
    add("--tasks", help=f"tasks, separated by semicolons (default all): {'; '.join(TASKS)}")
    add("--seeds", type=int, default=5, metavar="N", help="number of seeds (default 5)")
    add("--first-seed", type=int, default=0, metavar="N", help="first seed (default 0)")
    add("--seconds", type=float, metavar="S", help=f"wall seconds of a search (default {lengths})")
    add("--epochs", type=int, metavar="N", help="maximum epochs of a training (default 27)")
    add("--same-configurations", type=int, metavar="N", help="train the same N networks with each library instead")
    add("--cpus", type=int, default=1, metavar="N", help="cores that all searches are pinned to; 0 for all (default 1)")
    add("--data", type=Path, default=SHARED / "data", metavar="FOLDER", help="folder of flowers17/")
    add("--results", type=Path, default=Path("searches.jsonl"), help="file of the results (default searches.jsonl)")
    add("--plots", type=Path, metavar="FOLDER", help="draw figures into this folder")
    add("--report-only", action="store_true", help="print and draw the results that there are")
    arguments = parser.parse_args(argv)
    for name, minimum in (("seeds", 1), ("first_seed", 0), ("epochs", 1), ("same_configurations", 1), ("cpus", 0)):
        value = getattr(arguments, name)
        if value is not None and value < minimum:
            flag = name.replace("_", "-")
            parser.error(f"Invalid value for --{flag}: {value}. Expected an integer >= {minimum}.")
    if arguments.seconds is not None and not arguments.seconds > 0:
        parser.error(f"Invalid value for --seconds: {arguments.seconds:g}. Expected a number > 0.")
    arguments.data = arguments.data.resolve()
    return arguments


if __name__ == "__main__":
    sys.exit(main())
