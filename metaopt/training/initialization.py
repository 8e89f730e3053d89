"""Initialization of a training: from its checkpoint, from another trial's weights or state, or from scratch."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from metaopt.engine.jobs import ForkOf, Remark, TrainingRequest, WeightsOf
from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState, UnusableCheckpoint, best_weights
from metaopt.training.epoch_loop import Start
from metaopt.training.schedule import find_schedule
from metaopt.training.state_identity import current_identity, trial_identity
from metaopt.training.variables import Arrays, assign, fits, snapshot, with_mean_weights
from metaopt.training.weight_transfer import transfer_weights


def initialize(
    model: keras.Model,
    build: Callable[[int], keras.Model],
    build_parent: Callable[[], keras.Model],
    checkpoint: Checkpoint | None,
    request: TrainingRequest,
    *,
    is_new: bool = True,
    same_optimizer: bool = True,
) -> Start:
    """Set the variables of a model to the start of its training; a remark reports what was lost.

    Args:
        model: compiled model, for the first fold.
        build: builds the model of another fold.
        build_parent: builds the network of the trial whose weights are transferred.
        checkpoint: checkpoints of the trial, or None.
        request: the job and its report function.
        is_new: whether the model is as it was built; if not, all its variables are set here.
        same_optimizer: whether the optimizer of a fork is that of its source, whose state then continues.

    Raises:
        RuntimeError: The state of a forked trial is gone, or does not fit the model or its optimizer.
    """
    state = restore_own(model, checkpoint, request)
    if state is not None:
        folds = state.folds if request.options.n_trainings > 1 else []
        if not folds:
            assign(model, state.folds[0])
        return Start(state.progress, folds, state.inherited, n_reported=request.job.start, ahead=state.ahead)
    if not is_new:
        assign(model, snapshot(build(0)))
    if isinstance(request.job.origin, ForkOf):
        return _fork(model, request.job.origin, request, same_optimizer=same_optimizer)
    return _new(model, build, build_parent, request)


def _new(
    model: keras.Model,
    build: Callable[[int], keras.Model],
    build_parent: Callable[[], keras.Model],
    request: TrainingRequest,
) -> Start:
    """Return the start of a training from scratch, or from the weights of another trial."""
    origin = request.job.origin
    parent = _Parent(origin, build_parent, request) if isinstance(origin, WeightsOf) else None
    arrays: list[Arrays] = []
    for fold in range(request.options.n_trainings):
        each = model if fold == 0 else build(fold)
        if parent is not None:
            parent.transfer(each, fold)
        if request.options.n_trainings > 1:
            arrays.append(snapshot(each))
    return Start(EpochHistory(), arrays, None if parent is None else parent.transferred)


def _fork(model: keras.Model, origin: ForkOf, request: TrainingRequest, *, same_optimizer: bool) -> Start:
    """Return the start from the state of another trial: its weights, optimizer state and epoch.

    The learning rate is the new trial's own, and so is the state of another optimizer. With a mate, the weights are the
    mean of both.
    """
    sources = [origin] if origin.mate is None else [origin, origin.mate]
    found = [read_source(source) for source in sources]
    if not same_optimizer:
        found = [(_with_optimizer_of(model, state), best) for state, best in found]
    for source, (state, _) in zip(sources, found, strict=True):
        if not _fits(model, state, request):
            raise RuntimeError(
                f"The state of trial {source.trial} does not fit the network or the optimizer of trial"
                f" {request.trial}; it cannot be forked."
            )
    state, best = found[0]
    mates = [mate.folds for mate, _ in found[1:]]
    rate = _learning_rate(model)
    folds: list[Arrays] = []
    for number, arrays in enumerate(state.folds):
        assign(model, arrays)
        for mate in mates:
            assign(model, with_mean_weights(model, arrays, mate[number]))
        if rate is not None:
            model.optimizer.learning_rate = rate
        folds.append(snapshot(model))
    several = folds if request.options.n_trainings > 1 else []
    transferred = {"trial": origin.trial, "epochs": origin.epochs}
    if origin.mate is not None:
        transferred["mate"] = origin.mate.trial
    return Start(state.progress, several, transferred, n_reported=origin.epochs, best=best)


def _with_optimizer_of(model: keras.Model, state: TrainingState) -> TrainingState:
    """Return a state with the optimizer state of a new model, of which the step counter may be that of the state.

    A schedule computes the learning rate from the steps of the whole training. Without one the counter starts again,
    as the moments of Adam and others do that are corrected by it.
    """
    n_network = len(model.variables)
    own = snapshot(model)[n_network:]
    n_kept = n_network if _learning_rate(model) is not None else n_network + 1
    return replace(state, folds=[[*arrays[:n_kept], *own[n_kept - n_network :]] for arrays in state.folds])


def read_source(origin: ForkOf) -> tuple[TrainingState, tuple[int, list[Arrays]]]:
    """Return the state of a forked trial, and its best epoch (from 1) with the weights of each fold there.

    Raises:
        RuntimeError: The state is gone, or of another trial.
    """
    if origin.checkpoint is not None:
        checkpoint = Checkpoint(Path(origin.checkpoint))
        checkpoint.identity = current_identity(origin.identity)
        state, _ = checkpoint.restore(origin.epochs)
        if state is not None:
            with contextlib.suppress(UnusableCheckpoint):
                return state, checkpoint.best_weights()
        if checkpoint.foreign is not None:
            raise RuntimeError(f"The state of trial {origin.trial} is of {checkpoint.foreign}; it cannot be forked.")
    raise RuntimeError(f"The state of trial {origin.trial} after epoch {origin.epochs} is gone; it cannot be forked.")


def _learning_rate(model: keras.Model) -> float | None:
    """Return the learning rate of the optimizer, None where a schedule computes it from the step."""
    if find_schedule(model.optimizer) is not None:
        return None
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def restore_own(model: keras.Model, checkpoint: Checkpoint | None, request: TrainingRequest) -> TrainingState | None:
    """Return the state in the trial's own checkpoint, or None; a remark reports what was lost."""
    if checkpoint is not None:
        checkpoint.identity = current_identity(request.job.identity)
        checkpoint.kept_epochs = frozenset(request.job.kept_epochs)
    state, damaged = (None, False) if checkpoint is None else checkpoint.restore()
    trial = request.trial
    if checkpoint is not None and checkpoint.foreign is not None:
        resumed = "from the start" if state is None else f"from epoch {len(state.progress) + 1}"
        _remark(request, f"The checkpoint of trial {trial} is of {checkpoint.foreign}: it is trained again {resumed}.")
        return state
    if checkpoint is not None and state is not None and not _fits(model, state, request):
        checkpoint.discard()
        other = "other folds" if len(state.folds) != request.options.n_trainings else "another network"
        _remark(request, f"The checkpoint of trial {trial} belongs to {other}: it is trained again from the start.")
        return None
    if damaged and state is not None:
        epochs = len(state.progress)
        _remark(request, f"The newest checkpoint of trial {trial} is damaged: it resumes after epoch {epochs} instead.")
    elif damaged:
        _remark(request, f"The checkpoints of trial {trial} are damaged: it is trained again from the start.")
    elif state is None and request.job.start > 0 and not isinstance(request.job.init, ForkOf):
        _remark(request, f"The checkpoint of trial {trial} is gone: it is trained again from the start.")
    return state


