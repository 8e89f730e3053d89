#!/usr/bin/env python3
"""Gain of outside knowledge, and the cost of wrong knowledge: mean best loss after 3, 5, 10 and 25 trials of ``auto``.

python3 benchmarks/knowledge.py [--seeds 8] [--first-seed 0]
"""

import argparse
import math
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt import hp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import metaopt

SPACE = {
    "rate": hp.loguniform("rate", math.log(1e-4), math.log(1)),
    "units": hp.quniform("units", 8, 64, 8),
    "activation": hp.choice("activation", ["relu", "tanh", "elu"]),
    "dropout": hp.uniform("dropout", 0, 0.8),
    "optimizer": hp.choice("optimizer", [{"name": "sgd", "momentum": hp.uniform("momentum", 0, 1)}, {"name": "adam"}]),
}
TRIALS = 25
AFTER = (3, 5, 10, 25)
TARGET, NEAR, OPPOSITE = (-2.5, 45, 0.3), (-2.8, 50, 0.25), (-0.3, 8, 0.75)  # log10 rate, units, dropout of the minimum
GOOD = {"rate": 10**-2.7, "units": 48.0, "activation": "relu", "dropout": 0.3, "optimizer": {"name": "adam"}}
BAD = {
    "rate": 10**-0.3,
    "units": 8.0,
    "activation": "tanh",
    "dropout": 0.75,
    "optimizer": {"name": "sgd", "momentum": 0.5},
}


def make(minimum: tuple[float, float, float], seed: int) -> Callable[[Any], float]:
    """Return a noisy function of a point with its minimum at the given values, relu and Adam."""
    rng = np.random.default_rng(seed)
    rate, units, dropout = minimum

    def train(point: Any) -> float:
        distance = 0.3 * (math.log10(point["rate"]) - rate) ** 2 + ((point["units"] - units) / 40) ** 2
        distance += 2 * (point["dropout"] - dropout) ** 2 + 0.15 * (point["activation"] != "relu")
        return distance + 0.2 * (point["optimizer"]["name"] == "sgd") + 0.02 * float(rng.normal())

    return train


def run(folder: Path, seed: int) -> dict[str, list[float]]:
    """Return the best losses of each search with one seed."""
    options: dict[str, Any] = {"trials": TRIALS, "progress": False}
    near, opposite = folder / "near", folder / "opposite"
    metaopt.search(make(NEAR, seed), SPACE, seed=100 + seed, results=near, **options)
    metaopt.search(make(OPPOSITE, seed), SPACE, seed=200 + seed, results=opposite, **options)
    searches: dict[str, dict[str, Any]] = {
        "auto": {},
        "auto, an earlier study with a near minimum": {"start_from": near},
        "auto, a default near the minimum": {"default": GOOD},
        "auto, a study with the opposite minimum": {"start_from": opposite},
        "auto, a default at the opposite end": {"default": BAD},
        "tpe, an earlier study with a near minimum": {"strategy": "tpe", "start_from": near},
        "tpe": {"strategy": "tpe"},
        "random": {"strategy": "random"},
    }
    found = {}
    for number, (name, more) in enumerate(searches.items()):
        study = metaopt.search(
            make(TARGET, 50 + seed), SPACE, seed=seed, results=folder / str(number), **options, **more
        )
        losses = [trial.results[-1].values[0] for trial in study.state.trials]
        found[name] = [min(losses[:count]) for count in AFTER]
    return found


def main() -> None:
    """Search, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows: dict[str, list[list[float]]] = {}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            for name, losses in run(Path(folder), seed).items():
                rows.setdefault(name, []).append(losses)
    print(f"| | {' | '.join(map(str, AFTER))} |\n|---{'|---' * len(AFTER)}|")
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in np.mean(values, axis=0))} |")


if __name__ == "__main__":
    main()
