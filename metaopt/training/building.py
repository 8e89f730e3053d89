"""The Keras model of a point, for weights that are known already."""

from typing import Any

import keras

from metaopt.blueprint import Layer
from metaopt.data import DataSet
from metaopt.training.batches import by_head


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


def for_inference(problem: Any, point: Any, data: DataSet, network: keras.Model) -> keras.Model:
    """A trained network made of Keras' own layers, so that its file can be read anywhere; itself if it has no others.

    Args:
        problem: see ``build_network``.
        point: that the network was built from.
        data: likewise.
        network: whose weights are taken; on the slow path it is a user's own model, and stays as it is.
    """
    if getattr(problem, "network", None) is None:
        return network
    blueprint = problem.network(point, data.input_shape, data.classes)
    if all(type(node.layer).build_inference is Layer.build_inference for node in blueprint.nodes):
        return network
    twin = blueprint.to_keras(inference=True)
    twin.set_weights(network.get_weights())
    return twin


def heads_of(network: keras.Model, data: DataSet) -> list[str]:
    """The heads that a network has, the first head first; on the slow path perhaps not all of the data's."""
    output = network.compute_output_spec(keras.KerasTensor((None, *data.input_shape)))
    return list(by_head(output, list(data.classes)))