def _fits(model: keras.Model, state: TrainingState, request: TrainingRequest) -> bool:
    return len(state.folds) == request.options.n_trainings and all(fits(model, arrays) for arrays in state.folds)


def _remark(request: TrainingRequest, text: str) -> None:
    request.report(Remark(request.trial, text))


class _Parent:
    """The trial whose weights a new one starts from, fold by fold.

    Attributes:
        transferred: JSON description of the transfer: number of the parent, number of layers with transferred weights,
            and number of layers with weights; None if there was no transfer.
    """

    def __init__(self, origin: WeightsOf, build: Callable[[], keras.Model], request: TrainingRequest) -> None:
        self.transferred: dict[str, Any] | None = None
        self._trial = origin.trial
        self._weights: list[Arrays] = []
        try:
            _, weights = best_weights(origin.checkpoint, trial_identity(origin.identity))
            self._network = build()
            if len(weights) != request.options.n_trainings:
                raise UnusableCheckpoint("of other folds")
            if [array.shape for array in weights[0]] != [tuple(each.shape) for each in self._network.weights]:
                raise UnusableCheckpoint("of another network")
            self._weights = weights
        except UnusableCheckpoint as error:
            _remark(
                request,
                f"Trial {request.trial} trains from scratch: the weights of its parent, trial {origin.trial}, are"
                f" {error.reason}.",
            )

    def transfer(self, child: keras.Model, fold: int) -> None:
        """Transfer the parent's weights for this fold."""
        if not self._weights:
            return
        self._network.set_weights(self._weights[fold])
        summary = transfer_weights(child, self._network)
        self.transferred = {"trial": self._trial, "layers": summary.n_transferred, "of": summary.n_layers}
