#!/usr/bin/env python3
"""Cost of checkpoints: seconds to write one beside the seconds of an epoch, and the share of a training's time.

Two networks on the bundled digits, of about 100,000 and 2,000,000 parameters, with Adam, whose state is twice as large
as the weights; then the memory that folds need.

    python3 benchmarks/checkpoints.py [--epochs N] [--folds K]
"""

import argparse
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input, MaxPooling2D  # noqa: E402
from metaopt.data import DataSet, DataSpec, load  # noqa: E402
from metaopt.engine.jobs import Epoch, FromScratch, Job, Message, TrainingOptions, TrainingRequest  # noqa: E402
from metaopt.problems.problem import Problem  # noqa: E402
from metaopt.problems.training_config import Training  # noqa: E402
from metaopt.training import build_and_train  # noqa: E402
from metaopt.training.checkpoint import Checkpoint  # noqa: E402


def network(point: Any, input_shape: Any, classes: Any) -> Blueprint:
    x = inputs = Input(input_shape)
    x = MaxPooling2D(2)(Conv2D(32, 3, padding="same", activation="relu")(x))
    x = Dense(point["units"], activation="relu")(Flatten()(Conv2D(64, 3, padding="same", activation="relu")(x)))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


@contextmanager
def measured(found: list[float]) -> Any:
    """Record the seconds of each checkpoint that is written in the context."""
    save = Checkpoint.save

    def timed(self: Checkpoint, *arguments: Any) -> None:
        began = time.perf_counter()
        save(self, *arguments)
        found.append(time.perf_counter() - began)

    with patch.object(Checkpoint, "save", timed):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folds", type=int, default=1)
    arguments = parser.parse_args()
    data = load(DataSpec("digits"))
    problem = Problem(None, network=network, training=lambda _: Training("Adam", batch_size=64))
    print(f"{'parameters':>10} {'epoch':>8} {'write':>8} {'written':>8} {'share':>7} {'peak memory':>12}")
    for units in (75, 1930):
        print(measure(problem, {"units": units}, data, arguments.epochs, arguments.folds))


def measure(problem: Problem, point: Any, data: DataSet, epochs: int, folds: int) -> str:
    """Train and return a row of the table."""
    writing: list[float] = []
    trained: list[float] = []
    job = Job(0, point, FromScratch(), epochs, TrainingOptions(folds=folds))

    def report(message: Message) -> bool:
        if isinstance(message, Epoch):
            trained.append(message.seconds)
        return True

    run = TrainingRequest(job, report)
    with tempfile.TemporaryDirectory() as folder, measured(writing):
        began = time.perf_counter()
        record = build_and_train(problem, point, data, epochs=epochs, checkpoint=folder, run=run)
        wall = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{record['params']:>10,} {median(trained):7.3f}s {median(writing):7.3f}s {len(writing):>4}/{len(trained):<3}"
        f" {sum(writing) / wall:6.1%} {peak:9,.0f} MB"
    )


if __name__ == "__main__":
    main()
