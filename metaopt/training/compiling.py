"""Compilation of a model: losses, metrics and optimizer according to ``Training``."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras

from metaopt.errors import UserError, nearest
from metaopt.outputs import ClassOutput, as_outputs
from metaopt.problems.problem import Classes
from metaopt.problems.training_config import CONSTANT, COOLDOWN, Training
from metaopt.training.losses import TRAIN, make_loss, make_metric
from metaopt.training.schedule import AnnealedCycles, CosineRestarts, CyclesInSeconds
from metaopt.values.safe_text import first_line

Cycles = Sequence[int] | CyclesInSeconds
"""Cycles of a learning-rate schedule: epochs after which they end, ascending, or lengths in training seconds."""

__all__ = ["TRAIN", "Cycles", "compile_model", "make_optimizer", "soft_classes"]

# Substrings of the names of shift and scale weights, which weight decay would only distort.
NOT_DECAYED = ("bias", "gamma", "beta")


def compile_model(
    model: keras.Model, training: Training, classes: Classes, *, steps: int | None = None, cycles: Cycles = ()
) -> keras.Model:
    """Compile a network with the loss of each head's output: cross-entropy for classes.

    With mixup or label smoothing the model expects labels as probabilities, see ``soft_classes``.

    Args:
        model: model whose output is a dict by head, a list in the order of the heads, or one tensor.
        training: optimizer settings and loss weights; loss weights of heads that the model lacks are ignored.
        classes: head → number of classes or output, the first head first.
        steps: steps per epoch; None if unknown, which makes the learning rate constant.
        cycles: cycles of the learning-rate schedule; required with ``steps``.

    Returns:
        The same model.

    Raises:
        UserError: the optimizer is unknown, or does not accept an option.
    """
    heads = list(classes)
    weights = [float(training.loss_weights.get(head, 1.0)) for head in heads]
    outputs = as_outputs(classes)
    losses = {head: make_loss(each, training) for head, each in outputs.items()}
    metric = make_metric(outputs[heads[0]], training)
    options: dict[str, Any]
    output = getattr(model, "output", None)  # a Sequential model may lack the attribute; it has one output
    if isinstance(output, dict):
        options = {
            "loss": losses,
            "loss_weights": dict(zip(heads, weights, strict=True)),
            "metrics": {heads[0]: [metric]},
        }
    elif isinstance(output, list | tuple):
        options = {
            "loss": [losses[head] for head in heads],
            "loss_weights": weights,
            "metrics": [[metric]] + [[] for _ in heads[1:]],
        }
    else:
        options = {"loss": losses[heads[0]], "loss_weights": weights[:1], "metrics": [metric]}
    model.compile(optimizer=make_optimizer(training, steps, cycles), **options)
    return model


def soft_classes(model: keras.Model, classes: Classes) -> Classes | None:
    """Return the classes if targets can be mixed, None if a compiled model expects class indices.

    The losses decide, so that it also works for a model that the user compiled. Targets of other kinds are mixed as
    they are.
    """
    if not any(isinstance(output, ClassOutput) for output in as_outputs(classes).values()):
        return classes
    losses = [keras.losses.get(loss) for loss in keras.tree.flatten(model.loss) if loss is not None]
    names = [getattr(loss, "name", getattr(loss, "__name__", "")) for loss in losses]
    return classes if any(name.startswith("categorical") for name in names) else None


def make_optimizer(training: Training, steps: int | None = None, cycles: Cycles = ()) -> keras.optimizers.Optimizer:
    """Return the Keras optimizer named in ``training``; case does not matter, e.g. ``"adam"`` or ``"Adam"``.

    Args:
        training: name and options of the optimizer.
        steps: steps per epoch, see ``compile_model``.
        cycles: see ``compile_model``.

    Raises:
        UserError: the optimizer is unknown, or does not accept an option.
    """
    known = _optimizers()
    kind = known.get(training.optimizer.lower())
    if kind is None:
        near = nearest(training.optimizer.lower(), known)
        names = ", ".join(sorted(each.__name__ for each in known.values()))
        hint = f"Expected one of {names}." if near is None else f"Did you mean {known[near].__name__}?"
        raise UserError(f"Invalid value for optimizer: {training.optimizer}. {hint}")
    rate: Any = training.learning_rate
    if training.schedule != CONSTANT and steps is not None:
        if isinstance(cycles, CyclesInSeconds):
            rate = CosineRestarts(rate, cycles)
        else:
            warmup_steps = round(training.warmup * steps)
            rate = AnnealedCycles(
                rate, steps, cycles, only_cooldown=training.schedule == COOLDOWN, warmup_steps=warmup_steps
            )
    options = dict(training.options)
    if training.weight_decay is not None:
        options["weight_decay"] = training.weight_decay
    try:
        optimizer = kind(learning_rate=rate, **options)
    except (TypeError, ValueError) as error:
        message = first_line(error)
        raise UserError(f"Invalid options for optimizer {kind.__name__}: {options}. Keras says: {message}") from error
    if isinstance(rate, CosineRestarts):
        rate.bind(optimizer)
    if training.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def _optimizers() -> dict[str, type]:
    """Return lower-case name → class of all gradient-based optimizers of Keras."""
    base, wrapper = keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer
    kinds = [kind for _, kind in inspect.getmembers(keras.optimizers, inspect.isclass)]
    return {kind.__name__.lower(): kind for kind in kinds if issubclass(kind, base) and kind not in (base, wrapper)}
