#!/usr/bin/env python3
"""Images per second on a GPU with the JAX backend: metaopt beside a plain JAX loop, several trials on one GPU.

The reference network is trained 1, 2, 4 and 8 times at once on one GPU, with mixed precision and without: by metaopt
(validation, checkpoints and journal included), and by as many processes of ``gpu_training/plain_jax.py``, which keep
the images on the device. Images per second of all trainings together, after their first epochs.

    python3 benchmarks/gpu.py [--trials-per-gpu 1 2 4 8] [--precisions float32 mixed_bfloat16] [--epochs 10]
    python3 benchmarks/gpu.py --cpu --trials-per-gpu 1 --epochs 3 --images 1000      a check of the script itself

Needs jax: ``pip install 'jax[cuda12]'``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from metaopt.data import DataSpec  # noqa: E402
from metaopt.engine.callbacks import Callback  # noqa: E402
from metaopt.engine.jobs import Epoch, Finished, Job, Message, TrainingOptions  # noqa: E402
from metaopt.engine.settings import resolve  # noqa: E402
from metaopt.engine.setup import ImageKind, open_study, search  # noqa: E402
from metaopt.executors import Processes  # noqa: E402
from metaopt.executors.gpus import share_gpus  # noqa: E402
from metaopt.executors.hardware import visible_gpus  # noqa: E402
from metaopt.problems.loading import load_problem  # noqa: E402
from metaopt.storage.state import StudyState  # noqa: E402
from metaopt.training import KerasTrainer  # noqa: E402

PROBLEM = str(ROOT / "benchmarks" / "gpu_training" / "problem.py")
SIDE, CLASSES = 32, 10
PRECISIONS = "float32", "mixed_bfloat16"


@dataclass
class InPrecision:
    """A trainer whose networks compute in a given precision, on a GPU that has several.

    Attributes:
        trainer: the trainer of a search.
        policy: dtype policy of Keras.
    """

    trainer: KerasTrainer
    policy: str

    def setup(self, options: TrainingOptions) -> None:
        """Set the trainer up, and the policy."""
        import keras

        self.trainer.setup(options)
        keras.config.set_dtype_policy(self.policy)

    def train(self, job: Job, report: Callable[[Message], bool]) -> Any:
        """Train a job."""
        end = self.trainer.train(job, report)
        assert isinstance(end, Finished), end
        return end


class EpochTimes(Callback):
    """Times at which the epochs of each trial ended, in seconds."""

    def __init__(self) -> None:
        self.times: dict[int, list[float]] = {}

    def epoch(self, report: Epoch) -> None:
        """See ``Callback``."""
        self.times.setdefault(report.trial, []).append(time.monotonic())


def images_per_second(times: Sequence[Sequence[float]], images: int) -> float:
    """Return the images per second of trainings that ran at once, while all of them did.

    Args:
        times: of each training, seconds at which its epochs ended.
        images: number of images of an epoch.
    """
    start, end = max(each[0] for each in times), min(each[-1] for each in times)
    total = 0.0
    for each in times:
        during = [time for time in each if start <= time <= end]
        if len(during) > 1:
            total += images * (len(during) - 1) / (during[-1] - during[0])
    return total


def train_with_metaopt(data: str, trials: int, epochs: int, precision: str, images: int) -> float:
    """Return the images per second of a search that trains so many trials on one GPU."""
    given = {"sampler": "random", "scheduler": "full", "epochs": epochs, "trials": trials, "workers": trials}
    settings, problem, watch = resolve(given, {}, StudyState()), load_problem(PROBLEM), EpochTimes()
    kind = ImageKind((SIDE, SIDE, 3), {"label": CLASSES})
    trainer = InPrecision(KerasTrainer(problem, DataSpec(data, augment="none")), precision)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        runner = Processes(trainer, trials, gpus=share_gpus(trials, trials), log=Path(name) / "log")
        with open_study(folder, problem, settings, watch, images=kind) as study:
            search(study, problem, settings, runner, watch, kind, keep="needed")
            failed = [trial.failure["error"] for trial in study.state.trials if trial.status == "fail"]
    assert not failed, failed[0]
    return images_per_second(list(watch.times.values()), images)


def train_by_hand(data: str, trials: int, epochs: int, precision: str) -> tuple[float, float, int]:
    """Return images per second, validation accuracy and parameters of so many plain loops at once."""
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "gpu_training" / "plain_jax.py"),
        data,
        "--epochs",
        str(epochs),
    ]
    shares = share_gpus(trials, trials)
    environments = [share.environment() for share in shares] or [{}] * trials
    processes = [
        subprocess.Popen(
            command + ["--mixed"] * (precision != "float32"),
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", **own},
        )
        for own in environments
    ]
    lines = [[json.loads(line) for line in process.communicate()[0].splitlines()] for process in processes]
    assert all(len(each) == epochs for each in lines), "a plain loop failed"
    last = lines[0][-1]
    rate = images_per_second([[line["s"] for line in each] for each in lines], last["images"])
    return rate, last["val_accuracy"], last["params"]


def write_images(path: Path, count: int) -> int:
    """Write random images whose brightness depends on their class; return the size of the training split."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, count)
    images = generator.integers(0, 120, (count, SIDE, SIDE, 3)) + 12 * labels[:, None, None, None]
    np.savez(path, x_train=images.astype(np.uint8), y_train=labels)
    from metaopt.data import load

    return len(load(DataSpec(str(path), augment="none")).train)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials-per-gpu", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--cpu", action="store_true", help="train on the CPU, as a check of this script")
    arguments = parser.parse_args()
    gpus = visible_gpus()
    if not gpus and not arguments.cpu:
        sys.exit("No GPU is at hand; --cpu checks the script itself on the CPU, with --images 1000 --epochs 3.")
    if find_spec("jax") is None:
        sys.exit("jax is not installed: pip install 'jax[cuda12]', or pip install jax with --cpu.")
    os.environ["KERAS_BACKEND"] = "jax"
    if gpus and not arguments.cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[0].device
    else:
        os.environ.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")
    print(
        f"{'CPU, a check only' if arguments.cpu else gpus[0].uuid}, {platform.machine()},"
        f" load {os.getloadavg()[0]:.1f}, jax {version('jax')}, keras {version('keras')}, {arguments.images:,} images\n"
    )
    print("| trials at once | precision | metaopt, images/s | plain JAX loops, images/s | ratio |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "images.npz")
        images = write_images(Path(data), arguments.images)
        for precision in arguments.precisions:
            for trials in arguments.trials_per_gpu:
                by_hand, accuracy, parameters = train_by_hand(data, trials, arguments.epochs, precision)
                ours = train_with_metaopt(data, trials, arguments.epochs, precision, images)
                cells = trials, precision, f"{ours:,.0f}", f"{by_hand:,.0f}", f"{ours / by_hand:.2f}"
                print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\nplain loop: {parameters:,} parameters, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
