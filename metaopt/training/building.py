"""Building of the Keras model of a point to load existing weights into."""

from typing import Any

import keras

from metaopt.blueprint import Layer
from metaopt.data import DataSet
from metaopt.training.batches import outputs_by_head


def build_network(problem: Any, point: Any, data: DataSet) -> keras.Model:
    """Build the network of a point without compiling it.

    Args:
        problem: problem with ``network`` or ``build_model``.
        point: hyperparameters.
        data: data set with the input shape and the classes.
    """
    if getattr(problem, "network", None) is not None:
        return problem.network(point, data.input_shape, data.classes).to_keras()
    model = problem.build_model(point, data.input_shape, data.classes)
    if not model.built:
        model.build((None, *data.input_shape))
    return model


def convert_for_inference(problem: Any, point: Any, data: DataSet, network: keras.Model) -> keras.Model:
    """Return a trained network with built-in Keras layers only, so that its file loads without metaopt.

    Args:
        problem: see ``build_network``.
        point: point that the network was built from.
        data: data set that the network was built for.
        network: trained network. The same object is returned if all its layers are built-in, or if it was built by
            ``build_model``.
    """
    if getattr(problem, "network", None) is None:
        return network
    blueprint = problem.network(point, data.input_shape, data.classes)
    if all(type(node.layer).build_inference is Layer.build_inference for node in blueprint.nodes):
        return network
    twin = blueprint.to_keras(inference=True)
    twin.set_weights(network.get_weights())
    return twin


def find_heads(network: keras.Model, data: DataSet) -> list[str]:
    """Return the heads of a network, the first head first; a ``build_model`` may omit later heads of the data."""
    output = network.compute_output_spec(keras.KerasTensor((None, *data.input_shape)))
    return list(outputs_by_head(output, list(data.classes)))
