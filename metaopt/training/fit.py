"""Training of one network: build, fit, measure and save after every epoch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from metaopt.data import DataSet, Fold
from metaopt.engine.checkpoints import check_room
from metaopt.engine.jobs import ForkOf, FromScratch, Job, Remark, TrainingRequest, WeightsOf
from metaopt.problems.training_config import Training, with_schedule
from metaopt.training import backend
from metaopt.training.batches import TrainingBatches, faults_of, make_label_packer, weigh_classes
from metaopt.training.checkpoint import Checkpoint
from metaopt.training.compiling import soft_classes
from metaopt.training.epoch_loop import EpochLoop, FoldedBatches
from metaopt.training.initialization import Start, initialize
from metaopt.training.latency import describe_disturbance, measure_latency, needs_latency
from metaopt.training.model_size import measure_model_bytes, needs_model_bytes, refuse_larger_model
from metaopt.training.model_source import ModelSource
from metaopt.training.network_builder import NetworkBuilder, PartBuilder, make_builder
from metaopt.training.stages import Stage, find_inputs, find_stage, make_stages
from metaopt.training.state_identity import current_identity
from metaopt.training.variables import Arrays, assign, count_bytes, set_last_weights, snapshot, weights_of
from metaopt.training.warm_up import compile_steps


def build_and_train(
    problem: Any,
    point: Any,
    data: DataSet,
    *,
    epochs: int,
    checkpoint: str | Path | None = None,
    run: TrainingRequest | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, Any]:
    """Build the network of a point and train it; called by a worker, or by hand.

    Args:
        problem: a ``Problem``, or a module or class with ``network`` or ``build_model``, and optionally ``training``.
        point: the hyperparameters, as ``space_eval`` returns them.
        data: images to train on and to validate with.
        epochs: number of epochs after this training, earlier ones included.
        checkpoint: directory of the training's state and its best weights, or None. The training resumes from a state
            in it. ``metaopt.training.checkpoint.best_weights`` reads the weights.
        run: request of a search: the job with the options of the run, and the report function. None for a training by
            hand with the default options.
        callbacks: other Keras callbacks of the training. Each is called after metaopt's own, so the epoch is validated
            and saved by then. With k folds, Keras counts k passes per epoch.

    Returns:
        ``status`` (``ok`` or ``fail``), ``loss`` (of the objective at the best epoch, minimised), ``objective``,
        ``history`` (metric → a value per epoch), ``scores`` (``best`` and ``end``, the metrics of these epochs),
        ``best_epoch`` (from 1), ``epochs``, ``complete`` (whether it ended by itself), ``params``, ``macs``,
        ``seconds``, ``seed``, ``device``, ``threads``, ``backend``, ``precision``, ``versions``; ``latency`` and
        ``model_bytes`` where the search asks for them, see ``measure_latency`` and ``measure_model_bytes``; with folds,
        whose mean the history is, ``replicates`` (the objective of each at the best epoch), else empty; ``inherited``
        where weights of a parent were transferred (``trial``, ``layers``, ``of``) or a trial was forked (``trial``,
        ``epochs``); for a failure ``cause`` and ``error``. JSON types only.

    Raises:
        NetworkRefused: A network of ``build_model`` is invalid or exceeds a cheap constraint; or the file of any
            network exceeds the limit on its size.
        UserError: The optimizer is unknown, or a class has fewer images than there are folds.
        EnvironmentFault: A checkpoint does not fit into the quota or could not be written, or the images not be read.
        RuntimeError: The state of a forked trial is gone, or does not fit the network or the optimizer.
    """
    request = TrainingRequest(Job(0, point, FromScratch(), epochs)) if run is None else run
    began = time.perf_counter()
    checkpoints = None if checkpoint is None else Checkpoint(Path(checkpoint))
    model_bytes = _measure_size(problem, point, data, request)
    with backend.clean_session():
        builder = make_builder(problem, point, data)
        epoch_loop, counts = _train(builder, epochs, checkpoints, request, callbacks)
        record = {**_result(epoch_loop, request), **counts, **model_bytes, **backend.describe()}
        epoch_loop.set_model(None)  # the last reference to the model, whose memory can then be freed
    return {**record, "seconds": time.perf_counter() - began, "seed": request.seed}


def _measure_size(problem: Any, point: Any, data: DataSet, request: TrainingRequest) -> dict[str, int]:
    """Return ``model_bytes`` where the search asks for it.

    Raises:
        NetworkRefused: It exceeds the limit.
    """
    if not needs_model_bytes(request.options):
        return {}
    model_bytes = measure_model_bytes(make_builder(problem, point, data))
    if not request.job.is_reported:  # a trial with epochs is judged by the driver
        refuse_larger_model(model_bytes, request.options)
    return {"model_bytes": model_bytes}


def _train(
    builder: NetworkBuilder,
    epochs: int,
    checkpoint: Checkpoint | None,
    request: TrainingRequest,
    callbacks: Sequence[keras.callbacks.Callback],
) -> tuple[EpochLoop, dict[str, Any]]:
    """Build, fit and measure; also return ``params`` and ``macs``, and ``latency`` where the search asks for it."""
    data, job = builder.data, request.job
    training = with_schedule(builder.problem.training_of(builder.point), job.options.schedule)
    folds = data.folds(job.options.folds, job.options.repeats)
    stages = make_stages(builder.blueprint, training, epochs)
    counts: dict[str, Any] = {}
    trained: _Trained | None = None
    left = stages[find_stage(stages, _find_start(stages, checkpoint, request)) :]
    while left:
        stage, left = left[0], left[1:]
        part = builder if stage.split is None else PartBuilder(builder, stage.split.trained)
        compiled_models = None if callbacks else request.compiled_models
        models = ModelSource(part, stage.training, stage.end, folds, job, compiled_models, stage.start)
        model = models.first()
        if not counts:
            counts = {**builder.counts(model, training, job.options.bounds)}
            if builder.uncounted and request.trial == 0:
                layers = ", ".join(builder.uncounted)
                request.report(Remark(0, f"MACs are not recorded: no rule counts those of the layers {layers}."))
        if trained is None:
            start = initialize(
                *(model, models.build, lambda: _build_parent(builder, job), checkpoint, request),
                is_new=not models.is_compiled,
                same_optimizer=_has_optimizer_of_source(builder, training, job),
            )
            if stage.start and not start.progress:  # its state was that of another network, and is gone
                left, request = stages, _without_remarks(request)
                continue
        else:
            start = _continue(trained, model, models)
        epoch_loop = _make_loop(model, data, folds, stage, start, checkpoint, request, is_last=stage is stages[-1])
        _fit(epoch_loop, model, models, checkpoint, request, callbacks)
        trained = _Trained(epoch_loop, model)
        if epoch_loop.ends_training:
            break
    assert trained is not None
    if trained.epoch_loop.failure is None and needs_latency(job.options):
        whole = trained.model if stage.split is None else builder.build()
        counts["latency"] = measure_latency(whole, data.input_shape)
        if (text := describe_disturbance(counts["latency"])) is not None:
            request.report(Remark(request.trial, text))
    return trained.epoch_loop, counts


@dataclass
class _Trained:
    """Result of a stage of a training, from which the next one begins."""

    epoch_loop: EpochLoop
    model: keras.Model


def _build_parent(builder: NetworkBuilder, job: Job) -> keras.Model:
    """Return the network of the trial whose weights are transferred."""
    assert isinstance(job.origin, WeightsOf)
    return make_builder(builder.problem, job.origin.point, builder.data).build()


def _find_start(stages: Sequence[Stage], checkpoint: Checkpoint | None, request: TrainingRequest) -> int:
    """Return the number of epochs of the state that a training in stages continues from."""
    if len(stages) == 1:
        return 0
    state = None
    if checkpoint is not None:
        checkpoint.identity = current_identity(request.job.identity)
        state, _ = checkpoint.restore()
    if state is not None:
        return len(state.progress) + any(state.ahead)  # a fold that is ahead has begun the next epoch, and its stage
    return request.job.origin.epochs if isinstance(request.job.origin, ForkOf) else 0


def _without_remarks(request: TrainingRequest) -> TrainingRequest:
    """Return a request that passes on all reports but remarks."""
    return replace(request, report=lambda message: isinstance(message, Remark) or request.report(message))


def _continue(trained: _Trained, model: keras.Model, models: ModelSource) -> Start:
    """Return the start of the next stage: the weights of the last one, and a new optimizer."""
    before = trained.epoch_loop
    weights = [weights_of(trained.model, arrays) for arrays in before.folds] or [trained.model.get_weights()]
    folds: list[Arrays] = []
    for number, each in enumerate(weights):
        new = model if number == 0 and not models.is_compiled else models.build(number)
        set_last_weights(new, each)
        if before.folds:
            folds.append(snapshot(new))
        elif new is not model:
            assign(model, snapshot(new))
    return Start(before.progress, folds, before.transferred, n_reported=len(before.progress), best=before.unsaved_best)


def _fit(
    epoch_loop: EpochLoop,
    model: keras.Model,
    models: ModelSource,
    checkpoint: Checkpoint | None,
    request: TrainingRequest,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train the epochs of one stage that are left."""
    epoch_loop.report_restored_epochs()
    if epoch_loop.is_over:
        return
    n_folds = len(epoch_loop.validations)
    if checkpoint is not None:
        state, weights = (n_folds * size for size in count_bytes(model))
        what = f"The checkpoint of trial {request.trial}"
        check_room(checkpoint.directory.parent, request.job.checkpoint_quota, state, weights, what)
    passes = {"initial_epoch": epoch_loop.n_passes, "epochs": epoch_loop.target * n_folds}
    with faults_of(epoch_loop.batches.folds):
        if not models.is_compiled:
            compile_steps(model, epoch_loop.batches.folds, epoch_loop.validations)
        model.fit(epoch_loop.batches, **passes, shuffle=False, verbose=0, callbacks=[epoch_loop, *callbacks])
    models.keep(model)


