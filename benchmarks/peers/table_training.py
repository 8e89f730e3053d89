"""Training of one network of a table, with test accuracy and CPU time of every epoch."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from metaopt.data import DataSet, DataSpec, Images, load, subset
from metaopt.engine.jobs import Failed, Finished, Job, Message, Rejected, TrainingOptions, TrainingRequest
from metaopt.errors import UserError
from metaopt.problems.loading import load_problem
from metaopt.problems.problem import Problem
from metaopt.training import backend

SPLITS = ("train", "validation", "test")
DIGITS = 6  # decimals of the metrics in a row
_CUT_SEED = 4  # differs from those of the splits of metaopt.data
# Metric of the history → key of the row.
_CURVES = {
    "loss": "train_loss",
    "val_loss": "val_loss",
    "val_accuracy": "val_acc",
    "val_top3": "val_top3",
    "val_precision": "val_precision",
}


def cut_data(data: DataSet, sizes: dict[str, int]) -> DataSet:
    """Keep a stratified random part of some splits.

    Args:
        data: the data set.
        sizes: split (``SPLITS``) → number of images to keep.

    Raises:
        UserError: a split has fewer images, or more classes than images are to be kept.
    """
    splits = {"train": data.train, "validation": data.validation, "test": data.test()}
    kept = {name: _cut(splits[name], name, size) for name, size in sizes.items()}
    private = {{"test": "_test"}.get(name, name): images for name, images in kept.items()}
    cut = ", ".join(f"{name} {size}" for name, size in sorted(sizes.items()))
    return replace(data, **private, fingerprint=f"{data.fingerprint}, cut to {cut}") if kept else data


def _cut(images: Images, name: str, size: int) -> Images:
    labels = next(iter(images.labels.values()))
    classes = len(np.unique(labels))
    if size == len(images):
        return images
    if not classes <= size < len(images):
        raise UserError(
            f"Invalid number of {name} images: {size}. Expected {classes} to {len(images)}, the number of classes and"
            " of images."
        )
    try:
        rows, _ = train_test_split(np.arange(len(images)), train_size=size, stratify=labels, random_state=_CUT_SEED)
    except ValueError as error:  # e.g. a class with a single image
        raise UserError(f"The {name} images cannot be cut to {size}: {error}") from error
    return subset(images, np.sort(rows))


class TableTrainer:
    """Trains a network to its last epoch and returns the row of the table; see ``metaopt.engine.jobs.Trainer``.

    Args:
        problem: name or path of the problem, which the worker loads.
        spec: data specification, which the worker loads.
        sizes: see ``cut_data``.
    """

    def __init__(self, problem: str, spec: DataSpec, sizes: dict[str, int]) -> None:
        self._problem_name, self._spec, self._sizes = problem, spec, sizes
        self._problem: Problem | None = None
        self._data: DataSet | None = None

    def setup(self, options: TrainingOptions) -> None:
        """Import Keras and its backend, and load problem and data."""
        backend.prepare(deterministic=options.deterministic)
        self._problem = load_problem(self._problem_name)
        self._data = cut_data(load(self._spec), self._sizes)

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Train one network; ``returned`` of the report is its row."""
        assert self._problem is not None
        assert self._data is not None
        return Finished(job.trial, returned=train_row(self._problem, self._data, job, report))


def train_row(problem: Problem, data: DataSet, job: Job, report: Callable[[Message], bool]) -> dict[str, Any]:
    """Train a network and return its row, without id and configuration.

    ``cpu_s`` is the CPU time of this process per epoch with its validation and without its test. That of the first
    epoch includes building and tracing, of which ``setup_cpu_s`` was spent before the first training step. ``wall_s``
    is the elapsed time of the same spans, which grows with the load of the machine; costs come from ``cpu_s``, which
    hardly does. ``load`` is the system's load at the end. A training that diverges ends there: its curves are shorter,
    and ``diverged`` says why.

    Raises:
        RuntimeError: the training failed for another reason.
    """
    from metaopt.training.fit import build_and_train

    recorder = _make_recorder(data.test(), list(data.classes))
    request = TrainingRequest(job, report)
    recorder.start_epoch()
    record = build_and_train(problem, job.point, data, epochs=job.target_resource, run=request, callbacks=[recorder])
    if record["status"] != "ok" and record.get("cause") != "diverged":
        raise RuntimeError(record.get("error", "The training failed."))
    epochs = record["epochs"]
    row = {key: _rounded(record["history"].get(name, [])) for name, key in _CURVES.items()}
    row |= {
        "test_acc": _rounded(recorder.test_accuracy[:epochs]),
        "cpu_s": [round(seconds, 4) for seconds in recorder.cpu_s[:epochs]],
        "wall_s": [round(seconds, 4) for seconds in recorder.wall_s[:epochs]],
        "setup_cpu_s": round(recorder.setup_cpu_s, 4),
        "load": round(os.getloadavg()[0], 1),
        "seed": job.options.seed,
    }
    counts = {name: record[name] for name in ("params", "macs") if name in record}
    return counts | row | ({"diverged": record["error"]} if record["status"] != "ok" else {})


def _make_recorder(test: Images, heads: list[str]) -> Any:
    """Return the Keras callback; a function, because the driver process never imports Keras."""
    import keras

    from metaopt.training.batches import Validation
    from metaopt.training.metrics import accuracy

    images = Validation(test, heads, 128)

    class Recorder(keras.callbacks.Callback):
        """Measures test accuracy, CPU time and elapsed time of each epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.setup_cpu_s = 0.0
            self.cpu_s: list[float] = []
            self.wall_s: list[float] = []
            self.test_accuracy: list[float] = []
            self.start_epoch()

        def start_epoch(self) -> None:
            """Start both clocks."""
            self._began_cpu_s, self._began_wall_s = time.process_time(), time.perf_counter()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            if epoch == 0:
                self.setup_cpu_s = time.process_time() - self._began_cpu_s

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.cpu_s.append(time.process_time() - self._began_cpu_s)
            self.wall_s.append(time.perf_counter() - self._began_wall_s)
            self.test_accuracy.append(accuracy(images.predict(self.model)[heads[0]], images.labels[heads[0]]))
            self.start_epoch()

    return Recorder()


def _rounded(values: list[float]) -> list[float]:
    return [round(value, DIGITS) for value in values if math.isfinite(value)]
