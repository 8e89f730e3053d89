#!/usr/bin/env python3
"""Search strategies on a table of 864 real trainings, on a virtual clock: cost until each finds a good network.

The table holds every point of a grid with its learning curve and the CPU time of each epoch (flowers17, 27 epochs; its
README describes it). A trial's epochs cost what they cost there, going on from a rung pays for the new epochs only, and
strategies think for free. The unit of cost is one full training, 4.37 CPU seconds. The incumbent is the best validation
error seen at any epoch; "best 1 %" is an error that 1 % of the networks reach within 27 epochs. Numbers and sizes are
``hp.quniform`` over the index of the grid's values, each as likely as the others, so that samplers know their order;
two-valued ones are choices.

    python3 benchmarks/tabular.py [--seeds 30] [--budget 40] [--workers 1] [--strategies "asha; bohb"]
"""

import argparse
import gzip
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.peers.command import SHARED  # noqa: E402
from benchmarks.peers.problems.flowers_grid import CHOICES, ORDERED, flowers_space  # noqa: E402
from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.jobs import Epoch, Job  # noqa: E402
from metaopt.engine.outside_knowledge import find_knowledge  # noqa: E402
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import open_study, search  # noqa: E402
from metaopt.engine.strategy import STRATEGIES  # noqa: E402
from metaopt.executors import Simulated  # noqa: E402
from metaopt.problems.problem import Problem  # noqa: E402
from metaopt.storage.files import Unsynced  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402

TABLE = SHARED / "benchmarks" / "flowers17_table.jsonl.gz"
FULL_TRAINING_S = 4.37
R = 27
BUDGETS = (5, 10, 20, 40, 80)  # full trainings
SPACE = flowers_space()
# Name → settings. Those that have a name of their own; then other pairs, and a first rung of 3 epochs instead of 1.
SEARCHES: dict[str, dict[str, Any]] = {
    **{name: {"sampler": sampler, "scheduler": scheduler} for name, (sampler, scheduler) in STRATEGIES.items()},
    "tpe × asha": {"sampler": "tpe", "scheduler": "asha"},
    "evolution × asha": {"sampler": "evolution", "scheduler": "asha"},
    "gp-asha from 3 epochs": {"sampler": "gp", "scheduler": "asha", "min_epochs": 3},
    "bohb from 3 epochs": {"sampler": "tpe", "scheduler": "hyperband", "min_epochs": 3},
    "asha from 3 epochs": {"sampler": "random", "scheduler": "asha", "min_epochs": 3},
    "tpe × asha from 3 epochs": {"sampler": "tpe", "scheduler": "asha", "min_epochs": 3},
}

# Of the table's README: cost to the best 5 % and 1 % (median), share of seeds that reached 1 %, mean regret at BUDGETS.
PEERS = {
    "random search": ("11.8", "> 80", "40 %", "0.126 0.090 0.066 0.055 0.046"),
    "hyperopt 0.3.0 TPE": ("18.4", "40.2", "80 %", "0.117 0.105 0.069 0.042 0.027"),
    "Optuna 5.0.0 TPE": ("10.9", "22.7", "90 %", "0.133 0.081 0.052 0.031 0.024"),
    "Optuna 5.0.0 GP sampler (6 seeds, budget 40)": ("6.0", "14.5", "100 %", "0.118 0.069 0.043 0.027 –"),
    "Optuna GP + median pruner (6 seeds, budget 40)": ("7.4", "> 40", "33 %", "0.118 0.072 0.058 0.054 –"),
    "Optuna TPE + median pruner (3 warm-up epochs)": ("8.1", "21.3", "80 %", "0.133 0.067 0.046 0.039 0.039"),
    "Optuna TPE + successive halving": ("7.1", "> 80", "10 %", "0.099 0.079 0.073 0.068 0.068"),
    "Optuna TPE + Hyperband": ("10.5", "33.3", "60 %", "0.102 0.083 0.060 0.047 0.041"),
    "KerasTuner 1.4.8 Hyperband (R 27, η 3)": ("6.9", "40.0", "80 %", "0.398 0.083 0.045 0.042 0.027"),
    "DEHB 0.1.2": ("10.3", "49.7", "80 %", "0.342 0.071 0.056 0.039 0.025"),
    "SMAC3 2.4.1 multi-fidelity": ("12.2", "62.0", "60 %", "0.369 0.083 0.051 0.044 0.038"),
}


@dataclass(frozen=True)
class Network:
    """A row of the table; each tuple has a number per epoch."""

    val_accuracy: tuple[float, ...]
    val_loss: tuple[float, ...]
    train_loss: tuple[float, ...]
    test_accuracy: tuple[float, ...]
    seconds: tuple[float, ...]


@cache
def table(path: Path = TABLE) -> dict[tuple[Any, ...], Network]:
    """Return configuration → network."""
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    names = ("val_acc", "val_loss", "train_loss", "test_acc", "cpu_s")
    return {key(row["config"]): Network(*(tuple(row[name]) for name in names)) for row in rows}