def _has_optimizer_of_source(builder: NetworkBuilder, training: Training, job: Job) -> bool:
    """Return whether a fork has the optimizer of the trial that it was forked from; True for any other trial.

    The variables of another one may have the same shapes and another meaning.
    """
    if not isinstance(job.origin, ForkOf) or job.origin.point is None:
        return True
    source = builder.problem.training_of(job.origin.point)
    # An option that is off, such as a momentum of 0, has no variables.
    ours, theirs = ({name for name, value in each.options.items() if value} for each in (training, source))
    return source.optimizer == training.optimizer and ours == theirs


def _make_loop(
    model: keras.Model,
    data: DataSet,
    folds: list[Fold],
    stage: Stage,
    start: Start,
    checkpoint: Checkpoint | None,
    request: TrainingRequest,
    *,
    is_last: bool,
) -> EpochLoop:
    """Return the callback that drives the epochs of a stage, with the batches of every fold."""
    heads = list(data.classes)
    inputs = find_inputs(data, stage)
    # The structure of the output is computed, because a Sequential or subclassed model may lack ``output``.
    arrange = make_label_packer(model.compute_output_spec(keras.KerasTensor((None, *inputs.shape))), heads)
    soft = soft_classes(model, data.classes)
    seed, trial = request.seed, request.trial

    def batches(number: int, fold: Fold) -> TrainingBatches:
        weights = weigh_classes(fold.train, data.outputs, request.options.class_weights)
        return inputs.batches(
            *(fold.train, data.augment, stage.training, arrange, seed, trial, soft, number, data.outputs, weights),
            standardization=data.standardization,
        )

    folded = FoldedBatches([batches(number, fold) for number, fold in enumerate(folds)])
    size = stage.training.batch_size
    validations = [
        inputs.validation(fold.validation, heads, size, data.outputs, data.standardization) for fold in folds
    ]
    inputs.prepare(range(len(start.progress), stage.end))
    weights = {head: float(stage.training.loss_weights.get(head, 1.0)) for head in heads}
    return EpochLoop(folded, validations, weights, request, stage.end, start, checkpoint, is_last_stage=is_last)


def _result(epoch_loop: EpochLoop, request: TrainingRequest) -> dict[str, Any]:
    """Return the part of the record that the epochs decide."""
    rows = epoch_loop.progress.metrics
    result: dict[str, Any] = {
        "status": "ok" if epoch_loop.failure is None else "fail",
        "loss": None,
        "objective": request.options.objective,
        "history": {name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
        "replicates": [],
        "scores": {},
        "best_epoch": None,
        "epochs": len(rows),
        "complete": not epoch_loop.stopped,
    }
    if rows:
        best = epoch_loop.tracker.best
        result |= {"loss": epoch_loop.tracker.losses[best], "best_epoch": best + 1}
        result["scores"] = {"best": rows[best], "end": rows[-1]}
        result["replicates"] = epoch_loop.replicates(best)
    if epoch_loop.transferred is not None:
        result["inherited"] = epoch_loop.transferred
    if epoch_loop.failure is not None:
        result |= {"cause": "diverged", "error": epoch_loop.failure}
    return result
