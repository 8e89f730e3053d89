"""The final training of a network: on all images but the test part, for a fixed number of epochs."""

import importlib.util
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from metaopt.blueprint.from_keras import Counts, count_keras
from metaopt.data import DataSet
from metaopt.errors import UserError
from metaopt.problems.problem import Problem, fitting
from metaopt.problems.training_config import Training
from metaopt.randomness import integer
from metaopt.training.batches import TrainingBatches, by_head, layout, steps_per_epoch
from metaopt.training.compiling import TRAIN, soft_classes
from metaopt.training.network_builder import make_builder

EpochReport = Callable[[int, float, float], None]
"""Is told an epoch (from 1), its training loss and its seconds."""


@dataclass(frozen=True)
class Retrained:
    """A network after its final training.

    Attributes:
        network: takes images scaled to −0.5..0.5, as in the search. A blueprint's layers that are not Keras' are
            replaced by what they are at inference, see ``Layer.build_inference``; the network is then not compiled.
        heads: that it has, the first head first; on the slow path perhaps not all of the data's.
        counts: its parameters and so on, without what is added when it is handed out.
        training: how it was trained.
        seconds: wall seconds of its epochs.
        final: ``loss`` (Keras' total) and ``train`` (cross-entropy of the first head) of the last epoch.
        penalties: the sum of all weight penalties at its end.
    """

    network: keras.Model
    heads: list[str]
    counts: Counts
    training: Training
    seconds: float
    final: dict[str, float]
    penalties: float


def retrain(
    problem: Problem,
    point: Any,
    data: DataSet,
    *,
    epochs: int,
    seed: int,
    trial: int = 0,
    recipe: Mapping[str, Any] | None = None,
    log: Path | None = None,
    report: EpochReport = lambda *_: None,
) -> Retrained:
    """Trains the network of a point on training and validation images together.

    Args:
        problem: gives the network.
        point: the hyperparameters.
        data: the test part is not touched.
        epochs: how many, 1 or more.
        seed: with ``trial`` it decides initial weights, the order of images and their augmentation.
        trial: the trial that the point is from.
        recipe: fields of ``Training`` that take the place of the problem's own, e.g. ``{"schedule": "cosine"}``. A
            schedule's one cycle is the whole training.
        log: a folder for TensorBoard's files, or None for none; see ``can_log``.
        report: is told each epoch.

    Raises:
        UserError: the point does not fit the problem, or the training diverged.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(integer(seed, trial, "initialise"))
    training = fitting(problem, lambda: replace(problem.training(point), **(recipe or {})))
    builder = make_builder(problem, point, data)
    images = data.everything()
    steps = steps_per_epoch(len(images), training.batch_size)
    network = fitting(problem, lambda: builder.compile(training, steps, (epochs,)))
    output = network.compute_output_spec(keras.KerasTensor((None, *data.input_shape)))
    arrange = layout(output, list(data.classes))
    soft = soft_classes(network, data.classes)
    if soft is None and (recipe or {}).get("mixup"):
        raise UserError(
            f"--mixup has no effect on {problem.name}, whose build_model compiles a loss that takes the numbers of"
            " classes: compile it with categorical_crossentropy."
        )
    batches = TrainingBatches(images, data.augment, training, arrange, seed, trial, soft)
    loop = _Loop(batches, next(iter(data.classes)), report)
    callbacks: list[keras.callbacks.Callback] = [loop]
    if log is not None:
        callbacks.append(keras.callbacks.TensorBoard(str(log), write_graph=False))
    network.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    if loop.failure is None and not all(np.isfinite(weights).all() for weights in network.get_weights()):
        loop.failure = "The training diverged: its last step left weights that are no numbers."
    if loop.failure is not None:
        raise UserError(f"{loop.failure} Nothing was saved: try another --seed, or another point with --point.")
    penalties = sum(float(keras.ops.convert_to_numpy(loss)) for loss in network.losses)
    heads = list(by_head(output, list(data.classes)))
    network = builder.for_inference(network)
    return Retrained(network, heads, count_keras(network), training, loop.seconds, loop.final, penalties)


def can_log() -> bool:
    """Whether TensorBoard's files can be written: Keras does so on every backend, but with TensorFlow's writer."""
    return importlib.util.find_spec("tensorflow") is not None


class _Loop(keras.callbacks.Callback):
    """Gives each epoch its order, and ends a training that diverges."""

    def __init__(self, batches: TrainingBatches, head: str, report: EpochReport) -> None:
        super().__init__()
        self._batches = batches
        self._train = {TRAIN: TRAIN, f"{head}_{TRAIN}": TRAIN}  # Keras puts the head before it where outputs are named
        self._report = report
        self._began = 0.0
        self.seconds = 0.0
        self.final: dict[str, float] = {}
        self.failure: str | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._began = time.perf_counter()
        self._batches.begin(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = time.perf_counter() - self._began
        self.seconds += seconds
        logs = logs or {}
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            self.failure = f"The training diverged: its loss became {loss} in epoch {epoch + 1}."
            self.model.stop_training = True
            return
        self.final = {"loss": loss, **{name: float(logs[key]) for key, name in self._train.items() if key in logs}}
        self._report(epoch + 1, loss, seconds)