def key(config: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(config[name] for name in (*ORDERED, *CHOICES))


def network(point: dict[str, Any]) -> Network:
    """Return the network of a point of ``SPACE``."""
    return table()[key({**point, **{name: values[round(point[name])] for name, values in ORDERED.items()}})]


def curve(job: Job) -> list[tuple[dict[str, float], float]]:
    """Return the learning curve of a job's network for the simulated executor."""
    found = network(job.point)
    return [
        ({"val_accuracy": accuracy, "val_loss": loss, "loss": train}, seconds)
        for accuracy, loss, train, seconds in zip(
            found.val_accuracy, found.val_loss, found.train_loss, found.seconds, strict=True
        )
    ]


def best_errors() -> np.ndarray:
    """Return the validation error of each network at its best epoch, ascending."""
    return np.sort([1 - max(found.val_accuracy) for found in table().values()])


def threshold(share: float) -> float:
    """Return the error that this share of the networks reaches."""
    errors = best_errors()
    return float(errors[int(np.ceil(share * len(errors))) - 1])


@dataclass
class Course:
    """Incumbents of a search over its cost.

    Attributes:
        steps: (cost in full trainings, error) of each new incumbent.
        chosen: (trial, epoch) of the last one.
        epochs: trained in all.
    """

    steps: list[tuple[float, float]]
    chosen: tuple[int, int] = (-1, 0)
    epochs: int = 0
    trials: int = 0
    test_accuracy: float = 0.0

    def error(self, cost: float) -> float:
        """Return the incumbent's error after so many full trainings; 1 before there is one."""
        return min((error for when, error in self.steps if when <= cost), default=1.0)

    def cost(self, error: float) -> float:
        """Return the cost in full trainings until the error was reached; infinite if it was not."""
        return min((when for when, reached in self.steps if reached <= error), default=np.inf)


class Follower(Callback):
    """Callback that stores the incumbent."""

    def __init__(self, clock: Simulated) -> None:
        self.course = Course([])
        self._clock = clock

    def epoch(self, report: Epoch) -> None:
        """Store the epoch if it is the best one so far."""
        error = 1 - report.metrics["val_accuracy"]
        self.course.epochs += 1
        if error < min((reached for _, reached in self.course.steps), default=1.0):
            self.course.steps.append((self._clock.clock() / FULL_TRAINING_S, error))
            self.course.chosen = report.trial, report.epoch


def run(
    strategy: str, seed: int, budget: float, workers: int = 1, start_from: Sequence[Path] = (), **settings: Any
) -> Course:
    """Run one search.

    Args:
        strategy: a name of ``SEARCHES``.
        seed: of the study.
        budget: full trainings of each worker.
        workers: that train side by side.
        start_from: folders of earlier studies of the same space.
        settings: other settings of the search.
    """
    executor = Simulated(curve, workers)
    given = {"epochs": R, "seed": seed, "workers": workers, **SEARCHES[strategy], **settings}
    # Time ends the search, not the number of trials; what is random at first is what a goal of 80 would give.
    given.setdefault("trials", len(table()))
    if given["sampler"] == "evolution":
        given.setdefault("mu", 20)
    resolved = resolve(given, {}, StudyState())
    problem = Problem(SPACE, name="table")
    follower = Follower(executor)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_study(
            Path(folder) / "study", problem, resolved, follower, files=Unsynced(), clock=executor.clock
        ) as study,
    ):
        known = find_knowledge(problem, start_from, study.state, follower)
        seconds = budget * FULL_TRAINING_S
        search(study, problem, resolved, executor, follower, seconds=seconds, clock=executor.clock, knowledge=known)
        trial, epoch = follower.course.chosen
        follower.course.test_accuracy = network(study.state.trials[trial].point).test_accuracy[epoch - 1]
        follower.course.trials = len(study.state.trials)
    return follower.course


def median_cost(courses: Sequence[Course], error: float, budget: float) -> str:
    cost = statistics.median(course.cost(error) for course in courses)
    return f"{cost:.1f}" if np.isfinite(cost) else f"> {budget:g}"


def line(name: str, courses: Sequence[Course], budget: float) -> str:
    """Return a row of the markdown table."""
    one, five, best = threshold(0.01), threshold(0.05), best_errors()[0]
    reached = np.mean([np.isfinite(course.cost(one)) for course in courses])
    regrets = [
        f"{np.mean([course.error(at) for course in courses]) - best:.3f}" if at <= budget else "–" for at in BUDGETS
    ]
    cells = [
        name,
        median_cost(courses, five, budget),
        median_cost(courses, one, budget),
        f"{reached:.0%}".replace("%", " %"),
        " ".join(regrets),
        f"{np.mean([course.test_accuracy for course in courses]):.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _run(arguments: tuple[str, int, float, int]) -> Course:
    return run(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=float, default=40, help="full trainings, of each worker (default 40)")
    parser.add_argument("--workers", type=int, default=1, help="virtual workers (default 1)")
    parser.add_argument("--strategies", help=f"separated by semicolons (default all): {'; '.join(SEARCHES)}")
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.strategies.split(";")] if arguments.strategies else list(SEARCHES)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {arguments.seeds} seeds,"
        f" budget {arguments.budget:g}, {arguments.workers} virtual worker(s), R {R}\n"
    )
    print("| strategy | cost to best 5 % | cost to best 1 % (median) | seeds that reached 1 % |", end=" ")
    header = f"mean regret at {', '.join(map(str, BUDGETS))} | test accuracy of the selected network |"
    print(f"{header}\n|---|---|---|---|---|---|")
    began = time.perf_counter()
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for name in names:
            jobs = [(name, seed, arguments.budget, arguments.workers) for seed in range(arguments.seeds)]
            print(line(name, pool.map(_run, jobs, chunksize=1), arguments.budget), flush=True)
    for name, cells in PEERS.items():
        print("| " + " | ".join([f"*{name}*", *cells, "–"]) + " |")
    print(f"\n{time.perf_counter() - began:.0f} s of wall time")


if __name__ == "__main__":
    main()
