"""Compiling a model as ``Training`` says."""

import difflib
import inspect
from typing import Any

import keras

from metaopt.errors import UserError
from metaopt.study.problem import Classes, Training

LOSS = "sparse_categorical_crossentropy"

TRAIN = "train"
"""The metric's name: cross-entropy of the first head on the training images, without weights and penalties."""


def compile_model(model: keras.Model, training: Training, classes: Classes) -> keras.Model:
    """Compiles a classifier with a cross-entropy for each head.

    Args:
        model: its outputs are a dict by head, a list in the order of the heads, or one tensor.
        training: the optimizer and the loss weights; weights of heads that the model lacks are left aside.
        classes: head → number of classes, the first head first.

    Returns:
        The same model.

    Raises:
        UserError: there is no such optimizer, or it takes no such option.
    """
    heads = list(classes)
    weights = [float(training.loss_weights.get(head, 1.0)) for head in heads]
    metric = keras.metrics.SparseCategoricalCrossentropy(name=TRAIN)
    options: dict[str, Any]
    output = getattr(model, "output", None)  # a Sequential model has one output and no such attribute
    if isinstance(output, dict):
        options = {
            "loss": dict.fromkeys(heads, LOSS),
            "loss_weights": dict(zip(heads, weights, strict=True)),
            "metrics": {heads[0]: [metric]},
        }
    elif isinstance(output, list | tuple):
        options = {
            "loss": [LOSS] * len(heads),
            "loss_weights": weights,
            "metrics": [[metric]] + [[] for _ in heads[1:]],
        }
    else:
        options = {"loss": LOSS, "loss_weights": weights[:1], "metrics": [metric]}
    model.compile(optimizer=make_optimizer(training), **options)
    return model


def make_optimizer(training: Training) -> keras.optimizers.Optimizer:
    """The Keras optimizer of that name, in any case, e.g. ``"adam"`` or ``"Adam"``.

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
    try:
        return kind(learning_rate=training.learning_rate, **training.options)
    except (TypeError, ValueError) as error:
        message = str(error).splitlines()[0]
        raise UserError(f"The optimizer {kind.__name__} refuses {dict(training.options)}: {message}") from error


def _optimizers() -> dict[str, type]:
    """Name in lower case → class, of all that train by gradients."""
    base, wrapper = keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer
    kinds = [kind for _, kind in inspect.getmembers(keras.optimizers, inspect.isclass)]
    return {kind.__name__.lower(): kind for kind in kinds if issubclass(kind, base) and kind not in (base, wrapper)}
