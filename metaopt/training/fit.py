"""The training of one network: built, fitted, measured after every epoch, its best weights kept."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from metaopt.blueprint.from_keras import count_keras
from metaopt.randomness import integer
from metaopt.study.guard import memory
from metaopt.study.jobs import Epoch
from metaopt.study.objective import find_objective
from metaopt.study.problem import Training, with_schedule
from metaopt.training import backend
from metaopt.training.batches import TrainingBatches, Validation, layout, steps_per_epoch
from metaopt.training.checkpoint import Progress, restore, save
from metaopt.training.compiling import TRAIN, compile_model, soft_classes
from metaopt.training.data import DataSet
from metaopt.training.metrics import validation_metrics
from metaopt.training.run import NetworkRefused, Run


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
        epochs: epochs after this training, those before ``run.start`` counted.
        checkpoint: a directory for the weights of the best and the last epoch, or None for none.
        run: seed, trial, early stopping and the like.

    Returns:
        ``status`` (``ok`` or ``fail``), ``loss`` (of the objective at the best epoch, minimised), ``objective``,
        ``history`` (metric → a value per epoch), ``scores`` (``best`` and ``end``, the metrics of these epochs),
        ``best_epoch`` (from 1), ``epochs``, ``complete`` (nobody ended it before its time), ``params``, ``macs``,
        ``seconds``, ``seed``, ``device``, ``threads``, ``backend``, ``versions``; for a failure ``cause`` and
        ``error`` besides. JSON types only.

    Raises:
        NetworkRefused: on the slow path, the network cannot exist or breaks one of ``run.limits``.
        UserError: there is no such optimizer, or no checkpoint to go on from.
    """
    run = Run() if run is None else run
    began = time.perf_counter()
    directory = None if checkpoint is None else Path(checkpoint)
    with backend.clean_session():
        # Initial weights and whatever else draws while the model is built; a worker's earlier trials leave no trace.
        keras.utils.set_random_seed(integer(run.seed, run.trial, "initialise"))
        epoch_loop, counts = _train(problem, point, data, epochs, directory, run)
        record = {**_result(epoch_loop, run), **counts}
        epoch_loop.set_model(None)  # the last reference to the model, which can then be forgotten
    return {**record, "seconds": time.perf_counter() - began, "seed": run.seed, **backend.describe()}


def _train(
    problem: Any, point: Any, data: DataSet, epochs: int, directory: Path | None, run: Run
) -> tuple["_EpochLoop", dict[str, int]]:
    """Builds, fits and saves; also returns ``params`` and ``macs``."""
    training = getattr(problem, "training", None) or Training.from_point
    settings: Training = with_schedule(training(point), run.schedule)
    run = run if run.cycles else replace(run, cycles=(epochs,))
    model, counts = _build(problem, point, data, settings, run)
    if not model.optimizer.built:
        # Else Keras would build it while it traces the training step, and then have to trace again.
        model.optimizer.build(model.trainable_variables)
    progress = Progress() if run.start == 0 else restore(directory, model, run.start)
    epoch_loop = _fit(model, data, settings, run, epochs, progress)
    if directory is not None and epoch_loop.failure is None:
        save(directory, model, progress, epoch_loop.best_weights)
    return epoch_loop, counts


def _build(problem: Any, point: Any, data: DataSet, settings: Training, run: Run) -> tuple[keras.Model, dict[str, int]]:
    """The compiled model, with ``params`` and ``macs``."""
    classes = data.classes
    if getattr(problem, "network", None) is not None:
        blueprint = problem.network(point, data.input_shape, classes)
        model = compile_model(
            blueprint.to_keras(),
            settings,
            classes,
            steps=steps_per_epoch(len(data.train), settings.batch_size),
            cycles=run.cycles,
        )
        return model, {"params": blueprint.params, "macs": blueprint.macs}
    try:
        model = problem.build_model(point, data.input_shape, classes)
    except ValueError as error:  # what Keras raises for shapes that do not fit
        raise NetworkRefused("invalid architecture", str(error).strip().splitlines()[0]) from error
    if not model.built:
        model.build((None, *data.input_shape))
    counted = count_keras(model)
    slots = sum(math.prod(variable.shape) for variable in _slots(model))
    counts = {"params": counted.params, "macs": counted.macs}
    for name, value in {**counts, "memory": memory(counted, settings, slots)}.items():
        if value > run.limits.get(name, math.inf):
            raise NetworkRefused(name, f"{name} is {value:,}, more than the limit of {run.limits[name]:,.0f}.")
    return model, counts


