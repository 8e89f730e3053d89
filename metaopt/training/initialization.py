"""Where a training begins: where its checkpoint left it, with the weights of an ancestor, or from scratch."""

from collections.abc import Callable
from typing import Any

import keras

from metaopt.engine.jobs import Ancestor, Remark
from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState, UnusableCheckpoint, best_weights
from metaopt.training.epoch_loop import Standing
from metaopt.training.run import Run
from metaopt.training.variables import Arrays, assign, fits, snapshot
from metaopt.training.weight_transfer import transfer_weights


def find_standing(
    model: keras.Model,
    build: Callable[[int], keras.Model],
    build_parent: Callable[[], keras.Model],
    checkpoint: Checkpoint | None,
    run: Run,
) -> Standing:
    """Brings a model to where its training stands; says in a remark what was lost.

    Args:
        model: as it is before the first epoch of the first fold.
        build: makes the same for another fold.
        build_parent: makes the network of ``run.ancestor``.
        checkpoint: of the trial, or None.
        run: seed, trial, folds and the like.
    """
    state = _restored(model, checkpoint, run)
    if state is not None:
        folds = state.folds if run.folds > 1 else []
        if not folds:
            assign(model, state.folds[0])
        return Standing(state.progress, folds, state.inherited, known=run.start)
    heir = None if run.ancestor is None else _Heir(run.ancestor, build_parent, run)
    arrays: list[Arrays] = []
    for fold in range(run.folds):
        each = model if fold == 0 else build(fold)
        if heir is not None:
            heir.inherit(each, fold)
        if run.folds > 1:
            arrays.append(snapshot(each))
    return Standing(EpochHistory(), arrays, None if heir is None else heir.taken)


def _restored(model: keras.Model, checkpoint: Checkpoint | None, run: Run) -> TrainingState | None:
    """What the checkpoint holds, or None."""
    state, damaged = (None, False) if checkpoint is None else checkpoint.restore()
    if checkpoint is not None and state is not None and not _fits(model, state, run):
        checkpoint.discard()
        what = "other folds" if len(state.folds) != run.folds else "another network"
        _remark(run, f"The checkpoint of trial {run.trial} is of {what}: it is trained again from the start.")
        return None
    if damaged and state is not None:
        epochs = len(state.progress)
        _remark(run, f"The newest checkpoint of trial {run.trial} is damaged: it goes on after epoch {epochs} instead.")
    elif damaged:
        _remark(run, f"The checkpoints of trial {run.trial} are damaged: it is trained again from the start.")
    elif state is None and run.start > 0:
        _remark(run, f"The checkpoint of trial {run.trial} is gone: it is trained again from the start.")
    return state


def _fits(model: keras.Model, state: TrainingState, run: Run) -> bool:
    return len(state.folds) == run.folds and all(fits(model, arrays) for arrays in state.folds)


def _remark(run: Run, text: str) -> None:
    run.report(Remark(run.trial, text))


class _Heir:
    """Gives a new trial the weights of its ancestor, fold by fold.

    Attributes:
        taken: which ancestor, and how many layers were taken of how many, or None.
    """

    def __init__(self, ancestor: Ancestor, build_parent: Callable[[], keras.Model], run: Run) -> None:
        self.taken: dict[str, Any] | None = None
        self._ancestor = ancestor
        self._weights: list[Arrays] = []
        try:
            _, weights = best_weights(ancestor.checkpoint)
            self._parent = build_parent()
            if len(weights) != run.folds:
                raise UnusableCheckpoint("of other folds")
            if [array.shape for array in weights[0]] != [tuple(each.shape) for each in self._parent.weights]:
                raise UnusableCheckpoint("of another network")
            self._weights = weights
        except UnusableCheckpoint as error:
            _remark(
                run,
                f"Trial {run.trial} trains from scratch: the weights of its parent, trial {ancestor.trial}, are"
                f" {error.reason}.",
            )

    def inherit(self, child: keras.Model, fold: int) -> None:
        """Takes what the parent has for this fold."""
        if not self._weights:
            return
        self._parent.set_weights(self._weights[fold])
        summary = transfer_weights(child, self._parent)
        self.taken = {"trial": self._ancestor.trial, "layers": summary.n_transferred, "of": summary.n_layers}
