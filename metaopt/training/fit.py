"""The training of one network: built, fitted, measured and saved after every epoch."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from metaopt.blueprint.from_keras import count_keras
from metaopt.data import DataSet, Fold
from metaopt.guard.memory import memory
from metaopt.problems.training_config import COSINE_RUNG, Training, with_schedule
from metaopt.randomness import integer
from metaopt.training import backend
from metaopt.training.batches import TrainingBatches, Validation, make_label_packer, steps_per_epoch
from metaopt.training.building import build_network
from metaopt.training.checkpoint import Checkpoint
from metaopt.training.compiling import compile_model, soft_classes
from metaopt.training.epoch_loop import EpochLoop, FoldedBatches
from metaopt.training.initialization import find_standing
from metaopt.training.run import NetworkRefused, Run
from metaopt.training.variables import build_optimizer


def build_and_train(
    problem: Any,
    point: Any,
    data: DataSet,
    *,
    epochs: int,
    checkpoint: str | Path | None = None,
    run: Run | None = None,
) -> dict[str, Any]:
    """Builds the network of a point and trains it; what a worker calls, and a notebook may.

    Args:
        problem: a ``Problem``, or a module or class with ``network`` (or ``build_model``) and perhaps ``training``.
        point: the hyperparameters, as ``space_eval`` returns them.
        data: what to train on and to validate with.
        epochs: epochs after this training, earlier ones counted.
        checkpoint: a directory for the training's state and its best weights, or None for none. Where it holds some,
            the training goes on from there; see ``metaopt.training.checkpoint.best_weights``.
        run: seed, trial, folds, early stopping and the like.

    Returns:
        ``status`` (``ok`` or ``fail``), ``loss`` (of the objective at the best epoch, minimised), ``objective``,
        ``history`` (metric → a value per epoch), ``scores`` (``best`` and ``end``, the metrics of these epochs),
        ``best_epoch`` (from 1), ``epochs``, ``complete`` (nobody ended it before its time), ``params``, ``macs``,
        ``seconds``, ``seed``, ``device``, ``threads``, ``backend``, ``versions``; with folds, whose mean the history
        is, ``replicates`` (the objective of each at the best epoch), else empty; ``inherited`` (``trial``, ``layers``,
        ``of``) where weights of an ancestor were taken; for a failure ``cause`` and ``error``. JSON types only.

    Raises:
        NetworkRefused: on the slow path, the network cannot exist or breaks one of ``run.limits``.
        UserError: there is no such optimizer, or a class has fewer images than there are folds.
        ResultsNotWritable: a checkpoint could not be written.
    """
    run = Run() if run is None else run
    began = time.perf_counter()
    kept = None if checkpoint is None else Checkpoint(Path(checkpoint))
    with backend.clean_session():
        epoch_loop, counts = _train(problem, point, data, epochs, kept, run)
        record = {**_result(epoch_loop, run), **counts}
        epoch_loop.set_model(None)  # the last reference to the model, which can then be forgotten
    return {**record, "seconds": time.perf_counter() - began, "seed": run.seed, **backend.describe()}


def _train(
    problem: Any, point: Any, data: DataSet, epochs: int, checkpoint: Checkpoint | None, run: Run
) -> tuple[EpochLoop, dict[str, int]]:
    """Builds and fits; also returns ``params`` and ``macs``."""
    training = getattr(problem, "training", None) or Training.from_point
    settings: Training = with_schedule(training(point), run.schedule)
    folds = data.folds(run.folds)
    if not run.cycles or settings.schedule == COSINE_RUNG:
        run = replace(run, cycles=(epochs,))

    def build(fold: int) -> tuple[keras.Model, dict[str, int]]:
        # Initial weights and whatever else draws while the model is built; a worker's earlier trials leave no trace.
        keras.utils.set_random_seed(integer(run.seed, run.trial, "initialise", fold))
        model, counts = _build(problem, point, data, settings, run)
        build_optimizer(model)
        return model, counts

    def parent() -> keras.Model:
        assert run.ancestor is not None
        return build_network(problem, run.ancestor.point, data)

    model, counts = build(0)
    standing = find_standing(model, lambda fold: build(fold)[0], parent, checkpoint, run)
    heads = list(data.classes)
    # Asked of the model rather than read off it: a Sequential or subclassed model has no ``output``.
    arrange = make_label_packer(model.compute_output_spec(keras.KerasTensor((None, *data.input_shape))), heads)

    soft = soft_classes(model, data.classes)

    def batches(number: int, fold: Fold) -> TrainingBatches:
        return TrainingBatches(fold.train, data.augment, settings, arrange, run.seed, run.trial, soft, number)

    folded = FoldedBatches([batches(number, fold) for number, fold in enumerate(folds)])
    validations = [Validation(fold.validation, heads, settings.batch_size) for fold in folds]
    weights = {head: float(settings.loss_weights.get(head, 1.0)) for head in heads}
    epoch_loop = EpochLoop(folded, validations, weights, run, epochs, standing, checkpoint)
    epoch_loop.report_what_is_known()
    if not epoch_loop.is_over:
        passes = {"initial_epoch": len(epoch_loop.progress) * len(folds), "epochs": epochs * len(folds)}
        model.fit(folded, **passes, shuffle=False, verbose=0, callbacks=[epoch_loop])
    return epoch_loop, counts


def _build(problem: Any, point: Any, data: DataSet, settings: Training, run: Run) -> tuple[keras.Model, dict[str, int]]:
    """The compiled model, with ``params`` and ``macs``."""
    classes = data.classes
    if getattr(problem, "network", None) is not None:
        blueprint = problem.network(point, data.input_shape, classes)
        steps = steps_per_epoch(len(data.folds(run.folds)[0].train), settings.batch_size)
        model = compile_model(blueprint.to_keras(), settings, classes, steps=steps, cycles=run.cycles)
        return model, {"params": blueprint.params, "macs": blueprint.macs}
    try:
        model = problem.build_model(point, data.input_shape, classes)
    except ValueError as error:  # what Keras raises for shapes that do not fit
        raise NetworkRefused("invalid architecture", str(error).strip().splitlines()[0]) from error
    if not model.built:
        model.build((None, *data.input_shape))
    counted = count_keras(model)
    build_optimizer(model)
    slots = sum(math.prod(variable.shape) for variable in model.optimizer.variables)
    counts = {"params": counted.params, "macs": counted.macs}
    for name, value in {**counts, "memory": memory(counted, settings, slots)}.items():
        if value > run.limits.get(name, math.inf):
            raise NetworkRefused(name, f"{name} is {value:,}, more than the limit of {run.limits[name]:,.0f}.")
    return model, counts


def _result(epoch_loop: EpochLoop, run: Run) -> dict[str, Any]:
    """The part of the record that the epochs decide."""
    rows = epoch_loop.progress.metrics
    result: dict[str, Any] = {
        "status": "ok" if epoch_loop.failure is None else "fail",
        "loss": None,
        "objective": run.objective,
        "history": {name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
        "replicates": [],
        "scores": {},
        "best_epoch": None,
        "epochs": len(rows),
        "complete": not epoch_loop.stopped,
    }
    if rows:
        best = epoch_loop.best
        result |= {"loss": epoch_loop.losses[best], "best_epoch": best + 1}
        result["scores"] = {"best": rows[best], "end": rows[-1]}
        result["replicates"] = epoch_loop.replicates(best)
    if epoch_loop.inherited is not None:
        result["inherited"] = epoch_loop.inherited
    if epoch_loop.failure is not None:
        result |= {"cause": "diverged", "error": epoch_loop.failure}
    return result
