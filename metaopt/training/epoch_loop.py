"""Epoch loop of a training: order and seeds before each epoch; validation, checkpoint and report after it.

With cross-validation the one compiled model trains an epoch of one fold at a time, while the variables of the others
are kept as arrays; ``fold_progress`` has the order. Keras counts such passes: where all folds advance together, its
epoch e·k + f is epoch e of fold f of k.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from metaopt.engine.jobs import Epoch, EpochProgress, TrainingRequest
from metaopt.randomness import derive_seed, make_fold_purpose
from metaopt.training.batches import TrainingBatches, Validation
from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState
from metaopt.training.checkpoint_policy import CheckpointPolicy
from metaopt.training.compiling import TRAIN
from metaopt.training.fold_progress import FoldEpoch, FoldProgress
from metaopt.training.metrics import validation_metrics
from metaopt.training.schedule import CosineRestarts, find_schedule
from metaopt.training.variables import Arrays, assign, snapshot, weights_of
from metaopt.trials.class_counts import count_classes
from metaopt.trials.fold_scores import mean_of_folds

LONG_EPOCH_S = 10.0  # seconds after which an epoch reports how far it is ...
_PROGRESS_EVERY_S = 5.0  # ... at most every so many seconds


class FoldedBatches(keras.utils.PyDataset):
    """Training batches of several folds, one of which is trained on at a time.

    Args:
        folds: batches of each fold, all with the same number of batches.
    """

    def __init__(self, folds: list[TrainingBatches]) -> None:
        super().__init__()
        self.folds = folds
        self._current = folds[0]

    def begin(self, epoch: int, fold: int) -> None:
        """Switch to the batches of an epoch of a fold, both from 0."""
        self.folds[fold].set_epoch(epoch)
        self._current = self.folds[fold]

    @property
    def num_batches(self) -> int:
        """Number of steps per epoch."""
        return self.folds[0].num_batches

    def __getitem__(self, index: int) -> Any:
        return self._current[index]


@dataclass
class Start:
    """State of a training before its first epoch.

    Attributes:
        progress: history so far.
        folds: with several folds, the variables of each; empty for one, whose variables are in the model.
        transferred: weights transferred from another trial, as JSON, or None.
        n_reported: number of epochs that were reported before.
        best: best epoch of a forked trial (from 1) and the weights of each fold there, which the first checkpoint
            stores; None if the trial's own checkpoint holds them, or no epoch was trained yet.
        ahead: for each fold, its epochs after those of all folds; empty where none has any.
    """

    progress: EpochHistory
    folds: list[Arrays]
    transferred: dict[str, Any] | None = None
    n_reported: int = 0
    best: tuple[int, list[Arrays]] | None = None
    ahead: Sequence[Sequence[FoldEpoch]] = ()


class EpochLoop(keras.callbacks.Callback):
    """Keras callback that prepares each epoch, and validates, saves and reports after it.

    Args:
        batches: batches to train on.
        validations: validation set of each fold.
        weights: head → weight of its loss.
        request: job and report function.
        target: number of epochs after this training.
        start: state before the first epoch.
        checkpoint: checkpoints of the trial, or None.
        is_last_stage: whether the job ends with these epochs. Before, no fold is trained to the end, so that a race
            judges none.

    Attributes:
        batches: batches to train on.
        validations: validation set of each fold.
        target: number of epochs after this training.
        folds: with several folds, the variables of each.
        unsaved_best: best epoch (from 1) and the weights of each fold there, if no checkpoint holds them yet.
        progress: history, epochs of earlier jobs included.
        tracker: best epoch and early stopping.
        failure: why the training failed, one sentence, or None.
        stopped: whether the answer to a report ended the training.
        transferred: weights transferred from another trial, as JSON, or None.
    """

    def __init__(
        self,
        batches: FoldedBatches,
        validations: list[Validation],
        weights: dict[str, float],
        request: TrainingRequest,
        target: int,
        start: Start,
        checkpoint: Checkpoint | None,
        *,
        is_last_stage: bool = True,
    ) -> None:
        super().__init__()
        self.batches = batches
        self.validations = validations
        self._weights = weights
        self._request = request
        self.target = target
        self._is_last_stage = is_last_stage
        self.folds = start.folds
        self._checkpoint = checkpoint
        self._checkpoint_policy = CheckpointPolicy()
        self._began = 0.0
        self._next_progress = math.inf  # time of the next report of how far the epoch is
        self._order = FoldProgress(
            *(len(validations), target),
            is_race=request.options.race,
            new_tracker=request.options.tracker,
            trained=_epochs_of_folds(start.progress) if request.options.race else (),
            ahead=start.ahead,
        )
        self._current = 0, 0  # epoch and fold in training
        self.unsaved_best = start.best
        self._unsaved = False
        self._restored = start.progress
        self.progress = start.progress.first(start.n_reported)
        self.tracker = request.options.tracker()
        for metrics, seconds in zip(self.progress.metrics, self.progress.seconds, strict=True):
            self.tracker.add(metrics, seconds)
        self.transferred = start.transferred
        self.failure: str | None = None
        self.stopped = False

    def replicates(self, epoch: int) -> list[float]:
        """Return the objective of each fold at an epoch, from 0; an empty list without folds."""
        seconds = sum(self.progress.seconds[: epoch + 1])
        objective = self._request.options.find_objective()
        return [objective.value(objective.loss(each, seconds)) for each in self.progress.replicates[epoch]]

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left to train."""
        return self.ends_training or len(self.progress) >= self.target

    @property
    def ends_training(self) -> bool:
        """Whether the training ends, whatever its target."""
        return self.stopped or self.failure is not None or self.tracker.is_out_of_patience

    def report_restored_epochs(self) -> None:
        """Report the epochs that the checkpoint holds beyond those that were reported."""
        while len(self.progress) < len(self._restored) and not self.is_over:
            epoch = len(self.progress)
            self._append(self._restored.metrics[epoch], self._restored.seconds[epoch], self._restored.replicates[epoch])
            self._report()
        for fold, epochs in enumerate(self._order.ahead if self._request.options.race else ()):
            for number, each in enumerate(epochs, start=len(self.progress)):
                if not self.is_over:
                    self._report_fold(number, fold, each)

    @property
    def n_passes(self) -> int:
        """Number of passes so far: the epochs of all folds together."""
        return len(self.progress) * len(self.validations) + self._order.n_ahead

    def _append(self, metrics: dict[str, float], seconds: float, replicates: tuple[dict[str, float], ...]) -> None:
        self.progress.append(metrics, seconds, replicates)
        self.tracker.add(metrics, seconds)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Set variables, order, augmentation and dropout for the next epoch of the next fold."""
        epoch, fold = self._current = self._order.next_pass(len(self.progress))
        self._began = time.perf_counter()
        if fold == 0 or self._request.options.race:
            self._next_progress = self._began + LONG_EPOCH_S
        if self.folds:
            assign(self.model, self.folds[fold])
        self.batches.begin(epoch, fold)
        schedule = find_schedule(self.model.optimizer)
        if isinstance(schedule, CosineRestarts):
            schedule.begin_epoch(self.progress.seconds, self.batches.num_batches)
        seed, trial = self._request.seed, self._request.trial
        for number, state in enumerate(_seed_states(self.model)):
            state.assign([derive_seed(seed, trial, make_fold_purpose(f"dropout {number}", fold), epoch), 0])
        if keras.backend.backend() == "torch":  # where an unseeded dropout draws from the global generator
            keras.utils.set_random_seed(derive_seed(seed, trial, make_fold_purpose("dropout", fold), epoch))

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Report how far an epoch that takes long is; at the end of a batch Keras would wait for its metrics."""
        now = time.perf_counter()
        if now < self._next_progress:
            return
        self._next_progress = now + _PROGRESS_EVERY_S
        epoch, fold = self._current
        fraction = (fold + batch / self.batches.num_batches) / len(self.validations)
        self._request.report(EpochProgress(self._request.trial, epoch + 1, min(1.0, fraction)))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validate; keep the best weights, save, report, and end the training if it is over."""
        epoch, fold = self._current
        metrics = self._measure(logs or {}, self.validations[fold])
        bad = next((name for name, value in metrics.items() if not math.isfinite(value)), None)
        if bad is not None:
            where = f" of fold {fold + 1}" if self.folds else ""
            self.failure = f"{bad} became {metrics[bad]} in epoch {epoch + 1}{where}."
            self.model.stop_training = True
            return
        if self.folds:
            self.folds[fold] = snapshot(self.model)
        one = FoldEpoch(metrics, time.perf_counter() - self._began)
        self._order.add(fold, one)
        complete = self._order.take_complete()
        if complete is not None:
            self._complete(complete)
        elif not self._request.options.race:
            return
        if self._checkpoint is not None:
            self._keep_best()
            if self.is_over or self._checkpoint_policy.is_due():
                self._save(self._checkpoint)
        if complete is None:
            self._report_fold(epoch, fold, one)
        else:
            self._report()
        if self._unsaved and self._checkpoint is not None and self.is_over:
            self._save(self._checkpoint)
        if self.is_over:
            self.model.stop_training = True

    def _complete(self, folds: list[FoldEpoch]) -> None:
        """Take in an epoch of all folds."""
        metrics = [each.metrics for each in folds]
        seconds = sum(each.seconds for each in folds)
        replicates = tuple(metrics) if self.folds else ()
        self._append(mean_of_folds(metrics, self._request.options.folds), seconds, replicates)

    def _keep_best(self) -> None:
        """Keep the weights of the best epoch; in a race those of the first fold, at its own best epoch.

        In a race the best epoch of the mean is known when the last fold is trained, and the weights of the others at
        that epoch are gone.
        """
        self._unsaved = True
        epoch, fold = self._current
        if self._request.options.race:
            if fold == 0 and self._order.is_best(0):
                self.unsaved_best = (epoch + 1, [self.model.get_weights()])
        elif self.tracker.best == len(self.progress) - 1:
            weights = [weights_of(self.model, arrays) for arrays in self.folds] or [self.model.get_weights()]
            self.unsaved_best = (len(self.progress), weights)

    def _save(self, checkpoint: Checkpoint) -> None:
        with self._checkpoint_policy.writing():
            folds = self.folds or [snapshot(self.model)]
            state = TrainingState(self.progress, folds, self.transferred, self._order.ahead)
            checkpoint.save(state, self.unsaved_best)
        self._unsaved, self.unsaved_best = False, None

    def _report(self) -> None:
        """Report the last epoch."""
        number, progress = len(self.progress), self.progress
        trial, replicates = self._request.trial, tuple(progress.replicates[-1])
        epoch = Epoch(trial, number, progress.metrics[-1], progress.seconds[-1], replicates)
        self.stopped = not self._request.report(epoch)

    def _report_fold(self, epoch: int, fold: int, trained: FoldEpoch) -> None:
        """Report an epoch of one fold in a race; other folds still lack it."""
        is_last = len(self.progress) + len(self._order.ahead[fold]) == epoch + 1
        ends_fold = self._is_last_stage and is_last and self._order.is_trained(fold, epoch + 1)
        report = Epoch(self._request.trial, epoch + 1, *trained, fold=fold, ends_fold=ends_fold)
        self.stopped = not self._request.report(report)

    def _measure(self, logs: dict[str, Any], validation: Validation) -> dict[str, float]:
        """Return the epoch's metrics, without validation where the training loss is not finite."""
        metrics = {"loss": float(logs["loss"])}
        for name in (TRAIN, f"{next(iter(self._weights))}_{TRAIN}"):  # Keras prefixes it if the outputs are named
            if name in logs:
                metrics[TRAIN] = float(logs[name])
        if not math.isfinite(metrics["loss"]):
            return metrics
        predicted = validation.predict(self.model)
        validated = validation_metrics(predicted, validation.labels, validation.outputs)
        total = weight_penalties(self.model)
        for head in predicted:  # the model of a user may predict the first heads only
            total += self._weights[head] * validated[f"val_{head}_loss" if len(predicted) > 1 else "val_loss"]
        counts = count_classes(self._request.options.constraints, predicted, validation.labels, validation.outputs)
        return {**metrics, "val_total_loss": total, **validated, **counts}


def _epochs_of_folds(progress: EpochHistory) -> list[list[FoldEpoch]]:
    """Return for each epoch the metrics of each fold, with an equal part of the epoch's seconds."""
    return [
        [FoldEpoch(metrics, seconds / len(folds)) for metrics in folds]
        for folds, seconds in zip(progress.replicates, progress.seconds, strict=True)
    ]


def _seed_states(model: keras.Model) -> list[Any]:
    """Return the state of each random generator in the model, i.e. of its dropout layers."""
    weights = {id(variable) for variable in model.weights}
    layers = model._flatten_layers(include_self=False)
    generators = [getattr(layer, "seed_generator", None) for layer in layers]
    return [each.state for each in generators if each is not None and id(each.state) not in weights]


def weight_penalties(model: keras.Model) -> float:
    """Return the sum of all weight penalties, e.g. L2."""
    return sum(
        float(keras.ops.convert_to_numpy(variable.regularizer(variable)))
        for variable in model.trainable_variables
        if variable.regularizer is not None
    )
