#!/usr/bin/env python3
"""Benchmark of ``--inherit``, ``--grow`` and ``--fill``: evolution with and without each of them, at equal wall time.

    taskset -c 1 python3 benchmarks/features.py --out features

Each arm searches each data set with each seed for the same wall time, under the same limits. The arms differ in one
flag. The arms of one seed run one after another, so that drifts in the speed of the machine affect all arms alike. The
best network of each search is then retrained from scratch and measured on the test images. Differences are paired by
seed and given with Student's 95 % interval. A benchmark that was interrupted resumes when the same command is run
again. The table is OUT/features.md, written anew after each step.

Inherited networks have had more training in total than their own epochs, so a validation score of the arm ``inherit``
tells what a search reached in its time, not how good the architecture is. The test score after retraining from scratch
compares the architectures.

All settings were chosen before the first measured search:

- Evolution with μ = λ = 4 and 4 epochs per trial, because short searches have to get past their random population.
- digits: ``flower_cnn``, 8×8 images, validation accuracy. flowers17: ``photo_cnn``, 16×16 images, validation top-3.
- Limits ``params<=1e6`` and ``macs<=4e6``; phases ``macs=1e6,2e6,4e6`` (one doubling each); ``--fill 0.9``.
- ``--grow`` shares 12 trials among its phases. ``--pilot`` counted about as many in the time, with seed 1000, which is
  not measured. A search that completes its phases early continues in the last one.
- 12 epochs of retraining, with one seed.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from commands import INTERRUPTED, Commands  # noqa: E402

from metaopt.cli.arguments import duration  # noqa: E402
from metaopt.report.analysis.comparison.significance import mean_interval  # noqa: E402
from metaopt.report.analysis.test_log import read_test_log  # noqa: E402
from metaopt.storage.study import JOURNAL, Study  # noqa: E402

LIMITS = ("params<=1e6", "macs<=4e6")
PHASES = "macs=1e6,2e6,4e6"
BASELINE = "baseline"
GROW = "grow"
ARMS: Mapping[str, Sequence[str]] = {
    BASELINE: (),
    "inherit": ("--inherit",),
    GROW: ("--grow", PHASES),
    "fill": ("--fill", "0.9"),
}
ENDLESS = 100_000  # trials; the time ends the search
PILOT_SEED = 1000
LEAST_TIME_S = 2.0  # no search is continued for less than this


@dataclass(frozen=True)
class Task:
    """Data set and the settings of its searches.

    Attributes:
        data: as given to ``--data``.
        flags: space, objective and image size.
        time_s: seconds of wall time per search.
        grow_trials: trials that ``--grow`` shares among its phases.
        test_score: name of the test score that corresponds to the objective.
    """

    data: str
    flags: Sequence[str]
    time_s: float
    grow_trials: int
    test_score: str

    @property
    def name(self) -> str:
        """Name of the data set."""
        return Path(self.data).name


@dataclass(frozen=True)
class Cell:
    """One search.

    Attributes:
        task: data set and settings.
        arm: name from ``ARMS``.
        seed: seed of the search.
        folder: folder of the study.
    """

    task: Task
    arm: str
    seed: int
    folder: Path

    @property
    def has_ended(self) -> bool:
        """Return whether the search was completed."""
        return self._note.exists()

    def end(self) -> None:
        """Record that the search was completed."""
        self._note.write_text(json.dumps({"seconds": self.task.time_s}) + "\n")

    @property
    def spent_s(self) -> float:
        """Seconds of wall time that the search has used so far."""
        return Study.load(self.folder).state.clock if (self.folder / JOURNAL).exists() else 0.0

    @property
    def _note(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.ended.json")

    def figures(self) -> dict[str, float]:
        """Return the figures of a completed search by name; ``test`` is missing before retraining."""
        study = Study.load(self.folder)
        best = study.require_best()
        found = {
            "trials": float(len(study.records)),
            "validation": -float(best.loss),
            "macs": float(best.macs),
            "params": float(best.params),
        }
        measured = read_test_log(self.folder)
        if measured:
            scores = [one["scores"][self.task.test_score]["value"] for one in measured]
            found["test"] = float(np.mean(scores))
        return found


class Benchmark:
    """Runs the searches and retrainings that are missing, one command at a time."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._commands = Commands(parallel=1)
        self._tasks = [task for task in make_tasks(arguments) if task.name in arguments.tasks]
        seeds = [PILOT_SEED] if arguments.pilot else arguments.seeds
        arms = [GROW] if arguments.pilot else list(ARMS)
        self._cells = [
            Cell(task, arm, seed, arguments.out / task.name / f"{arm}_{seed}")
            for seed, task, arm in product(seeds, self._tasks, arms)
        ]

    def run(self) -> None:
        """Search, then retrain, and write the table after each step."""
        jobs = [partial(self._search, cell) for cell in self._cells]
        if not self._arguments.pilot:
            retrainings = product(self._arguments.retrain_seeds, self._cells)
            jobs += [partial(self._retrain, cell, seed) for seed, cell in retrainings]
        try:
            self._commands.all(jobs)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _search(self, cell: Cell) -> None:
        if cell.has_ended:
            return
        cell.folder.parent.mkdir(parents=True, exist_ok=True)
        goal = cell.task.grow_trials if cell.arm == GROW else ENDLESS
        if self._missing_trials(cell, goal):
            self._call(cell, [*ARMS[cell.arm], "--trials", str(goal)])
        if not self._missing_trials(cell, goal):  # the phases are completed: more trials belong to the last one
            self._call(cell, ["--trials", str(ENDLESS)])
        cell.end()
        print(f"{cell.task.name}, {cell.arm}, seed {cell.seed}: {cell.figures()}", flush=True)
        self._write_table()

    def _missing_trials(self, cell: Cell, goal: int) -> bool:
        return not (cell.folder / JOURNAL).exists() or len(Study.load(cell.folder).records) < goal

    def _call(self, cell: Cell, flags: Sequence[str]) -> None:
        """Search in a cell until its time is used up."""
        left_s = cell.task.time_s - cell.spent_s
        if left_s < LEAST_TIME_S:
            return
        command = ["hyperopt_optimize.py", "--data", cell.task.data, *cell.task.flags, "--strategy", "evolution"]
        command += ["--mu", str(self._arguments.mu), "--lambda", str(self._arguments.mu), "--seed", str(cell.seed)]
        command += ["--epochs", str(self._arguments.epochs), "--folds", "1", "--time", f"{left_s:.0f}s", *flags]
        command += [word for limit in LIMITS for word in ("--constraint", limit)]
        self._run(cell, command)

    def _retrain(self, cell: Cell, seed: int) -> None:
        if any(one["seed"] == seed for one in read_test_log(cell.folder)):
            return
        command = ["-m", "metaopt", "retrain", "--seed", str(seed), "--epochs", str(self._arguments.retrain_epochs)]
        self._run(cell, command)
        print(f"{cell.task.name}, {cell.arm}, seed {cell.seed}: retrained with seed {seed}", flush=True)
        self._write_table()

    def _run(self, cell: Cell, command: Sequence[str]) -> None:
        log = cell.folder.with_name(f"{cell.folder.name}.log")
        code = self._commands.call([*command, "--results", str(cell.folder)], log)
        if code:
            raise SystemExit(f"A command of {cell.folder.name} ended with exit code {code}; see {log}.")

    def _write_table(self) -> None:
        command = shlex.join(["python3", "benchmarks/features.py", *sys.argv[1:]])
        parts = ["# Inheriting, growing, filling", f"`{command}`"]
        for task in self._tasks:
            figures = {
                arm: {cell.seed: cell.figures() for cell in self._cells if _is_of(cell, task, arm)} for arm in ARMS
            }
            parts += [f"## {task.name}", _arms_table(figures), _differences_table(figures)]
        (self._arguments.out / "features.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


Figures = Mapping[str, Mapping[int, Mapping[str, float]]]  # arm → seed → name → figure


def _is_of(cell: Cell, task: Task, arm: str) -> bool:
    return cell.task is task and cell.arm == arm and cell.has_ended


def _arms_table(figures: Figures) -> str:
    """Return a markdown table with the mean figures of each arm."""
    columns = {"trials": ".1f", "params": ",.0f", "macs": ",.0f", "validation": ".4f", "test": ".4f"}
    lines = [f"| arm | searches | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for arm, by_seed in figures.items():
        cells = []
        for name, form in columns.items():
            values = [found[name] for found in by_seed.values() if name in found]
            cells.append(f"{np.mean(values):{form}}" if values else "–")
        lines.append(f"| {arm} | {len(by_seed)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _differences_table(figures: Figures) -> str:
    """Return a markdown table of the paired differences from the baseline, with 95 % intervals."""
    header = ("feature", "score", "seeds", "mean difference", "95 % interval", "wins", "ties", "losses")
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for arm, score in product([arm for arm in figures if arm != BASELINE], ("validation", "test")):
        pairs = [(figures[arm][seed], figures[BASELINE][seed]) for seed in figures[arm] if seed in figures[BASELINE]]
        differences = [one[score] - other[score] for one, other in pairs if score in one and score in other]
        if len(differences) < 2:
            continue
        mean, low, high = mean_interval(differences)
        wins, losses = (sum(sign * value > 1e-9 for value in differences) for sign in (1, -1))
        counts = f"{wins} | {len(differences) - wins - losses} | {losses}"
        lines.append(f"| {arm} | {score} | {len(differences)} | {mean:+.4f} | {low:+.4f} to {high:+.4f} | {counts} |")
    return "\n".join(lines)


def make_tasks(arguments: argparse.Namespace) -> list[Task]:
    """Return the tasks of the benchmark with the times and numbers of trials that were asked for."""
    digits = ["--space", "flower_cnn", "--objective", "val_accuracy"]
    flowers = ["--space", "photo_cnn", "--objective", "val_top3", "--image-size", "16"]
    return [
        Task("digits", digits, arguments.digits_time, arguments.digits_trials, "test_accuracy"),
        Task(str(arguments.flowers), flowers, arguments.flowers_time, arguments.flowers_trials, "test_top3"),
    ]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--flowers", type=Path, default=ROOT.parent / "shared/data/flowers17", help="folder of the flowers")
    add("--tasks", nargs="*", default=["digits", "flowers17"], metavar="NAME", help="names of the data sets")
    add("--out", type=Path, default=Path("features"), help="folder of the benchmark")
    add("--pilot", action="store_true", help=f"run the arm with --grow only, with seed {PILOT_SEED}")
    add("--seeds", nargs="*", type=int, default=list(range(8)), metavar="N", help="seeds of the searches")
    add("--mu", type=int, default=4, help="population size, and children per generation")
    add("--epochs", type=int, default=4, help="epochs per trial")
    add("--digits-time", type=duration, default="50s", help="wall time of a search on digits")
    add("--flowers-time", type=duration, default="90s", help="wall time of a search on the flowers")
    add("--digits-trials", type=int, default=12, help="trials that --grow shares among its phases on digits")
    add("--flowers-trials", type=int, default=12, help="trials that --grow shares among its phases on the flowers")
    add("--retrain-seeds", nargs="*", type=int, default=[1], metavar="N", help="seeds of the retrainings")
    add("--retrain-epochs", type=int, default=12, help="epochs per retraining")
    arguments = parser.parse_args(argv)
    arguments.out = arguments.out.resolve()
    arguments.flowers = arguments.flowers.resolve()
    return arguments


if __name__ == "__main__":
    Benchmark(parse(None)).run()
