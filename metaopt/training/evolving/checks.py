"""Checks of a user's model and data before an evolution while training."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.training.evolving.activation_layers import output_names
from metaopt.training.evolving.examples import Examples
from metaopt.training.evolving.losses import CLASSES, LABELS, NUMBERS, SPARSE, loss_name
from metaopt.values.safe_text import class_name, describe_cause


def check_model(model: Any) -> None:
    """Check that a model can be copied and trained.

    Raises:
        UserError: It is no Keras model, is neither Sequential nor functional, or is not built or not compiled.
    """
    if not isinstance(model, keras.Model):
        raise UserError(f"Invalid model: {class_name(model)}. Expected a compiled keras.Model.", "model")
    is_functional = isinstance(model, keras.Sequential) or hasattr(model, "operations")
    if not is_functional:
        raise UserError(
            f"Invalid model: {class_name(model)} is a subclass of keras.Model, whose layers cannot be exchanged."
            " Expected a Sequential or functional model.",
            "model",
        )
    if not model.built or not model.weights:
        raise UserError(
            "The model is not built, so that its layers have no weights. Begin it with keras.Input(shape), or call"
            " model.build((None, …)).",
            "model",
        )
    if not model.compiled or getattr(model, "optimizer", None) is None:
        raise UserError("The model is not compiled. Call model.compile(optimizer, loss) first.", "model")
    if not any(loss is not None for loss in keras.tree.flatten(model.loss)):
        raise UserError("The model is compiled without a loss. Call model.compile(optimizer, loss).", "model")
    names = output_names(model)
    unknown = [name for name in model.loss if name not in names] if isinstance(model.loss, dict) else []
    if unknown:
        raise UserError(
            f"The model is compiled with a loss for {unknown[0]}, which is none of its outputs. Expected losses for"
            f" {', '.join(names)}.",
            "model",
        )


def check_examples(model: keras.Model, losses: Mapping[str, Any], tasks: Mapping[str, str], examples: Examples) -> None:
    """Check that inputs and targets fit a model.

    Args:
        model: the model.
        losses: output → loss.
        tasks: output → task.
        examples: its examples.

    Raises:
        UserError: The model does not take the inputs, or an output does not fit its targets.
    """
    inputs, targets, _ = examples.read([0])
    try:
        predicted = model.predict_on_batch(inputs)
    except Exception as error:  # of the user's layers, or of any backend
        shapes = ", ".join(str(np.shape(each)[1:]) for each in keras.tree.flatten(inputs))
        raise UserError(
            f"The model does not take the inputs of the data, of shape {shapes}: {describe_cause(error)}", "data"
        ) from error
    names, values = output_names(model), keras.tree.flatten(predicted)
    given = keras.tree.flatten(targets)
    if len(given) != len(values):
        raise UserError(
            f"The model has {plural(len(values), 'output')} ({', '.join(names)}), but the data have"
            f" {plural(len(given), 'target')}.",
            "data",
        )
    for name, value, target in zip(names, values, given, strict=True):
        if name in losses:
            _check_output(name, np.shape(value)[1:], np.shape(target)[1:], tasks.get(name, ""), losses[name])
    _check_classes(names, values, losses, examples)


def _check_output(name: str, output: tuple[int, ...], target: tuple[int, ...], task: str, loss: Any) -> None:
    if loss_name(loss) == SPARSE:
        fits = len(output) >= 1 and target in (output[:-1], (*output[:-1], 1))
        wanted = f"one class index for {output[-1]} probabilities"
    elif task in (CLASSES, LABELS, NUMBERS):
        fits = target == output or (*target, 1) == output or target == (*output, 1)
        wanted = f"targets of the shape {output}"
    else:
        return
    if not fits:
        raise UserError(
            f"The output {name} of the model, of shape {output}, with the loss {loss_name(loss)} fits no targets of"
            f" shape {target}. Expected {wanted}.",
            "data",
        )


def _check_classes(names: list[str], values: list[Any], losses: Mapping[str, Any], examples: Examples) -> None:
    """Check that class indices are below the number of probabilities."""
    targets = getattr(examples, "targets", None)
    if targets is None:  # those of a data set are known to fit
        return
    for name, value, target in zip(names, values, keras.tree.flatten(targets), strict=True):
        if name not in losses or loss_name(losses[name]) != SPARSE:
            continue
        least, most, classes = int(np.min(target)), int(np.max(target)), np.shape(value)[-1]
        if least < 0 or most >= classes:
            raise UserError(
                f"The output {name} of the model has {classes} classes, but the targets are class indices from {least}"
                f" to {most}. Expected 0 to {classes - 1}.",
                "data",
            )
