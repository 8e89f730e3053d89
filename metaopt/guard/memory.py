"""Memory estimate of a training step."""

from typing import Protocol

from metaopt.problems.training_config import Training

BYTES_PER_NUMBER = 4  # float32; under mixed precision the activations take half, which is left as a margin


# Numbers that an optimiser keeps per parameter, beside the parameter and its gradient (keras/src/optimizers).
_SLOTS = {"sgd": 0, "rmsprop": 1, "adagrad": 1, "lion": 1, "adadelta": 2, "adafactor": 1}


_SLOTS_OF_OTHERS = 2  # Adam and its kin: first and second moment


_SLOTS_OF_OPTIONS = ("momentum", "centered", "amsgrad")  # one more each, where they are on


class Counted(Protocol):
    """What has the numbers of a network: a blueprint, or the counts of a Keras model."""

    @property
    def params(self) -> int:
        """All parameters."""

    @property
    def trainable_params(self) -> int:
        """Those that have a gradient."""

    @property
    def activations(self) -> int:
        """Output elements of all layers for one image."""


def memory(network: Counted, training: Training, slots: int | None = None) -> int:
    """Bytes that one training step needs, estimated from below.

    Parameters, their gradients and the optimiser's slots, and each layer's activations of a batch twice: once forward,
    once as gradients. Workspace of the convolution kernels comes on top.

    Args:
        network: what is trained.
        training: names the optimiser, and the batch size.
        slots: numbers that the optimiser keeps, where they can be counted; by default its name and options tell.
    """
    if slots is None:
        each = _SLOTS.get(training.optimizer.lower(), _SLOTS_OF_OTHERS)
        each += sum(bool(training.options.get(option)) for option in _SLOTS_OF_OPTIONS)
        slots = network.trainable_params * each
    weights = network.params + network.trainable_params + slots
    return BYTES_PER_NUMBER * (weights + 2 * network.activations * training.batch_size)
