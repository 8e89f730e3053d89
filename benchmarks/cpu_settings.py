#!/usr/bin/env python3
"""Effect of the CPU settings of ``metaopt.training.backend`` on the time of a training step.

    python3 benchmarks/cpu_settings.py

By default the C library gives the memory of each step back and takes it anew for the next one, and TensorFlow uses
oneDNN on processors with AVX-512 only. A network of two convolutions, of 128 and 64 channels, trains on random images
of 16×16 pixels with one thread, in a process of its own each time, by turns with the defaults, with the memory kept,
and with oneDNN as well. Columns are medians: wall milliseconds, system milliseconds and minor page faults per step.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# Name → whether memory is kept, and TensorFlow's flag for oneDNN (None: its default).
KINDS: dict[str, tuple[bool, str | None]] = {
    "the defaults": (False, None),
    "memory kept": (True, "0"),
    "memory kept, oneDNN": (True, "1"),
}
IMAGES, BATCH, EPOCHS = 640, 128, 4
POINT = {
    "learning_rate_init": 0.001,
    "batch_size": BATCH,
    "kernel_size": 5,
    "use_BN": True,
    "global_avg_pooling": True,
    "dropout_rate": 0.1,
    "n_conv_layers": 2,
    "n_channels_conv_0": 128,
    "n_channels_conv_1": 64,
    "n_fc_layers": 1,
    "n_channels_fc_0": 32,
}


def measure(kind: str) -> dict[str, float]:
    """Return the time of a step in this process, over the last epochs, as the first includes tracing."""
    from metaopt.training import backend

    keeps, onednn = KINDS[kind]
    if not keeps:
        backend._retain_freed_memory = lambda: None
    if onednn is None:
        import tensorflow  # noqa: F401 - as it is without our flags
    else:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = onednn
    backend.prepare(threads=1)

    from metaopt.data import DataSpec, load
    from metaopt.engine.jobs import FromScratch, Job, Message, TrainingRequest
    from metaopt.training.fit import build_and_train
    from metaopt.zoo import flower_cnn

    rng = np.random.default_rng(0)
    marks = []

    def mark(_: Message) -> bool:
        used = resource.getrusage(resource.RUSAGE_SELF)
        marks.append((1e3 * time.perf_counter(), 1e3 * used.ru_stime, float(used.ru_minflt)))
        return True

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.npz"
        images = rng.integers(0, 256, (IMAGES, 16, 16, 3), dtype=np.uint8)
        np.savez(path, x_train=images, y_train=np.arange(IMAGES) % 17, x_test=images[:170], y_test=np.arange(170) % 17)
        data = load(DataSpec(str(path), None, "flip+shift", str(Path(folder) / "cache")))
        request = TrainingRequest(Job(0, POINT, FromScratch(), EPOCHS), mark)
        build_and_train(flower_cnn, POINT, data, epochs=EPOCHS, run=request)
    steps = (EPOCHS - 1) * -(-len(data.train) // BATCH)
    names = "wall ms", "system ms", "faults"
    return {name: (last - first) / steps for name, first, last in zip(names, marks[0], marks[-1], strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="processes of each kind")
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
        return
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    for _ in range(arguments.repeats):
        for kind in KINDS:
            command = [sys.executable, __file__, "--one", kind]
            done = subprocess.run(command, env=environment, capture_output=True, check=True)
            found[kind].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}, Python {platform.python_version()}")
    print(f"{arguments.repeats} processes each; per step of {BATCH} images\n")
    names = list(found["the defaults"][0])
    print("| | " + " | ".join(names) + " | of the defaults' wall time |\n|" + "---|" * (len(names) + 2))
    for kind, runs in found.items():
        medians = [f"{statistics.median(one[name] for one in runs):.1f}" for name in names]
        pairs = zip(runs, found["the defaults"], strict=True)
        share = statistics.median(one["wall ms"] / default["wall ms"] for one, default in pairs)
        print(f"| {kind} | " + " | ".join(medians) + f" | {share:.2f} |")


if __name__ == "__main__":
    main()
