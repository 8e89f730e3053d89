#!/usr/bin/env python3
"""Searches with two objectives: dominated hypervolume beside Optuna's NSGA-II and multi-objective TPE.

Problems: ZDT1 and ZDT2 (Zitzler, Deb, Thiele 2000, doi:10.1162/106365600568202) with 10 variables, one training a
trial; and the table of 864 real trainings (flowers17, see its README), validation error against the logarithm of the
parameters. On the table, a trial's epochs cost the CPU seconds that they cost there, the unit is a full training of
4.37 s, and a network counts with its best error so far, at every epoch, for every method. On ZDT, a trial costs one.

The hypervolume is a share of that of the true front (ZDT: 1,000 points of it; the table: its best front), up to the
reference point: (11, 11) on ZDT, the error 0.95 and the largest network on the table. Intervals are of the mean over
the seeds, 95 % by Student's t; differences are paired by seed. "NAME/one" is a strategy of metaopt that optimises the
first objective alone.

    python3 benchmarks/pareto.py [--seeds 20] [--first-seed 100] [--budget 40] [--problems zdt1,table] [--methods …]

Optuna is compared where it is installed (requirements-peers.txt). Constants of metaopt were chosen on seeds below 100.
"""

import argparse
import math
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt import hp
from scipy.stats import t as student

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import tabular  # noqa: E402
from benchmarks.peers.problems.flowers_grid import CHOICES, ORDERED  # noqa: E402
from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.jobs import Epoch, Job  # noqa: E402
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import open_study, search  # noqa: E402
from metaopt.engine.strategy import STRATEGIES  # noqa: E402
from metaopt.executors import Simulated  # noqa: E402
from metaopt.problems.problem import Problem  # noqa: E402
from metaopt.storage.files import Unsynced  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402
from metaopt.trials.hypervolume import compute_hypervolume  # noqa: E402

VARIABLES = 10
PEERS = ("optuna-nsga2", "optuna-nsga2-10", "optuna-motpe")
BUDGETS = (10, 20, 40, 80)
Curve = list[tuple[dict[str, float], float]]
Found = list[tuple[float, tuple[float, float]]]
"""(cost, losses) of everything that a search has measured, in the order of cost."""


@dataclass(frozen=True)
class Task:
    """A problem with two objectives.

    Attributes:
        space: as hyperopt expression.
        objectives: of metaopt, names of metrics of the curve.
        curve: returns the epochs of a point: metrics and seconds.
        losses: returns the two losses of the metrics of an epoch.
        reference: of the hypervolume.
        front: losses of the true front.
        suggest: draws a point with an Optuna trial.
        epochs: R.
        unit: seconds of a full training.
    """

    space: Any
    objectives: tuple[str, str]
    curve: Callable[[dict[str, Any]], Curve]
    losses: Callable[[dict[str, float]], tuple[float, float]]
    reference: tuple[float, float]
    front: np.ndarray
    suggest: Callable[[Any], dict[str, Any]]
    epochs: int = 1
    unit: float = 1.0

    def share(self, found: Found, cost: float) -> float:
        """Return the hypervolume of what was found within a cost, as a share of that of the true front."""
        values = np.array([losses for when, losses in found if when <= cost + 1e-9]).reshape(-1, 2)
        volumes = [compute_hypervolume(each, np.array(self.reference)) for each in (values, self.front)]
        return volumes[0] / volumes[1]


def make_zdt(concave: bool) -> Task:
    """Return ZDT1, or ZDT2, whose front is concave."""
    labels = [f"x{index}" for index in range(VARIABLES)]

    def second(first: Any, mean: float) -> Any:
        g = 1 + 9 * mean
        return g * (1 - ((first / g) ** 2 if concave else (first / g) ** 0.5))

    def curve(point: dict[str, Any]) -> Curve:
        x = [point[label] for label in labels]
        return [({"val_loss": x[0], "f2": second(x[0], sum(x[1:]) / (VARIABLES - 1))}, 1.0)]

    first = np.linspace(0, 1, 1000)
    return Task(
        {label: hp.uniform(label, 0, 1) for label in labels},
        ("val_loss", "f2:min"),
        curve,
        lambda metrics: (metrics["val_loss"], metrics["f2"]),
        (11.0, 11.0),
        np.column_stack([first, second(first, 0.0)]),
        lambda trial: {label: trial.suggest_float(label, 0, 1) for label in labels},
    )


