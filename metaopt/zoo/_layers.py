"""Layers as the ready problems have them."""

from metaopt.blueprint import BatchNormalization

# Of running statistics. Keras' 0.99 averages over about a hundred steps, and an epoch of a small data set has a dozen:
# for many epochs validation would see the statistics of an untrained network, and a search would take it for a bad one.
MOMENTUM = 0.9


def batch_normalization() -> BatchNormalization:
    """Batch normalisation whose statistics are those of the last dozen steps."""
    return BatchNormalization(momentum=MOMENTUM)
