"""Memory estimate of a training step."""

import sys
from typing import Protocol

from metaopt.problems.training_config import Training

_BYTES = {"float64": 8}  # by Keras' default float type
_DEFAULT_BYTES = 4  # float32; 16 bits halve the activations, and part of the weights, which is left as a margin

# Slots of an optimiser: numbers per parameter beside the parameter and its gradient (keras/src/optimizers).
_SLOTS = {"sgd": 0, "rmsprop": 1, "adagrad": 1, "lion": 1, "adadelta": 2, "adafactor": 1}
_DEFAULT_SLOTS = 2  # Adam and its variants: first and second moment
_OPTIONS_WITH_SLOT = ("momentum", "centered", "amsgrad")  # one more slot each, where set


class NetworkCounts(Protocol):
    """Counts of a network, as a blueprint or the counts of a Keras model have them."""

    @property
    def params(self) -> int:
        """Number of parameters."""

    @property
    def trainable_params(self) -> int:
        """Number of parameters that have a gradient."""

    @property
    def activations(self) -> int:
        """Number of output elements of all layers for one image."""


def estimate_memory(network: NetworkCounts, training: Training, slots: int | None = None) -> int:
    """Return a lower estimate of the bytes that a training step needs.

    Counted are the parameters, their gradients and the slots of the optimiser, and for each image of a batch the
    outputs of all layers twice: once in the forward pass, once as gradients. The workspace of convolution kernels comes
    on top.

    Args:
        network: to be trained.
        training: its optimiser, options and batch size count.
        slots: numbers that the optimiser keeps in all; derived from its name and options by default.
    """
    slots = _count_slots(network, training) if slots is None else slots
    weights = network.params + network.trainable_params + slots
    return bytes_per_number() * (weights + 2 * network.activations * training.batch_size)


def estimate_state(network: NetworkCounts, training: Training) -> tuple[int, int]:
    """Return the bytes of a training state, i.e. of the parameters and the optimiser's slots, and of the weights."""
    weights = bytes_per_number() * network.params
    return weights + bytes_per_number() * _count_slots(network, training), weights


def _count_slots(network: NetworkCounts, training: Training) -> int:
    """Return the numbers that an optimiser keeps in all, by its name and options."""
    each = _SLOTS.get(training.optimizer.lower(), _DEFAULT_SLOTS)
    each += sum(bool(training.options.get(option)) for option in _OPTIONS_WITH_SLOT)
    return network.trainable_params * each


def bytes_per_number() -> int:
    """Return the bytes of a number in the default float type, which a problem file may have set in Keras."""
    keras = sys.modules.get("keras")  # a file that has set it has imported Keras; nothing else needs it here
    return _DEFAULT_BYTES if keras is None else _BYTES.get(keras.config.floatx(), _DEFAULT_BYTES)