@cache
def params_of() -> dict[tuple[Any, ...], int]:
    """Return configuration → parameters of the table's networks."""
    import gzip
    import json

    with gzip.open(tabular.TABLE, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return {tabular.key(row["config"]): row["params"] for row in rows}


def make_table() -> Task:
    """Return the table: validation error against parameters."""

    def curve(point: dict[str, Any]) -> Curve:
        config = {**point, **{name: values[round(point[name])] for name, values in ORDERED.items()}}
        params = params_of()[tabular.key(config)]
        found = tabular.network(point)
        return [
            ({"val_accuracy": accuracy, "val_loss": loss, "params": params}, seconds)
            for accuracy, loss, seconds in zip(found.val_accuracy, found.val_loss, found.seconds, strict=True)
        ]

    def suggest(trial: Any) -> dict[str, Any]:
        ordered = {name: trial.suggest_int(name, 0, len(values) - 1) for name, values in ORDERED.items()}
        return ordered | {name: trial.suggest_categorical(name, values) for name, values in CHOICES.items()}

    best = [(1 - max(row.val_accuracy), math.log10(params_of()[key])) for key, row in tabular.table().items()]
    return Task(
        tabular.SPACE,
        ("val_accuracy", "params"),
        curve,
        lambda metrics: (1 - metrics["val_accuracy"], math.log10(metrics["params"])),
        (0.95, math.log10(max(params_of().values()))),
        np.array(best),
        suggest,
        tabular.R,
        tabular.FULL_TRAINING_S,
    )


TASKS: dict[str, Callable[[], Task]] = {
    "zdt1": cache(lambda: make_zdt(concave=False)),
    "zdt2": cache(lambda: make_zdt(concave=True)),
    "table": cache(make_table),
}


class Follower(Callback):
    """Callback that stores what every epoch has measured, with its cost."""

    def __init__(self, task: Task, clock: Simulated) -> None:
        self.found: Found = []
        self._task = task
        self._clock = clock

    def epoch(self, report: Epoch) -> None:
        """Store an epoch."""
        self.found.append((self._clock.clock() / self._task.unit, self._task.losses(report.metrics)))


def run_metaopt(task: Task, strategy: str, seed: int, budget: float, n_objectives: int = 2) -> Found:
    """Search with a strategy of metaopt, on a virtual clock; with one objective, only the first one counts."""
    sampler, scheduler = STRATEGIES[strategy]
    given = {
        **{"sampler": sampler, "scheduler": scheduler, "seed": seed, "epochs": task.epochs, "trials": 10 * int(budget)},
        "objective": task.objectives[:n_objectives],
    }
    # Cost ends the search, not the number of trials; what is random at first is what a goal of the budget would give.
    first = min(20, max(5, math.ceil(budget / 4)))
    given |= {"mu": first} if sampler == "evolution" else {"startup": first} if sampler in ("tpe", "gp", "auto") else {}
    settings = resolve(given, {}, StudyState())

    def curve(job: Job) -> Curve:
        return task.curve(job.point)

    executor, problem = Simulated(curve), Problem(task.space, name="benchmark")
    follower = Follower(task, executor)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_study(Path(folder) / "s", problem, settings, follower, files=Unsynced(), clock=executor.clock) as study,
    ):
        search(study, problem, settings, executor, follower, seconds=budget * task.unit, clock=executor.clock)
    return follower.found


def run_optuna(task: Task, method: str, seed: int, budget: float) -> Found:
    """Search with Optuna, each trial trained to the end."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers: dict[str, Callable[[], Any]] = {
        "optuna-nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed),
        "optuna-nsga2-10": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=10),
        "optuna-motpe": lambda: optuna.samplers.TPESampler(seed=seed),
    }
    found: Found = []
    study = optuna.create_study(directions=["minimize"] * 2, sampler=samplers[method]())
    cost = 0.0
    while cost < budget:
        trial = study.ask()
        epochs = []
        for metrics, seconds in task.curve(task.suggest(trial)):
            cost += seconds / task.unit
            epochs.append(task.losses(metrics))
            found.append((cost, epochs[-1]))
        study.tell(trial, min(epochs))
    return found


def run(name: str, method: str, seed: int, budget: float) -> list[float]:
    """Return the share of the hypervolume at each budget."""
    task = TASKS[name]()
    if method in PEERS:
        found = run_optuna(task, method, seed, budget)
    else:
        found = run_metaopt(task, method.removesuffix("/one"), seed, budget, 1 if method.endswith("/one") else 2)
    return [task.share(found, at) for at in BUDGETS if at <= budget]


def interval(values: Sequence[float]) -> str:
    """Return the mean with its 95 % interval."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return f"{np.mean(values):.4f} ± {half:.4f}"


def _run(arguments: tuple[str, str, int, float]) -> list[float]:
    return run(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--budget", type=float, default=40, help="full trainings (default 40)")
    parser.add_argument("--problems", default=",".join(TASKS))
    parser.add_argument("--methods", default=",".join(("random", "evolution", "tpe", "gp", "auto", "asha", *PEERS)))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    budgets = [at for at in BUDGETS if at <= arguments.budget]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seeds {seeds[0]} to"
        f" {seeds[-1]}, budget {arguments.budget:g}"
    )
    with multiprocessing.Pool(arguments.processes) as pool:
        for problem in arguments.problems.split(","):
            print(f"\n{problem}\n\n| method | hypervolume at {', '.join(map(str, budgets))} | − better of Optuna | s |")
            print("|---|---|---|---|")
            found = {}
            methods = arguments.methods.split(",")
            for method in sorted(methods, key=lambda each: each not in PEERS):
                began = time.perf_counter()
                jobs = [(problem, method, seed, arguments.budget) for seed in seeds]
                found[method] = np.array(pool.map(_run, jobs, chunksize=1))
                peers = [found[peer][:, -1] for peer in PEERS if peer in found]
                better = max(peers, key=np.mean) if peers else None
                difference = "" if better is None or method in PEERS else interval(found[method][:, -1] - better)
                shares = ", ".join(f"{share:.3f}" for share in found[method].mean(axis=0)[:-1])
                last = interval(found[method][:, -1])
                spent = time.perf_counter() - began
                print(f"| {method} | {shares}, {last} | {difference} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
