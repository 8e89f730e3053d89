"""Speed of the guard and of the repair: networks per second and core.

Judging is measured from network() to the verdict: all shapes valid, parameters, multiply-accumulates and activations
counted; with and without the hash that finds duplicates, and compared with building the same networks in Keras. The
draw from the space is not counted.

Stacks are those of metaopt/zoo/conv_stack.py under limits that a random one hardly ever keeps, made by rejection
sampling and by repair. The time runs from the draw to the network that is known to keep its limits. Distinct networks
(by their hash) and broken limits are counted afterwards.

    python benchmarks/guard.py          2,000 networks, 12 of them in Keras; 20,000 stacks of each depth; ten minutes
    python benchmarks/guard.py --quick  200 networks, 3 of them in Keras; 300 stacks of each depth; half a minute
"""

import argparse
import gc
import os
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt.pyll.stochastic import sample

sys.path.insert(0, str(Path(__file__).parents[1]))

from metaopt.blueprint import Blueprint, InvalidArchitecture
from metaopt.guard import Guard
from metaopt.guard.repair import Repair
from metaopt.problems.problem import Problem
from metaopt.spaces import Space, Vals, compile_space
from metaopt.trials.constraints import parse_constraints
from metaopt.zoo import conv_stack
from neural_net import network
from space import space

INPUT_SHAPE = (32, 32, 3)
CLASSES = {"fine": 100, "coarse": 20}

STACK_SHAPE = (64, 64, 3)
STACK_LIMITS = parse_constraints(["macs<=5e7", "params<=2e6"])
DEPTHS = (5, 10, 15, 20, 30)
SPREAD_DEPTHS = (3, 5, 7)  # where rejection finds enough to compare with
WARM_UP = 300  # stacks, while the caches of the repair fill


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
    """Return the median and smallest CPU seconds per point over the repeats."""
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        for point in points:
            work(point)
        times.append((time.process_time() - start) / len(points))
    return statistics.median(times), min(times)


def keras_seconds_each(points: list[Any]) -> float:
    """Return the mean CPU seconds of building one in Keras, after an uncounted first one."""
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


def stacks_of(depth: int) -> tuple[Space, Guard]:
    space = compile_space(conv_stack.make_space(depth, depth))
    problem = Problem(space, conv_stack.network, conv_stack.training)
    return space, Guard(problem, STACK_SHAPE, {"label": 10}, STACK_LIMITS)


def keeps_limits(guard: Guard, point: Any) -> bool:
    try:
        blueprint = conv_stack.network(point, guard.input_shape, guard.classes)
    except InvalidArchitecture:
        return False
    return all(limit.distance(getattr(blueprint, limit.name)) <= 0 for limit in guard.constraints)


def by_rejection(space: Space, guard: Guard, wanted: int, seconds: float) -> tuple[list[Vals], int, float]:
    """Return draws that meet the constraints, the number of draws for them, and the CPU seconds."""
    rng = np.random.default_rng(0)
    found: list[Vals] = []
    drawn = 0
    start = time.process_time()
    while len(found) < wanted and (spent := time.process_time() - start) < seconds:
        drawn += 1
        vals = space.draw(rng)
        if keeps_limits(guard, space.point(vals)):
            found.append(vals)
    return found, drawn, spent


def by_repair(space: Space, guard: Guard, wanted: int) -> tuple[list[Vals], float]:
    """Return repaired draws, and the CPU seconds."""
    repair = Repair(space, guard)
    rng = np.random.default_rng(0)
    for _ in range(WARM_UP):
        repair(space.draw(rng), rng)
    found = []
    start = time.process_time()
    for _ in range(wanted):
        repaired = repair(space.draw(rng), rng).vals
        if repaired is not None:
            found.append(repaired)
    return found, time.process_time() - start


def compare_stacks(wanted: int, seconds: float) -> None:
    limits = ", ".join(map(str, STACK_LIMITS))
    print(f"\nstacks of exactly so many blocks at {STACK_SHAPE} that keep {limits}; per second and core")
    print("blocks  rejection: accepted of drawn      /s    repair: distinct      /s    broken limits")
    for depth in DEPTHS:
        space, guard = stacks_of(depth)
        accepted, drawn, rejecting = by_rejection(space, guard, wanted, seconds)
        repaired, repairing = by_repair(space, guard, wanted)
        hashes: set[str] = set()
        broken = 0
        for vals in repaired:
            verdict = guard.judge(space.point(vals), set())
            broken += verdict.reason is not None
            hashes.add(verdict.network.get("blueprint", {}).get("hash", ""))
        rates = f"{len(accepted) / rejecting:8,.1f}", f"{len(hashes) / repairing:8,.0f}"
        counts = f"{len(accepted):8,} of {drawn:9,}", f"{len(hashes):8,} of {len(repaired):8,}"
        print(f"{depth:6}    {counts[0]:>24}{rates[0]}    {counts[1]}{rates[1]}    {broken:9}")


def compare_spread(wanted: int, seconds: float) -> None:
    print(
        "\ntotal variation between repaired draws and those of rejection sampling, and within the latter (two halves)"
    )
    print("blocks    drawn by rejection    kernels        widths         strides        poolings")
    for depth in SPREAD_DEPTHS:
        space, guard = stacks_of(depth)
        accepted, _, _ = by_rejection(space, guard, wanted, seconds)
        repaired, _ = by_repair(space, guard, wanted)
        columns = []
        for field in ("kernel", "channels", "stride", "pool"):
            halves = [shares(part, field) for part in (accepted[::2], accepted[1::2])]
            between = total_variation(shares(repaired, field), shares(accepted, field))
            columns.append(f"{between:.3f} ({total_variation(*halves):.3f})")
        print(f"{depth:6}    {len(accepted):18,}    " + "  ".join(columns))


def shares(draws: list[Vals], field: str) -> dict[float, float]:
    """Return the share of each value of a field over all blocks; widths by octaves."""
    values = Counter(
        int(np.log2(value)) if field == "channels" else value
        for vals in draws
        for label, value in vals.items()
        if label.startswith("block_") and label.endswith(f"_{field}")
    )
    return {value: count / values.total() for value, count in values.items()}


def total_variation(one: dict[float, float], other: dict[float, float]) -> float:
    return sum(abs(one.get(value, 0) - other.get(value, 0)) for value in {*one, *other}) / 2


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

    compare_stacks(300 if quick else 20_000, 2 if quick else 20)
    compare_spread(300 if quick else 3_000, 4 if quick else 60)


if __name__ == "__main__":
    main()
