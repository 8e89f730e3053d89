"""Snapshots of all variables of a compiled model and its optimizer, as arrays."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import ml_dtypes
import numpy as np
import numpy.typing as npt

_FLOATS = "fV"  # NumPy sees the types of ml_dtypes, such as bfloat16, as void

Arrays = list[npt.NDArray[Any]]


def snapshot(model: keras.Model) -> Arrays:
    """Return copies of all variables of the network and its optimizer, dropout seeds included, in a fixed order."""
    return [variable.numpy() for variable in _variables(model)]


def fits(model: keras.Model, arrays: Arrays) -> bool:
    """Return whether a snapshot has the shapes of this model's variables."""
    return [tuple(variable.shape) for variable in _variables(model)] == [array.shape for array in arrays]


def assign(model: keras.Model, arrays: Arrays) -> None:
    """Restore a snapshot; call it between epochs only: within one, Keras on JAX trains a copy of the variables."""
    assign_each(_variables(model), arrays)


def with_mean_weights(model: keras.Model, arrays: Arrays, others: Arrays) -> Arrays:
    """Return a snapshot of this model whose weights are the mean of two snapshots of equal networks.

    Optimizer, counters and states of random generators stay those of the first. So does a weight of another shape in
    the second, whose optimizer may be any.
    """
    weights = {id(variable) for variable in model.weights}
    means = list(arrays)
    for number, (variable, own, other) in enumerate(zip(model.variables, arrays, others, strict=False)):
        if id(variable) in weights and own.dtype.kind in _FLOATS and own.shape == other.shape:
            mean = (own.astype(np.float64) + other.astype(np.float64)) / 2
            means[number] = mean.astype(own.dtype)
    return means


def weights_of(model: keras.Model, arrays: Arrays) -> Arrays:
    """Return the part of a snapshot that corresponds to ``model.get_weights``."""
    position = {id(variable): number for number, variable in enumerate(_variables(model))}
    return [arrays[position[id(variable)]] for variable in model.weights]


def set_last_weights(model: keras.Model, weights: Arrays) -> None:
    """Set the last weights of a network: all, or those after a frozen part, whose weights are its own.

    Raises:
        ValueError: their shapes are others.
    """
    own = model.weights[len(model.weights) - len(weights) :]
    if [tuple(each.shape) for each in own] != [each.shape for each in weights]:
        raise ValueError("The weights are those of another network.")
    assign_each(own, weights)


def assign_each(variables: Sequence[Any], arrays: Arrays) -> None:
    """Assign an array to each variable."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(with_type(array, variable.dtype))


def with_type(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Return an array of a file with its type, where that is one that NumPy's format does not store, as bfloat16.

    Args:
        array: the array; NumPy sees such types as void.
        name: name of the type that it had.
    """
    return array.view(getattr(ml_dtypes, name)) if array.dtype.kind == "V" else array


def count_bytes(model: keras.Model) -> tuple[int, int]:
    """Return the bytes of a snapshot, and those of the weights in it."""
    return sum(map(_count_bytes, _variables(model))), sum(map(_count_bytes, model.weights))


def build_optimizer(model: keras.Model) -> None:
    """Create the variables of the optimizer now; Keras would create them while tracing a step, and trace it twice."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _count_bytes(variable: Any) -> int:
    name = variable.dtype  # NumPy does not know bfloat16 by its name
    return math.prod(variable.shape) * np.dtype(getattr(ml_dtypes, name, name)).itemsize
