"""Compiling a model as ``Training`` says."""

import difflib
import inspect
from collections.abc import Sequence
from typing import Any

import keras

from metaopt.errors import UserError
from metaopt.problems.problem import Classes
from metaopt.problems.training_config import CONSTANT, Training
from metaopt.training.schedule import CosineCycles

TRAIN = "train"
"""The metric's name: cross-entropy of the first head on the training images, without weights, penalties and smoothing;
with mixup that of the mixed images to their mixed labels."""

# Weights that are shifts or scales, which decay would only distort (parts of Keras' names).
NOT_DECAYED = ("bias", "gamma", "beta")


def compile_model(
    model: keras.Model, training: Training, classes: Classes, *, steps: int | None = None, cycles: Sequence[int] = ()
) -> keras.Model:
    """Compiles a classifier with a cross-entropy for each head.

    With mixup or label smoothing the labels are to be given as probabilities, see ``soft_classes``.

    Args:
        model: its outputs are a dict by head, a list in the order of the heads, or one tensor.
        training: the optimizer and the loss weights; weights of heads that the model lacks are left aside.
        classes: head → number of classes, the first head first.
        steps: in an epoch; None where it is not known, and then the learning rate stays as it is, whatever the
            schedule.
        cycles: epochs after which a cycle of the schedule ends, ascending; to be given with ``steps``.

    Returns:
        The same model.

    Raises:
        UserError: there is no such optimizer, or it takes no such option.
    """
    heads = list(classes)
    weights = [float(training.loss_weights.get(head, 1.0)) for head in heads]
    metric: Any
    loss: Any
    if training.mixup or training.label_smoothing:
        metric = keras.metrics.CategoricalCrossentropy(name=TRAIN)
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing)
    else:
        metric = keras.metrics.SparseCategoricalCrossentropy(name=TRAIN)
        loss = "sparse_categorical_crossentropy"
    options: dict[str, Any]
    output = getattr(model, "output", None)  # a Sequential model has one output and no such attribute
    if isinstance(output, dict):
        options = {
            "loss": dict.fromkeys(heads, loss),
            "loss_weights": dict(zip(heads, weights, strict=True)),
            "metrics": {heads[0]: [metric]},
        }
    elif isinstance(output, list | tuple):
        options = {
            "loss": [loss] * len(heads),
            "loss_weights": weights,
            "metrics": [[metric]] + [[] for _ in heads[1:]],
        }
    else:
        options = {"loss": loss, "loss_weights": weights[:1], "metrics": [metric]}
    model.compile(optimizer=make_optimizer(training, steps, cycles), **options)
    return model


def soft_classes(model: keras.Model, classes: Classes) -> Classes | None:
    """The classes if a compiled model takes labels as probabilities, None if it takes their numbers.

    It is read off the losses, so that it also holds for a model that a user compiled.
    """
    losses = [keras.losses.get(loss) for loss in keras.tree.flatten(model.loss) if loss is not None]
    names = [getattr(loss, "name", getattr(loss, "__name__", "")) for loss in losses]
    return classes if any(name.startswith("categorical") for name in names) else None


def make_optimizer(
    training: Training, steps: int | None = None, cycles: Sequence[int] = ()
) -> keras.optimizers.Optimizer:
    """The Keras optimizer of that name, in any case, e.g. ``"adam"`` or ``"Adam"``.

    Args:
        training: names it.
        steps: in an epoch, see ``compile_model``.
        cycles: likewise.

    Raises:
        UserError: there is none, or it takes no such option.
    """
    known = _optimizers()
    kind = known.get(training.optimizer.lower())
    if kind is None:
        near = difflib.get_close_matches(training.optimizer.lower(), known, n=1)
        names = ", ".join(sorted(each.__name__ for each in known.values()))
        hint = f"did you mean {known[near[0]].__name__}?" if near else f"Keras has {names}."
        raise UserError(f"The optimizer {training.optimizer} is unknown: {hint}")
    rate: Any = training.learning_rate
    if training.schedule != CONSTANT and steps is not None:
        rate = CosineCycles(rate, steps, cycles)
    options = dict(training.options)
    if training.weight_decay is not None:
        options["weight_decay"] = training.weight_decay
    try:
        optimizer = kind(learning_rate=rate, **options)
    except (TypeError, ValueError) as error:
        message = str(error).splitlines()[0]
        raise UserError(f"The optimizer {kind.__name__} refuses {options}: {message}") from error
    if training.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def _optimizers() -> dict[str, type]:
    """Name in lower case → class, of all that train by gradients."""
    base, wrapper = keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer
    kinds = [kind for _, kind in inspect.getmembers(keras.optimizers, inspect.isclass)]
    return {kind.__name__.lower(): kind for kind in kinds if issubclass(kind, base) and kind not in (base, wrapper)}
