"""All that changes in a compiled model while it trains, as arrays, so that it can be kept, exchanged and put back."""

from typing import Any

import keras
import numpy.typing as npt

Arrays = list[npt.NDArray[Any]]


def snapshot(model: keras.Model) -> Arrays:
    """Every variable of the network and its optimizer, seeds of dropout included; copies, in a fixed order."""
    return [variable.numpy() for variable in _variables(model)]


def fits(model: keras.Model, arrays: Arrays) -> bool:
    """Whether a snapshot is of a model like this one."""
    return [tuple(variable.shape) for variable in _variables(model)] == [array.shape for array in arrays]


def assign(model: keras.Model, arrays: Arrays) -> None:
    """Puts a snapshot back.

    Between epochs only: within one, Keras on JAX trains a copy of the variables.
    """
    for variable, array in zip(_variables(model), arrays, strict=True):
        if array.dtype.kind == "V":  # bfloat16, whose name NumPy's files do not keep
            array = array.view(variable.numpy().dtype)
        variable.assign(array)


def weights_of(model: keras.Model, arrays: Arrays) -> Arrays:
    """The part of a snapshot that ``model.get_weights`` would have given."""
    place = {id(variable): number for number, variable in enumerate(_variables(model))}
    return [arrays[place[id(variable)]] for variable in model.weights]


def build_optimizer(model: keras.Model) -> None:
    """Makes the optimizer's variables now; Keras would make them while it traces a step, and then trace again."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
