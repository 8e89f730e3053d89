#!/usr/bin/env python3
"""Benchmark of ``--grow`` on 864 networks that were really trained, on a simulated clock.

    python3 benchmarks/growing_table.py [--seeds 30] [--budget 40] [--mu 6]

The table, its space and the unit of cost are those of tabular.py. Arms: evolution, and the same evolution with three
phases. The bounds of the phases are the terciles of the parameters, or of the multiply-accumulates, over all networks
of the table. The last bound is the largest network, so every network can be reached. The phases share as many trials as
the budget has full trainings. Differences are paired by seed: feature minus baseline, with Student's 95 % interval. A
target that was not reached within the budget counts as the budget.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tabular  # noqa: E402

from metaopt.blueprint import (  # noqa: E402
    Activation,
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
)
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import ImageKind, open_study, search  # noqa: E402
from metaopt.executors import Simulated  # noqa: E402
from metaopt.problems import Problem, Training  # noqa: E402
from metaopt.report.analysis.comparison.significance import mean_interval  # noqa: E402
from metaopt.storage.files import Unsynced  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402

IMAGES = ImageKind((16, 16, 3), {"label": 17})
BASELINE = "evolution"
ARMS = {BASELINE: "", "phases of params": "params", "phases of macs": "macs"}


def config_of(point: dict[str, Any]) -> dict[str, Any]:
    """Return the table's configuration of a point of the space."""
    return {**point, **{name: values[round(point[name])] for name, values in tabular.ORDERED.items()}}


def build_blueprint(config: dict[str, Any]) -> Blueprint:
    """Return the architecture that was trained for a configuration."""
    x = inputs = Input(IMAGES.input_shape)
    for layer in range(config["n_conv_layers"]):
        filters = config["width"] * 2**layer
        x = Conv2D(filters, config["kernel_size"], padding="same", use_bias=not config["use_BN"])(x)
        x = Activation("relu")(BatchNormalization()(x) if config["use_BN"] else x)
        x = MaxPooling2D(2)(x)
    x = GlobalAveragePooling2D()(x) if config["global_avg_pooling"] else Flatten()(x)
    x = Dropout(0.2)(Dense(64, activation="relu")(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in IMAGES.classes.items()})


def network(point: dict[str, Any], _input_shape: tuple[int, ...], _classes: Mapping[str, int]) -> Blueprint:
    """Return the architecture of a point, for the images and classes of the table."""
    return build_blueprint(config_of(point))


def training(point: dict[str, Any]) -> Training:
    """Return the training settings of a point."""
    config = config_of(point)
    return Training("Adam", learning_rate=config["learning_rate"], batch_size=config["batch_size"])


@cache
def bounds(name: str) -> str:
    """Return ``--grow`` with the terciles of a count over all networks of the table, the largest network last."""
    names = (*tabular.ORDERED, *tabular.CHOICES)
    counts = [getattr(build_blueprint(dict(zip(names, key, strict=True))), name) for key in tabular.table()]
    terciles = np.quantile(counts, [1 / 3, 2 / 3, 1], method="higher")
    return f"{name}={','.join(str(int(bound)) for bound in terciles)}"


def run(arguments: tuple[str, int, float, int, int]) -> tabular.Course:
    """Run one search.

    Args:
        arguments: name from ``ARMS``, seed, budget in full trainings, μ, and trials that the phases share.
    """
    arm, seed, budget, mu, trials = arguments
    executor = Simulated(tabular.curve)
    given: dict[str, Any] = {"epochs": tabular.R, "seed": seed, "mu": mu, "lambda_": mu, "trials": len(tabular.table())}
    given |= {"sampler": "evolution", "scheduler": "full"}
    if ARMS[arm]:
        given |= {"grow": bounds(ARMS[arm]), "trials": trials}
    settings = resolve(given, {}, StudyState())
    problem = Problem(tabular.SPACE, network, training, name="table")
    follower = tabular.Follower(executor)
    seconds = budget * tabular.FULL_TRAINING_S
    with (
        tempfile.TemporaryDirectory() as folder,
        open_study(
            Path(folder) / "study",
            problem,
            settings,
            follower,
            images=IMAGES,
            files=Unsynced(),
            clock=executor.clock,
        ) as study,
    ):
        search(study, problem, settings, executor, follower, images=IMAGES, seconds=seconds, clock=executor.clock)
        left = seconds - executor.clock()
        if ARMS[arm] and left > 0:  # the phases are completed: more trials belong to the last one
            more = resolve({"trials": len(tabular.table())}, study.state.settings, study.state)
            search(study, problem, more, executor, follower, images=IMAGES, seconds=left, clock=executor.clock)
        trial, epoch = follower.course.chosen
        follower.course.test_accuracy = tabular.network(study.state.trials[trial].point).test_accuracy[epoch - 1]
        follower.course.trials = len(study.state.trials)
    return follower.course


def _capped_cost(course: tabular.Course, share: float, budget: float) -> float:
    return min(course.cost(tabular.threshold(share)), budget)


def _write(found: Mapping[str, Sequence[tabular.Course]], budget: float) -> None:
    print("| arm | trials | cost to best 5 %: mean, median | to best 1 %: mean, median | reached 1 % | test accuracy |")
    print("|---|---|---|---|---|---|")
    for arm, courses in found.items():
        cells = [arm, f"{np.mean([course.trials for course in courses]):.0f}"]
        for share in (0.05, 0.01):
            costs = [_capped_cost(course, share, budget) for course in courses]
            cells.append(f"{np.mean(costs):.1f}, {np.median(costs):.1f}")
        cells.append(f"{np.mean([course.cost(tabular.threshold(0.01)) < np.inf for course in courses]):.0%}")
        cells.append(f"{np.mean([course.test_accuracy for course in courses]):.4f}")
        print(f"| {' | '.join(cells)} |")
    print("\n| feature | figure | mean difference | 95 % interval | better | worse |\n|---|---|---|---|---|---|")
    figures = {
        "cost to best 5 %": lambda course: _capped_cost(course, 0.05, budget),
        "cost to best 1 %": lambda course: _capped_cost(course, 0.01, budget),
        "error at the end": lambda course: course.error(budget),
        "test error of the chosen": lambda course: 1 - course.test_accuracy,
    }
    for arm, (name, figure) in product(list(ARMS)[1:], figures.items()):
        pairs = zip(found[arm], found[BASELINE], strict=True)
        differences = [figure(one) - figure(other) for one, other in pairs]
        mean, low, high = mean_interval(differences)
        better, worse = (sum(sign * value < -1e-9 for value in differences) for sign in (1, -1))
        print(f"| {arm} | {name} | {mean:+.3f} | {low:+.3f} to {high:+.3f} | {better} | {worse} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=float, default=40, help="full trainings (default 40)")
    parser.add_argument("--mu", type=int, default=6, help="population size, and children per generation (default 6)")
    parser.add_argument("--trials", type=int, help="trials that the phases share (default: the budget)")
    arguments = parser.parse_args()
    trials = arguments.trials or round(arguments.budget)
    print(f"{arguments.seeds} seeds, {bounds('params')}, {bounds('macs')}, {trials} trials for the phases\n")
    found = {}
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        for arm in ARMS:
            jobs = [(arm, seed, arguments.budget, arguments.mu, trials) for seed in range(arguments.seeds)]
            found[arm] = pool.map(run, jobs, chunksize=1)
    _write(found, arguments.budget)


if __name__ == "__main__":
    main()
