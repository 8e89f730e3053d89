"""The Keras model of a point, for weights that are known already."""

from typing import Any

import keras

from metaopt.training.batches import by_head
from metaopt.training.data import DataSet


def build_network(problem: Any, point: Any, data: DataSet) -> keras.Model:
    """The network of a point, not to be trained.

    Args:
        problem: with ``network`` or ``build_model``.
        point: the hyperparameters.
        data: what it takes and tells apart.
    """
    if getattr(problem, "network", None) is not None:
        return problem.network(point, data.input_shape, data.classes).to_keras()
    model = problem.build_model(point, data.input_shape, data.classes)
    if not model.built:
        model.build((None, *data.input_shape))
    return model


def heads_of(network: keras.Model, data: DataSet) -> list[str]:
    """The heads that a network has, the first head first; on the slow path perhaps not all of the data's."""
    output = network.compute_output_spec(keras.KerasTensor((None, *data.input_shape)))
    return list(by_head(output, list(data.classes)))
