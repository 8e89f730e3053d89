"""Networks that the guard judges per second and core, beside building the same networks in Keras.

Judging is everything from network() to the verdict: all shapes valid, parameters, multiply-accumulates and activations
counted; once with the hash that finds duplicates, once without. The draw from the space is not counted.

    python benchmarks/guard.py          2,000 networks, 12 of them in Keras, half a minute
    python benchmarks/guard.py --quick  200 networks, 3 of them in Keras
"""

import argparse
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt.pyll.stochastic import sample

sys.path.insert(0, str(Path(__file__).parents[1]))

from metaopt.blueprint import Blueprint, InvalidArchitecture
from neural_net import network
from space import space

INPUT_SHAPE = (32, 32, 3)
CLASSES = {"fine": 100, "coarse": 20}


def judge(point: Any) -> Blueprint | None:
    try:
        blueprint = network(point, INPUT_SHAPE, CLASSES)
    except InvalidArchitecture:
        return None
    # The counts are made when they are first asked for.
    _ = blueprint.params, blueprint.macs, blueprint.activations
    return blueprint


def judge_with_hash(point: Any) -> str | None:
    blueprint = judge(point)
    return None if blueprint is None else blueprint.hash


def seconds_each(work: Callable[[Any], Any], points: list[Any], repeats: int) -> tuple[float, float]:
    """Median and smallest seconds of CPU per point over the repeats: other processes' share does not count."""
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        for point in points:
            work(point)
        times.append((time.process_time() - start) / len(points))
    return statistics.median(times), min(times)


def keras_seconds_each(points: list[Any]) -> float:
    """Mean seconds of CPU of building one in Keras, after a first one that is not counted."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    times = []
    for point in [points[0], *points]:
        blueprint = judge(point)
        if blueprint is None:
            continue
        start = time.process_time()
        model = blueprint.to_keras()
        model.count_params()
        times.append(time.process_time() - start)
        keras.backend.clear_session()
    return statistics.mean(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the networks")
    quick = parser.parse_args().quick
    points = [sample(space, rng=np.random.default_rng(seed)) for seed in range(200 if quick else 2000)]
    in_keras = points[: 3 if quick else 12]

    judged = [judge(point) for point in points]
    sizes = [len(blueprint.nodes) for blueprint in judged if blueprint is not None]
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in cpuinfo if "model name" in line), platform.processor())
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow", "hyperopt", "numpy"))
    print(f"{cpu}, {os.cpu_count()} cores; Python {platform.python_version()}, {packages}")
    print(f"{len(points)} draws of space.py at {INPUT_SHAPE}, {len(points) - len(sizes)} of them impossible")
    print(f"nodes in a network: median {statistics.median(sizes):.0f}, {min(sizes)} to {max(sizes)}")

    repeats = 3 if quick else 7
    plain, plain_best = seconds_each(judge, points, repeats)
    hashed, hashed_best = seconds_each(judge_with_hash, points, repeats)
    print(f"judged without hash: {1 / plain:8,.0f} networks/s and core (best of {repeats}: {1 / plain_best:,.0f})")
    print(f"judged with hash:    {1 / hashed:8,.0f} networks/s and core (best of {repeats}: {1 / hashed_best:,.0f})")

    keras_time = keras_seconds_each(in_keras)
    same, _ = seconds_each(judge, in_keras, 20)
    same_hashed, _ = seconds_each(judge_with_hash, in_keras, 20)
    print(f"built in Keras ({len(in_keras)} networks): {keras_time * 1e3:.0f} ms each")
    print(f"ratio on the same networks: {keras_time / same:,.0f} without hash, {keras_time / same_hashed:,.0f} with")


if __name__ == "__main__":
    main()
