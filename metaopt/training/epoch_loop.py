"""What happens around each epoch of a training: its order and its seeds, its measures, its checkpoint, its report.

With cross-validation all folds advance together: the one compiled model trains an epoch of each fold in turn, and the
variables of the others wait as arrays. Keras counts such passes, so that its epoch e·k + f is epoch e of fold f of k.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import keras

from metaopt.engine.jobs import Epoch
from metaopt.randomness import integer, of_fold
from metaopt.training.batches import TrainingBatches, Validation
from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState
from metaopt.training.checkpoint_policy import CheckpointPolicy
from metaopt.training.compiling import TRAIN
from metaopt.training.metrics import validation_metrics
from metaopt.training.run import Run
from metaopt.training.variables import Arrays, assign, snapshot, weights_of
from metaopt.trials.objective import find_objective


class FoldedBatches(keras.utils.PyDataset):
    """The training batches of several folds, one of which is trained on at a time.

    Args:
        folds: all with equally many batches.
    """

    def __init__(self, folds: list[TrainingBatches]) -> None:
        super().__init__()
        self._folds = folds
        self._current = folds[0]

    def begin(self, epoch: int, fold: int) -> None:
        """From now on the batches are those of that epoch of that fold, each from 0."""
        self._folds[fold].set_epoch(epoch)
        self._current = self._folds[fold]

    @property
    def num_batches(self) -> int:
        """Steps in an epoch."""
        return self._folds[0].num_batches

    def __getitem__(self, index: int) -> Any:
        return self._current[index]


@dataclass
class Standing:
    """Where a training stands before its next epoch.

    Attributes:
        progress: how it went so far.
        folds: with several folds, the variables of each; empty for one, whose variables are in the model.
        inherited: what was taken from an ancestor, or None.
        known: epochs of it that need not be reported, being reported before.
    """

    progress: EpochHistory
    folds: list[Arrays]
    inherited: dict[str, Any] | None = None
    known: int = 0


class EpochLoop(keras.callbacks.Callback):
    """What happens around each epoch.

    Args:
        batches: to train on.
        validations: of each fold.
        weights: head → weight of its loss.
        run: seed, trial, report and the like.
        to: epochs after this training.
        standing: where it begins.
        checkpoint: where its states are kept, or None.

    Attributes:
        progress: how it went, epochs of earlier jobs included.
        failure: why the training failed, one sentence, or None.
        stopped: the report's answer ended the training.
        inherited: what was taken from an ancestor, or None.
    """

    def __init__(
        self,
        batches: FoldedBatches,
        validations: list[Validation],
        weights: dict[str, float],
        run: Run,
        to: int,
        standing: Standing,
        checkpoint: Checkpoint | None,
    ) -> None:
        super().__init__()
        self._batches = batches
        self._validations = validations
        self._weights = weights
        self._run = run
        self._to = to
        self._folds = standing.folds
        self._checkpoint = checkpoint
        self._objective = find_objective(run.objective)
        self._checkpoint_policy = CheckpointPolicy()
        self._began = 0.0
        self._measured: list[dict[str, float]] = []  # of the folds, in the epoch that is being trained
        self._new_best: tuple[int, list[Arrays]] | None = None
        self._unsaved = False
        self._held = standing.progress
        self.progress = standing.progress.first(standing.known)
        self.inherited = standing.inherited
        self.failure: str | None = None
        self.stopped = False

    @property
    def losses(self) -> list[float]:
        """The objective's loss of each epoch so far."""
        return self._objective.losses(self.progress.metrics, self.progress.seconds)

    @property
    def best(self) -> int:
        """The best epoch, from 0."""
        return self._objective.best_epoch(self.progress.metrics, self.losses, self._run.measured)

    def replicates(self, epoch: int) -> list[float]:
        """The objective of each fold at an epoch, from 0; empty without folds."""
        spent = sum(self.progress.seconds[: epoch + 1])
        objective = self._objective
        return [objective.value(objective.loss(each, spent)) for each in self.progress.replicates[epoch]]

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left to train."""
        return self.stopped or self.failure is not None or len(self.progress) >= self._to or self._patience_is_over()

    def report_what_is_known(self) -> None:
        """Reports the epochs that the checkpoint holds and nobody was told of."""
        while len(self.progress) < len(self._held) and not self.is_over:
            epoch = len(self.progress)
            self.progress.append(self._held.metrics[epoch], self._held.seconds[epoch], self._held.replicates[epoch])
            self._report()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Makes variables, order, augmentation and dropout those of this epoch of this fold."""
        epoch, fold = divmod(epoch, len(self._validations))
        if fold == 0:
            self._began = time.perf_counter()
            self._measured = []
        if self._folds:
            assign(self.model, self._folds[fold])
        self._batches.begin(epoch, fold)
        seed, trial = self._run.seed, self._run.trial
        for number, state in enumerate(_seed_states(self.model)):
            state.assign([integer(seed, trial, of_fold(f"dropout {number}", fold), epoch), 0])
        if keras.backend.backend() == "torch":  # where an unseeded dropout draws from the global generator
            keras.utils.set_random_seed(integer(seed, trial, of_fold("dropout", fold), epoch))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validates; after the last fold keeps the best weights, saves, reports, and ends the training in time."""
        epoch, fold = divmod(epoch, len(self._validations))
        metrics = self._measure(logs or {}, self._validations[fold])
        bad = next((name for name, value in metrics.items() if not math.isfinite(value)), None)
        if bad is not None:
            where = f" of fold {fold + 1}" if self._folds else ""
            self.failure = f"{bad} became {metrics[bad]} in epoch {epoch + 1}{where}."
            self.model.stop_training = True
            return
        self._measured.append(metrics)
        if self._folds:
            self._folds[fold] = snapshot(self.model)
        if len(self._measured) == len(self._validations):
            self._complete()

    def _complete(self) -> None:
        """Ends an epoch of all folds."""
        replicates = tuple(self._measured) if self._folds else ()
        self.progress.append(_mean(self._measured), time.perf_counter() - self._began, replicates)
        if self._checkpoint is not None:
            self._keep_best()
            if self.is_over or self._checkpoint_policy.is_due():
                self._save(self._checkpoint)
        self._report()
        if self._unsaved and self._checkpoint is not None and self.is_over:
            self._save(self._checkpoint)
        if self.is_over:
            self.model.stop_training = True

    def _keep_best(self) -> None:
        self._unsaved = True
        if self.best == len(self.progress) - 1:
            weights = [weights_of(self.model, arrays) for arrays in self._folds] or [self.model.get_weights()]
            self._new_best = (len(self.progress), weights)

    def _save(self, checkpoint: Checkpoint) -> None:
        with self._checkpoint_policy.writing():
            folds = self._folds or [snapshot(self.model)]
            checkpoint.save(TrainingState(self.progress, folds, self.inherited), self._new_best)
        self._unsaved, self._new_best = False, None

    def _report(self) -> None:
        """Reports the last epoch."""
        number, progress = len(self.progress), self.progress
        epoch = Epoch(
            self._run.trial, number, progress.metrics[-1], progress.seconds[-1], tuple(progress.replicates[-1])
        )
        self.stopped = not self._run.report(epoch)

    def _measure(self, logs: dict[str, Any], validation: Validation) -> dict[str, float]:
        """The epoch's metrics; the validation is left out where the training loss is no number any more."""
        metrics = {"loss": float(logs["loss"])}
        for name in (TRAIN, f"{next(iter(self._weights))}_{TRAIN}"):  # Keras prefixes it if the outputs are named
            if name in logs:
                metrics[TRAIN] = float(logs[name])
        if not math.isfinite(metrics["loss"]):
            return metrics
        predicted = validation.predict(self.model)
        validated = validation_metrics(predicted, validation.labels)
        total = _penalties(self.model)
        for head in predicted:  # a user's own model may answer the first heads only
            total += self._weights[head] * validated[f"val_{head}_loss" if len(predicted) > 1 else "val_loss"]
        return {**metrics, "val_total_loss": total, **validated}

    def _patience_is_over(self) -> bool:
        patience = self._run.early_stopping
        if patience is None or self._objective.last_epoch_only or not self.progress.metrics:
            return False
        return len(self.progress) - 1 - self.best >= patience


def _mean(folds: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each metric."""
    if len(folds) == 1:
        return folds[0]
    return {name: math.fsum(each[name] for each in folds) / len(folds) for name in folds[0]}


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
