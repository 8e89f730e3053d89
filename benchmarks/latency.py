"""Measured latencies, and how well multiply-accumulates predict them.

    python3 benchmarks/latency.py --space photo_cnn --images 32 --networks 60

Random networks of a space are measured as a search measures them, batch 1. The model of the guard is fitted to the
first 5, 10 and 20; the others tell its errors, and how many networks within a limit it would have rejected.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metaopt.blueprint import InvalidArchitecture
from metaopt.blueprint.to_keras import to_keras
from metaopt.guard.latency_model import LatencyModel
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.training import backend


def measure(name: str, size: int, n: int, seed: int) -> list[tuple[float, dict]]:
    """Return MACs and latency of random networks of a space.

    Args:
        name: the space.
        size: height and width of the images.
        n: number of networks.
        seed: of the draws.
    """
    from metaopt.training.latency import measure_latency  # it imports Keras

    problem, rng = load_problem(name), np.random.default_rng(seed)
    space, shape = compile_space(problem.space), (size, size, 3)
    found = []
    while len(found) < n:
        try:
            blueprint = problem.blueprint(space.point(space.draw(rng)), shape, {"label": 10})
        except InvalidArchitecture:
            continue
        with backend.clean_session():
            found.append((blueprint.macs, measure_latency(to_keras(blueprint), shape)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="photo_cnn")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    backend.prepare(None, deterministic=False)
    found = measure(arguments.space, arguments.images, arguments.networks, arguments.seed)
    macs = np.array([each for each, _ in found])
    ms = np.array([latency["median_ms"] for _, latency in found])
    spread = np.array([latency["high_ms"] / latency["low_ms"] for _, latency in found])
    print(f"{arguments.space}, {len(found)} networks, {found[0][1]['threads']} threads")
    print(f"MACs {macs.min():.3g}..{macs.max():.3g}, median latency {ms.min():.3g}..{ms.max():.3g} ms,")
    print(f"90 % quantile of a network's runs by its 10 % quantile: median {np.median(spread):.3g}")
    print("| fitted to | predicted / measured: 10 % | median | 90 % | within | rejected | beyond | rejected |")
    print("|---|---|---|---|---|---|---|---|")
    for n in (5, 10, 20):
        model = LatencyModel.fit(macs[:n], ms[:n])
        if model is None:
            print(f"| {n} | no growth with MACs |")
            continue
        predicted = np.array([model.predict(each) for each in macs[n:]])
        low, median, high = np.quantile(predicted / ms[n:], [0.1, 0.5, 0.9])
        bound = float(np.quantile(ms, 0.25))
        far = np.array([model.is_far_off(each, bound) for each in macs[n:]])
        within = ms[n:] <= bound
        print(
            f"| {n} | {low:.2f} | {median:.2f} | {high:.2f} | {within.sum()} | {(far & within).sum()} |"
            f" {(~within).sum()} | {(far & ~within).sum()} |"
        )


if __name__ == "__main__":
    main()
