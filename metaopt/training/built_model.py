"""Checks of what a user's ``build_model`` returns, each with one sentence on what the function has to do."""

from typing import Any

import keras

from metaopt.errors import UserError
from metaopt.outputs import Output
from metaopt.problems.problem import Classes
from metaopt.values.safe_text import class_name


class WrongModel(UserError):
    """``build_model`` did not return a compiled classifier of the data."""


def check_kind(model: Any) -> None:
    """Check that ``build_model`` returned a model.

    Raises:
        WrongModel: It returned something else.
    """
    if isinstance(model, keras.Model):
        return
    if model is None:
        raise WrongModel("build_model returned None. It has to end with `return model`, a compiled keras.Model.")
    advice = " on its own" if isinstance(model, tuple | list) else ""
    raise WrongModel(f"build_model returned a {class_name(model)}. It has to return a compiled keras.Model{advice}.")


def check_compiled(model: keras.Model) -> None:
    """Check that a model can be trained.

    Raises:
        WrongModel: It is not compiled, or lacks a loss.
    """
    if not model.compiled or getattr(model, "optimizer", None) is None:
        raise WrongModel(
            "build_model returned a model that is not compiled. It has to call model.compile(optimizer, loss) before it"
            " returns the model."
        )
    has_own_loss = type(model).compute_loss is not keras.Model.compute_loss
    if not has_own_loss and not any(loss is not None for loss in keras.tree.flatten(model.loss)):
        raise WrongModel(
            "build_model compiled a model without a loss. It has to call model.compile(optimizer, loss), e.g. with"
            " the loss sparse_categorical_crossentropy."
        )


def check_shapes(model: keras.Model, input_shape: tuple[int, ...], classes: Classes) -> None:
    """Check that a model takes the images and returns one probability per class.

    Args:
        model: a built model.
        input_shape: shape of an image, ``(h, w, c)``.
        classes: head → number of classes.

    Raises:
        WrongModel: It takes another input, or its output does not fit the classes.
    """
    images = f"images of shape {tuple(input_shape)}"
    try:
        output = model.compute_output_spec(keras.KerasTensor((None, *input_shape)))
    except (ValueError, TypeError, NotImplementedError) as error:
        declared = getattr(model, "input_shape", None)
        takes = f"takes inputs of shape {declared}" if declared is not None else "cannot be called"
        raise WrongModel(
            f"build_model returned a model that {takes}; it has to take a batch of {images}: use the argument"
            " input_shape."
        ) from error
    heads = list(classes)
    if isinstance(output, dict):
        unknown = [name for name in output if name not in classes]
        if unknown or heads[0] not in output:
            raise WrongModel(
                f"build_model returned a model whose outputs are named {', '.join(map(str, output)) or '(none)'}. Its"
                f" outputs have to be named after the heads of the data: {', '.join(heads)}."
            )
        outputs = output
    else:
        values = list(output) if isinstance(output, list | tuple) else [output]
        if not 1 <= len(values) <= len(heads):
            raise WrongModel(
                f"build_model returned a model with {len(values)} outputs. It has to have one for each head of the"
                f" data: {', '.join(heads)}."
            )
        outputs = dict(zip(heads, values, strict=False))
    for head, value in outputs.items():
        shape = tuple(getattr(value, "shape", ()))
        if isinstance(classes[head], Output):
            _check_output(head, shape, classes[head])
        elif len(shape) != 2 or shape[1] not in (None, classes[head]):
            raise WrongModel(
                f"build_model returned a model whose output for the head {head} has the shape {shape}. It has to be"
                f" (batch, {classes[head]}), one probability for each class: use the argument classes."
            )


def _check_output(head: str, shape: tuple[Any, ...], output: Output) -> None:
    """Check the shape of a head without classes.

    Raises:
        WrongModel: It is not that of its output.
    """
    fits = len(shape) == 1 + len(output.shape) and all(
        size in (None, wanted) for size, wanted in zip(shape[1:], output.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, ("batch", *output.shape)))
        raise WrongModel(
            f"build_model returned a model whose output for the head {head} has the shape {shape}. It has to be"
            f" ({wanted}), as the head has the kind {output.kind}."
        )
