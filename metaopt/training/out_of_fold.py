"""Out-of-fold predictions: each image is predicted by a network that was not trained on it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import DataSet
from metaopt.data.images import subset
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.problems.problem import Problem
from metaopt.training.batches import Validation
from metaopt.training.retraining import retrain


def predict_out_of_fold(
    problem: Problem,
    point: Any,
    data: DataSet,
    *,
    folds: int,
    epochs: int,
    seed: int,
    recipe: dict[str, Any] | None = None,
    class_weights: str = NO_WEIGHTS,
    report: Callable[[int], None] = lambda _: None,
) -> npt.NDArray[np.float32]:
    """Train a point once for each fold; return the predictions of the first head, in the order of ``everything()``.

    Args:
        problem: problem that builds the network.
        point: hyperparameters.
        data: data set; its test split is not used.
        folds: number of folds, 2 or more.
        epochs: number of epochs of each training.
        seed: seed of initial weights, order and augmentation.
        recipe: see ``retrain``.
        class_weights: ``none`` or ``balanced``, see ``weigh_classes``.
        report: called with the number of the fold, from 1, when it begins.

    Raises:
        UserError: A class has fewer images than there are folds, or a training diverged.
    """
    head = next(iter(data.classes))
    found: npt.NDArray[np.float32] | None = None
    images = data.everything()
    for number, (kept, held) in enumerate(data.fold_rows(folds)):
        report(number + 1)
        train, held_out = subset(images, kept), subset(images, held)
        own = replace(data, train=train, validation=held_out, _everything=train, _folds={})
        trained = retrain(
            problem, point, own, epochs=epochs, seed=seed, trial=number, recipe=recipe, class_weights=class_weights
        )
        batch_size = trained.training.batch_size
        validation = Validation(held_out, trained.heads, batch_size, data.outputs, data.standardization)
        predicted = np.asarray(validation.predict(trained.network)[head], np.float32)
        if found is None:
            found = np.zeros((len(images), *predicted.shape[1:]), np.float32)
        found[held] = predicted
    assert found is not None
    return found
