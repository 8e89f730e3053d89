"""Size of the file of an exported model, predicted from its blueprint."""

from metaopt.blueprint import Blueprint
from metaopt.problems.memory_estimate import bytes_per_number

TOLERANCE = 0.1
"""Largest relative error of the bytes beside the weights, over 132 random networks of all ready spaces."""

# Least squares of the relative errors over 66 random networks of the ready spaces, Keras 3.15: bytes of the file beside
# the weights. A layer has a configuration in JSON and groups in the HDF5 file of the weights, both in a zip archive
# without compression; a weighted layer has data sets as well. The constant has the layers that the export adds.
_FILE, _NODE, _WEIGHTED_LAYER = 21_000, 2_500, 1_700


def predict_model_bytes(network: Blueprint) -> int:
    """Return about how many bytes the exported model of a network has; see ``TOLERANCE``."""
    weighted = sum(layer.weighted for layer in network.layers)
    return bytes_per_number() * network.params + predict_bytes_beside_weights(len(network.nodes), weighted)


def predict_bytes_beside_weights(nodes: int, weighted_layers: int) -> int:
    """Return about how many bytes of an exported model are no weights.

    Args:
        nodes: number of layer calls.
        weighted_layers: number of layers with weights.
    """
    return _FILE + _NODE * nodes + _WEIGHTED_LAYER * weighted_layers


def smallest_model_bytes(network: Blueprint) -> int:
    """Return a lower bound of the bytes of an exported model, by which the guard rejects it without building it."""
    weights = bytes_per_number() * network.params
    return weights + int((1 - TOLERANCE) * (predict_model_bytes(network) - weights))
