"""The stacks of ``conv_stack`` in one dimension, for signals.

The space and the training are those of ``metaopt.zoo.conv_stack``. ``network`` is written again, as studies store the
digest of that module's code: a function that both called would end the searches that were begun with it.
"""

from collections.abc import Mapping
from typing import Any

from metaopt.blueprint import Activation, Blueprint, Conv1D, Dense, Dropout, Flatten, Input, MaxPooling1D, Node
from metaopt.zoo._layers import batch_normalization
from metaopt.zoo._signals import added
from metaopt.zoo.conv_stack import make_space, padding_of, training

__all__ = ["make_space", "network", "space", "training"]

Point = Mapping[str, Any]

space = make_space(1, 30)


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, Any]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``; ``residual`` is optional and True by default.
        input_shape: (length, channels) of a signal.
        classes: head → number of classes, or output.

    Raises:
        InvalidArchitecture: the output of a block would be empty.
    """
    x = inputs = Input(input_shape)
    ends = [inputs]  # input of each block
    blocks = point["blocks"]
    residual = point.get("residual", True)
    for number, block in enumerate(blocks):
        x = _convolved(x, block)
        spanned = min(block.get("skip", 0), number + 1)
        # A skip connection of the last block from the signal would duplicate the residual connection.
        if spanned and not (residual and spanned == len(blocks)):
            x = added(x, ends[-spanned])
        ends.append(x)
    if residual:
        x = added(x, inputs)
    x = Flatten()(x)
    for layer in point["dense"]:
        if layer["batch_norm"]:
            x = Activation("relu")(batch_normalization()(Dense(layer["units"])(x)))
        else:
            x = Dense(layer["units"], activation="relu")(x)
        x = Dropout(point["dropout_rate"])(x)
    return Blueprint(inputs, {head: Dense(output, activation="softmax")(x) for head, output in classes.items()})


def _convolved(x: Node, block: Point) -> Node:
    """Apply a block: convolution, batch normalisation, ReLU, max pooling."""
    kernel, stride = block["kernel"], block["stride"]
    x = Conv1D(block["channels"], kernel, stride, padding_of(kernel, stride, block["padding"]))(x)
    if block["batch_norm"]:
        x = batch_normalization()(x)
    x = Activation("relu")(x)
    pool = block["pool"]
    return x if pool is None else MaxPooling1D(pool["size"], pool["stride"])(x)
