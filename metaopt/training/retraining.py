"""Final training of a network on training and validation images, for a fixed number of epochs."""

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from metaopt.blueprint.from_keras import Counts, count_keras
from metaopt.data import DataSet
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.errors import UserError
from metaopt.problems.problem import Problem, fitting
from metaopt.problems.training_config import Training, with_recipe
from metaopt.randomness import derive_seed
from metaopt.training import global_state
from metaopt.training.batches import TrainingBatches, faults_of, make_label_packer, steps_per_epoch, weigh_classes
from metaopt.training.compiling import TRAIN, soft_classes
from metaopt.training.epoch_loop import weight_penalties
from metaopt.training.export import find_loading_problem
from metaopt.training.model_file import ModelMetadata
from metaopt.training.network_builder import NetworkBuilder, PartBuilder, make_builder
from metaopt.training.stages import Stage, find_inputs, make_stages
from metaopt.training.training_log import TrainingLog
from metaopt.training.variables import build_optimizer, set_last_weights
from metaopt.training.warm_up import compile_steps

EpochReport = Callable[[int, float, float], None]
"""Called with the number of an epoch (from 1), its training loss and its seconds."""
StepReport = Callable[[int, float], None]
"""Called after each step with the number of the epoch (from 1) and the share of its steps, in (0, 1]."""


