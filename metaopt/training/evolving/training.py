"""Training of one member of an evolution while training."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from metaopt.engine.checkpoints import check_room
from metaopt.engine.jobs import TrainingRequest
from metaopt.evolving.archive_names import ARCHIVE
from metaopt.evolving.hyperparameters import BATCH_SIZE, Configuration
from metaopt.problems.training_config import Training
from metaopt.training.batches import TrainingBatches
from metaopt.training.checkpoint import Checkpoint
from metaopt.training.epoch_loop import FoldedBatches
from metaopt.training.evolving.activation_layers import output_names
from metaopt.training.evolving.archives import write_archive
from metaopt.training.evolving.batches import ExampleBatches, LossValidation
from metaopt.training.evolving.examples import TrainingData
from metaopt.training.evolving.loop import EvolvingLoop
from metaopt.training.evolving.recipe import Recipe
from metaopt.training.evolving.start import start_training
from metaopt.training.variables import count_bytes


@dataclass(frozen=True)
class Trained:
    """A network after its job.

    Attributes:
        model: the network.
        params: number of its parameters.
        failure: why it failed, one sentence, or None.
        is_stopped: whether the answer to a report ended the training.
        info: facts for its record.
    """

    model: keras.Model
    params: int
    failure: str | None
    is_stopped: bool
    info: dict[str, Any] = field(default_factory=dict)


def train_member(
    recipe: Recipe,
    configuration: Configuration,
    data: TrainingData,
    request: TrainingRequest,
    model: keras.Model | None,
    *,
    writes_archive: bool,
) -> Trained:
    """Train a copy of the user's model to the target of a job.

    Args:
        recipe: builds the copy.
        configuration: its hyperparameters.
        data: training and validation examples.
        request: the job and its report function.
        model: compiled model of an equal configuration, with arbitrary variables; None to build one.
        writes_archive: whether the network is written as a ``.keras`` file into the checkpoint directory.

    Raises:
        EnvironmentFault: A checkpoint or an archive could not be written, or the data not be read.
        RuntimeError: The state of a forked trial is gone.
    """
    job = request.job
    checkpoint = None if job.checkpoint is None else Checkpoint(Path(job.checkpoint))
    is_new = model is None
    model = recipe.build(configuration) if model is None else model
    start = start_training(model, recipe, configuration, checkpoint, request, is_new=is_new)
    names, tasks = output_names(model), dict(recipe.network.tasks)
    validation: Any = LossValidation(data.validation, dict(recipe.compilation), names, tasks)
    batch_size = round(float(configuration[BATCH_SIZE]))
    batches = _batches(
        data, Training(batch_size=batch_size, augmentation=recipe.policy_of(configuration)), request.seed
    )
    loop = EvolvingLoop(FoldedBatches([batches]), [validation], {}, request, job.target_resource, start, checkpoint)
    loop.report_restored_epochs()
    if not loop.is_over:
        if checkpoint is not None:
            what = f"The checkpoint of trial {request.trial}"
            check_room(checkpoint.directory.parent, job.checkpoint_quota, *count_bytes(model), what)
        passes = {"initial_epoch": len(loop.progress), "epochs": job.target_resource}
        model.fit(loop.batches, **passes, shuffle=False, verbose=0, callbacks=[loop])
    is_trained = len(loop.progress) >= job.target_resource
    if writes_archive and is_trained and job.checkpoint is not None:
        write_archive(model, recipe, Path(job.checkpoint, ARCHIVE))
    info = {} if loop.transferred is None else {"inherited": loop.transferred}
    loop.set_model(None)
    return Trained(model, model.count_params(), loop.failure, loop.stopped, info)


def _batches(data: TrainingData, training: Training, seed: int) -> Any:
    """Return the training batches: those of a data set are augmented as in a search."""
    data_set = data.data_set
    if data_set is None:
        return ExampleBatches(data.train, training.batch_size, seed)
    arrange = data.train.arrange  # type: ignore[attr-defined]
    return TrainingBatches(
        *(data_set.train, data_set.augment, training, arrange, seed, 0, None, 0, data_set.outputs, None),
        standardization=data_set.standardization,
    )