def _slots(model: keras.Model) -> list[Any]:
    """The optimizer's variables, made now."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return list(model.optimizer.variables)


def _fit(
    model: keras.Model, data: DataSet, settings: Training, run: Run, epochs: int, progress: Progress
) -> "_EpochLoop":
    heads = list(data.classes)
    # Asked of the model rather than read off it: a Sequential or subclassed model has no ``output``.
    arrange = layout(model.compute_output_spec(keras.KerasTensor((None, *data.input_shape))), heads)
    soft = soft_classes(model, data.classes)
    batches = TrainingBatches(data.train, data.augment, settings, arrange, run.seed, run.trial, soft)
    validation = Validation(data.validation, heads, settings.batch_size)
    weights = {head: float(settings.loss_weights.get(head, 1.0)) for head in heads}
    epoch_loop = _EpochLoop(batches, validation, weights, run, progress)
    model.fit(batches, epochs=epochs, initial_epoch=run.start, shuffle=False, verbose=0, callbacks=[epoch_loop])
    return epoch_loop


class _EpochLoop(keras.callbacks.Callback):
    """What happens around each epoch.

    Attributes:
        failure: why the training failed, one sentence, or None.
        stopped: the report's answer ended the training.
        best_weights: of the best epoch of this training, None if an earlier training had the best.
    """

    def __init__(
        self, batches: TrainingBatches, validation: Validation, weights: dict[str, float], run: Run, progress: Progress
    ) -> None:
        super().__init__()
        self._batches = batches
        self._validation = validation
        self._weights = weights
        self._run = run
        self._objective = find_objective(run.objective)
        self._began = 0.0
        self.progress = progress
        self.failure: str | None = None
        self.stopped = False
        self.best_weights: list[Any] | None = None

    @property
    def losses(self) -> list[float]:
        """The objective's loss of each epoch so far."""
        return self._objective.losses(self.progress.metrics, self.progress.seconds)

    @property
    def best(self) -> int:
        """The best epoch, from 0; the first of equal ones."""
        losses = self.losses
        return len(losses) - 1 if self._objective.last_epoch_only else losses.index(min(losses))

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Makes order, augmentation and dropout those of this epoch."""
        self._began = time.perf_counter()
        self._batches.begin(epoch)
        for number, state in enumerate(_seed_states(self.model)):
            state.assign([integer(self._run.seed, self._run.trial, f"dropout {number}", epoch), 0])
        if keras.backend.backend() == "torch":  # where an unseeded dropout draws from the global generator
            keras.utils.set_random_seed(integer(self._run.seed, self._run.trial, "dropout", epoch))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validates, keeps the best weights, reports, and ends the training where it is time."""
        metrics = self._measure(logs or {})
        bad = next((name for name, value in metrics.items() if not math.isfinite(value)), None)
        if bad is not None:
            self.failure = f"{bad} became {metrics[bad]} in epoch {epoch + 1}."
            self.model.stop_training = True
            return
        seconds = time.perf_counter() - self._began
        self.progress.metrics.append(metrics)
        self.progress.seconds.append(seconds)
        if self.best == epoch:
            self.best_weights = self.model.get_weights()
        self.stopped = not self._run.report(Epoch(self._run.trial, epoch + 1, metrics, seconds))
        if self.stopped or self._patience_is_over(epoch):
            self.model.stop_training = True

    def _measure(self, logs: dict[str, Any]) -> dict[str, float]:
        """The epoch's metrics; the validation is left out where the training loss is no number any more."""
        metrics = {"loss": float(logs["loss"])}
        for name in (TRAIN, f"{next(iter(self._weights))}_{TRAIN}"):  # Keras prefixes it if the outputs are named
            if name in logs:
                metrics[TRAIN] = float(logs[name])
        if not math.isfinite(metrics["loss"]):
            return metrics
        predicted = self._validation.predict(self.model)
        validated = validation_metrics(predicted, self._validation.labels)
        total = _penalties(self.model)
        for head in predicted:  # a user's own model may answer the first heads only
            total += self._weights[head] * validated[f"val_{head}_loss" if len(predicted) > 1 else "val_loss"]
        return {**metrics, "val_total_loss": total, **validated}

    def _patience_is_over(self, epoch: int) -> bool:
        patience = self._run.early_stopping
        return patience is not None and not self._objective.last_epoch_only and epoch - self.best >= patience


def _seed_states(model: keras.Model) -> list[Any]:
    """The state of each random generator within the model, of dropout layers that is."""
    weights = {id(variable) for variable in model.weights}
    layers = model._flatten_layers(include_self=False)
    generators = [getattr(layer, "seed_generator", None) for layer in layers]
    return [each.state for each in generators if each is not None and id(each.state) not in weights]


def _penalties(model: keras.Model) -> float:
    """The sum of all weight penalties, e.g. L2."""
    return sum(
        float(keras.ops.convert_to_numpy(variable.regularizer(variable)))
        for variable in model.trainable_variables
        if variable.regularizer is not None
    )


def _result(epoch_loop: _EpochLoop, run: Run) -> dict[str, Any]:
    """The part of the record that the epochs decide."""
    rows = epoch_loop.progress.metrics
    result: dict[str, Any] = {
        "status": "ok" if epoch_loop.failure is None else "fail",
        "loss": None,
        "objective": run.objective,
        "history": {name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
        "scores": {},
        "best_epoch": None,
        "epochs": len(rows),
        "complete": not epoch_loop.stopped,
    }
    if rows:
        best = epoch_loop.best
        result |= {"loss": epoch_loop.losses[best], "best_epoch": best + 1}
        result["scores"] = {"best": rows[best], "end": rows[-1]}
    if epoch_loop.failure is not None:
        result |= {"cause": "diverged", "error": epoch_loop.failure}
    return result
