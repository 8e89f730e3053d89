"""Layers that the ready-made problems share."""

from metaopt.blueprint import BatchNormalization

# Momentum of the moving statistics. Keras' default of 0.99 averages over about a hundred steps, but an epoch of a small
# data set has only about a dozen. For many epochs, validation would use the statistics of an untrained network.
MOMENTUM = 0.9


def batch_normalization() -> BatchNormalization:
    """Return a batch normalisation layer whose moving statistics cover about the last ten steps."""
    return BatchNormalization(momentum=MOMENTUM)