@dataclass(frozen=True)
class RetrainedNetwork:
    """A network after its final training.

    Attributes:
        network: takes images scaled to −0.5..0.5, as in the search. Custom layers of a blueprint are replaced by their
            inference equivalents, see ``Layer.build_inference``; the network is then not compiled.
        heads: heads of the network, the first head first; a ``build_model`` may omit later heads of the data.
        counts: parameters and MACs of the network, without the layers that the export adds.
        training: training settings.
        seconds: wall-clock seconds of its epochs.
        final: ``loss`` (total loss) and ``train`` (cross-entropy of the first head) of the last epoch.
        penalties: sum of all weight penalties after the last epoch.
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
    class_weights: str = NO_WEIGHTS,
    log: Path | None = None,
    report: EpochReport = lambda *_: None,
    report_step: StepReport = lambda *_: None,
) -> RetrainedNetwork:
    """Train the network of a point on training and validation images together; see ``DataSet.for_retraining``.

    Args:
        problem: problem that builds the network.
        point: hyperparameters.
        data: data set; the test split is not used.
        epochs: number of epochs, 1 or more.
        seed: together with ``trial`` determines initial weights, order of the images and augmentation.
        trial: number of the trial that the point is from.
        recipe: fields of ``Training`` that override those of the problem, e.g. ``{"schedule": "cosine"}``. The single
            cycle of a schedule is the whole training.
        class_weights: ``none`` or ``balanced``, see ``weigh_classes``.
        log: folder for TensorBoard files, or None for no log; see ``event_file.can_log``.
        report: called after each epoch.
        report_step: called after each step.

    Raises:
        UserError: the point does not fit the problem, or the training diverged.
    """
    gc.collect()  # frees the network that was trained before
    with global_state.preserved():
        builder = make_builder(problem, point, data)
        return _train(builder, epochs, seed, trial, recipe or {}, class_weights, log, report, report_step)


def _train(
    builder: NetworkBuilder,
    epochs: int,
    seed: int,
    trial: int,
    recipe: Mapping[str, Any],
    class_weights: str,
    log: Path | None,
    report: EpochReport,
    report_step: StepReport,
) -> RetrainedNetwork:
    """Build and train the network; see ``retrain``."""
    problem, data = builder.problem, builder.data
    keras.utils.set_random_seed(derive_seed(seed, trial, "initialise"))
    training = fitting(problem, lambda: with_recipe(problem.training_of(builder.point), recipe))
    images = data.for_retraining()
    steps = steps_per_epoch(len(images), training.batch_size)
    weights = weigh_classes(images, data.outputs, class_weights)
    progress = _RetrainingCallback(next(iter(data.classes)), report, report_step)
    trained: keras.Model | None = None
    stages = make_stages(fitting(problem, lambda: builder.blueprint), training, epochs)
    for stage in stages:
        network = _compile_stage(builder, stage, steps)
        if trained is not None:
            set_last_weights(network, trained.get_weights())
        inputs = find_inputs(data, stage)
        output = network.compute_output_spec(keras.KerasTensor((None, *inputs.shape)))
        soft = soft_classes(network, data.classes)
        if soft is None and recipe.get("mixup"):
            raise UserError(
                f"mixup has no effect on {problem.name}: its build_model compiles a loss for class indices. Compile it"
                " with categorical_crossentropy."
            )
        progress.batches = inputs.batches(
            *(images, data.augment, stage.training, make_label_packer(output, list(data.classes)), seed, trial, soft),
            outputs=data.outputs,
            class_weights=weights,
            standardization=data.standardization,
        )
        inputs.prepare(range(stage.start, stage.end))
        _fit(network, stage, progress, log)
        trained = network
    if stages[-1].split is not None:
        last, network = network, builder.build()
        set_last_weights(network, last.get_weights())
    penalties = weight_penalties(network)
    heads = builder.heads(network)
    network = builder.for_inference(network)
    return RetrainedNetwork(network, heads, count_keras(network), training, progress.seconds, progress.final, penalties)


def find_file_problem(problem: Problem, point: Any, data: DataSet) -> str | None:
    """Return why the file of a network could not be loaded after its training, found without training; None if it can.

    Networks of blueprints always can. For a user's own model it is tried, which takes seconds.

    Args:
        problem: problem that builds the network.
        point: hyperparameters.
        data: data set.

    Raises:
        UserError: the point does not fit the problem, or Keras cannot even save the model.
    """
    if problem.has_blueprint:
        return None
    builder = make_builder(problem, point, data)
    with global_state.preserved():
        network = fitting(problem, builder.build)
        outputs = {head: data.outputs[head] for head in builder.heads(network)}
        return find_loading_problem(builder.for_inference(network), ModelMetadata.for_data(outputs, data))


def _compile_stage(builder: NetworkBuilder, stage: Stage, steps: int) -> keras.Model:
    """Return the compiled network, or the part of it that a stage trains."""
    part = builder if stage.split is None else PartBuilder(builder, stage.split.trained)
    cycles = (stage.end - stage.start,)
    return fitting(builder.problem, lambda: part.compile(stage.training, steps, cycles))


def _fit(network: keras.Model, stage: Stage, progress: "_RetrainingCallback", log: Path | None) -> None:
    """Fit the network, or the part of it that a stage trains.

    Raises:
        UserError: The training diverged.
    """
    callbacks: list[keras.callbacks.Callback] = [progress]
    if log is not None:
        callbacks.append(TrainingLog(log, stage.end))
    build_optimizer(network)
    batches = progress.batches
    assert batches is not None
    with faults_of([batches]):
        compile_steps(network, [batches])
        network.fit(batches, initial_epoch=stage.start, epochs=stage.end, shuffle=False, verbose=0, callbacks=callbacks)
    if progress.failure is None and not all(np.isfinite(weights).all() for weights in network.get_weights()):
        progress.failure = "The training diverged: its last step left weights that are NaN or infinite."
    if progress.failure is not None:
        raise UserError(f"{progress.failure} Nothing was saved. Try another seed or another point.")


class _RetrainingCallback(keras.callbacks.Callback):
    """Selects the batches of each epoch, records its losses, and stops a training that diverges.

    Attributes:
        batches: batches of the stage that is trained.
        seconds: wall-clock seconds of the epochs so far.
        final: losses of the last epoch.
        failure: why the training failed, or None.
    """

    def __init__(self, head: str, report: EpochReport, report_step: StepReport) -> None:
        super().__init__()
        self.batches: TrainingBatches | None = None
        self._train = {TRAIN: TRAIN, f"{head}_{TRAIN}": TRAIN}  # Keras prepends the head if outputs are named
        self._report, self._report_step = report, report_step
        self._epoch = 0
        self._started = 0.0
        self.seconds = 0.0
        self.final: dict[str, float] = {}
        self.failure: str | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._started = time.perf_counter()
        self._epoch = epoch
        assert self.batches is not None
        self.batches.set_epoch(epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        assert self.batches is not None
        self._report_step(self._epoch + 1, (batch + 1) / self.batches.num_batches)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = time.perf_counter() - self._started
        self.seconds += seconds
        logs = logs or {}
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            self.failure = f"The training diverged: its loss became {loss} in epoch {epoch + 1}."
            self.model.stop_training = True
            return
        self.final = {"loss": loss, **{name: float(logs[key]) for key, name in self._train.items() if key in logs}}
        self._report(epoch + 1, loss, seconds)
