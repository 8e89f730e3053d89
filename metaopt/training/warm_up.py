"""Compilation of a model's steps before its first epoch, so that the seconds of epochs are those of training only.

A backend traces and compiles a step when it first meets it: half a minute for a deep network, far more than an epoch on
small data takes. Timing the first steps apart would not do, because a backend may return before a step has ended.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras

from metaopt.training.batches import TrainingBatches, Validation
from metaopt.training.global_state import preserved_numbers
from metaopt.training.variables import assign, snapshot

_STEPS = "train_step", "compute_loss", "compute_metrics"


class _ChosenBatches(keras.utils.PyDataset):
    """Some batches of an epoch.

    Args:
        chosen: (batches, index of one of them), in their order.
    """

    def __init__(self, chosen: Sequence[tuple[TrainingBatches, int]]) -> None:
        super().__init__()
        self._chosen = chosen

    @property
    def num_batches(self) -> int:
        """Number of chosen batches."""
        return len(self._chosen)

    def __getitem__(self, index: int) -> Any:
        batches, number = self._chosen[index]
        return batches[number]


def compile_steps(model: keras.Model, folds: Sequence[TrainingBatches], validations: Sequence[Validation] = ()) -> None:
    """Trace and compile a model's training and validation steps; the model is left as it was.

    One step is trained for each distinct size of a batch, and then all variables of model and optimizer are restored:
    weights, moving statistics, slots, step count, loss scale and states of random generators. Keras resets the metrics
    itself, before each epoch. A model that runs eagerly has nothing to compile.

    Args:
        model: compiled model with a built optimizer.
        folds: training batches of each fold.
        validations: validation set of each fold.
    """
    if model.run_eagerly:
        return
    sizes: dict[int, tuple[TrainingBatches, int]] = {}
    for batches in folds:
        for size, index in batches.first_of_each_size().items():
            sizes.setdefault(size, (batches, index))
    variables = snapshot(model)
    try:
        with preserved_numbers():
            _create_metrics(model, next(iter(sizes.values())))
            model.fit(_ChosenBatches(list(sizes.values())), shuffle=False, verbose=0)
            for validation in {each.batch_size: each for each in validations}.values():
                validation.predict_first_batch(model)
    finally:
        assign(model, variables)


def _create_metrics(model: keras.Model, chosen: tuple[TrainingBatches, int]) -> None:
    """Create the variables of a model's losses and metrics, which Keras does not create before the first step.

    TensorFlow traces a step twice that creates variables, and tracing is most of the time before the first epoch. Keras
    creates them symbolically on its other backends, by the method called here, which is not public. Where it fails, or
    where a model has its own step, they are created in the first trace.
    """
    if keras.config.backend() != "tensorflow":
        return
    if any(getattr(type(model), name) is not getattr(keras.Model, name) for name in _STEPS):
        return
    batches, number = chosen
    with contextlib.suppress(Exception):  # nothing but time depends on it
        model._symbolic_build(data_batch=batches[number])
    model.reset_metrics()
