"""Networks and arrays for libraries that leave the training to their user: plain Keras.

Only searches import this file; it imports Keras. Networks, optimizers, splits and scaling are metaopt's, the rest is
what the documentation of Keras shows: ``compile``, ``fit`` with ``validation_data``, and callbacks.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from benchmarks.peers.parameters import to_vals
from benchmarks.searches.recorder import BEST, Recorder
from benchmarks.searches.tasks import LoadedTask
from metaopt.data import Images
from metaopt.spaces import Vals
from metaopt.training.batches import scale
from metaopt.training.compiling import make_optimizer

METRIC = "val_accuracy"


@dataclass(frozen=True)
class Arrays:
    """Images (n, h, w, c) in −0.5..0.5 and class indices (n,) of the training and validation splits."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray

    @classmethod
    def of(cls, loaded: LoadedTask) -> "Arrays":
        """Return the arrays of a task."""
        head = next(iter(loaded.data.classes))
        return cls(*to_arrays(loaded.data.train, head), *to_arrays(loaded.data.validation, head))


def to_arrays(images: Images, head: str) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled images and class indices of a split."""
    pixels, labels = images.batch(np.arange(len(images)))
    return scale(pixels), np.asarray(labels[head])


def build_model(loaded: LoadedTask, values: Mapping[str, Any]) -> tuple[keras.Model, int]:
    """Return the compiled network of a proposal, and its batch size.

    Args:
        loaded: the task.
        values: label → value; those of inactive parameters do not count.

    Raises:
        InvalidArchitecture: there is no such network; this is known before Keras is asked.
    """
    point = loaded.space.point(to_vals(loaded.space, values))
    model = build_network(loaded, point)
    training = loaded.problem.training_of(point)
    model.compile(make_optimizer(training), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, min(training.batch_size, len(loaded.data.train))


def build_network(loaded: LoadedTask, point: Any) -> keras.Model:
    """Return the network of a point with one output, the probabilities of the first head."""
    blueprint = loaded.problem.blueprint(point, loaded.data.input_shape, loaded.data.classes)
    assert blueprint is not None  # the problems of the tasks have ``network``
    network = blueprint.to_keras()
    output = network.output
    return keras.Model(network.inputs, output[next(iter(loaded.data.classes))] if isinstance(output, dict) else output)


class EpochRecorder(keras.callbacks.Callback):
    """Records each epoch, and keeps the weights of the best one of the search.

    Args:
        recorder: the record of the search.
        trial: identity of the trial.
    """

    def __init__(self, recorder: Recorder, trial: int | str) -> None:
        super().__init__()
        self._recorder, self._trial = recorder, trial

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record; Keras counts from 0."""
        if self._recorder.epoch(self._trial, epoch + 1, (logs or {})[METRIC]):
            path = self._recorder.folder / BEST
            part = path.with_suffix(".part.npz")
            np.savez(part, *self.model.get_weights())
            os.replace(part, path)


def fit(
    loaded: LoadedTask,
    arrays: Arrays,
    recorder: Recorder,
    trial: int | str,
    values: Mapping[str, Any],
    epochs: int,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> keras.callbacks.History:
    """Build and train the network of a proposal in one go, for libraries that have no loop of their own.

    Raises:
        InvalidArchitecture: there is no such network.
    """
    keras.utils.clear_session()
    model, batch_size = build_model(loaded, values)
    recorder.trial(trial, to_vals(loaded.space, values))
    return model.fit(
        arrays.x_train,
        arrays.y_train,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(arrays.x_validation, arrays.y_validation),
        verbose=0,
        callbacks=[EpochRecorder(recorder, trial), keras.callbacks.TerminateOnNaN(), *callbacks],
    )


def own_vals(loaded: LoadedTask, values: Mapping[str, Any]) -> Vals:
    """Return the draw of a proposal that has further keys, which belong to the library."""
    return to_vals(loaded.space, {label: value for label, value in values.items() if label in loaded.space.by_label})
