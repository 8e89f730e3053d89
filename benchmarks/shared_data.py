#!/usr/bin/env python3
"""Memory of worker processes that share one copy of a data set, beside that of workers with a copy each.

Reads the proportional set size, which only Linux tells.

    python3 -m benchmarks.shared_data [--workers 4] [--images 60000]
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.data import DataSpec, load

BATCH = 128


def pss_mb() -> float:
    """Return the proportional set size of this process: a page of k processes counts 1/k to each. Linux only."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def work(path: str, fingerprint: str | None, barrier: Any, answers: Any) -> None:
    before = pss_mb()
    barrier.wait()
    began = time.process_time()
    data = load(DataSpec(path), shared=fingerprint)
    loaded = time.process_time()
    order = np.random.default_rng(0).permutation(len(data.train))
    for start in range(0, len(order), BATCH):
        data.train.batch(order[start : start + BATCH])
    read = time.process_time()
    barrier.wait()
    answers.put((pss_mb() - before, loaded - began, read - loaded))
    barrier.wait()


def measure(name: str, path: str, fingerprint: str | None, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(workers), context.Queue()
    processes = [context.Process(target=work, args=(path, fingerprint, barrier, answers)) for _ in range(workers)]
    for process in processes:
        process.start()
    found = np.array([answers.get() for _ in processes])
    for process in processes:
        process.join()
    memory, load_s, epoch_s = found.sum(0)[0], found[:, 1], found[:, 2]
    print(
        f"{name}: {memory:.0f} MB (PSS) in all; CPU seconds to load {load_s.min():.2f} to {load_s.max():.2f},"
        f" to read an epoch {epoch_s.mean():.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--images", type=int, default=60_000, help="of 32x32x3 pixels")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "images.npz"))
        images = np.random.default_rng(0).integers(0, 256, (arguments.images, 32, 32, 3), np.uint8)
        np.savez(path, x_train=images, y_train=np.arange(arguments.images) % 10)
        fingerprint = load(DataSpec(path)).fingerprint
        measure("a copy each", path, None, arguments.workers)
        measure("one copy", path, fingerprint, arguments.workers)


if __name__ == "__main__":
    main()
