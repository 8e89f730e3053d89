"""A CNN for signals: blocks of convolution and pooling, pooling over the rest of the window, a last layer of size 1.

The blocks are those of a genetic search for signals of a given window (https://discuss.pytorch.org, "How to be able to
automatically tune a CNN"): channels are a power of 2 from 16 on, kernels a power of 1.5 from 1 to 58 positions, so that
long windows are as likely as short ones, padding is (kernel − stride) / 2, and pooling has a stride of 1, 2 or 4. The
last block ends in a pooling over what is left of the window, a convolution of kernel size 1 follows, and a residual
connection may lead from the signal to the end of the last block. Batch normalisation, dropout and weight decay are
added to that search, and strides are free.

``make_space(3, 14, most_channels_log2=11)`` has the ranges of that search.
"""

from collections.abc import Mapping
from math import log
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply

from metaopt.blueprint import (
    Activation,
    Blueprint,
    Conv1D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    MaxPooling1D,
    Node,
)
from metaopt.errors import UserError
from metaopt.problems.training_config import COSINE, Training
from metaopt.zoo._layers import batch_normalization
from metaopt.zoo._signals import added
from metaopt.zoo.conv_stack import FITTED, padding_of

Point = Mapping[str, Any]

LEAST_CHANNELS_LOG2 = 4
MOST_KERNEL_POWER = 10
"""The kernel has round(1.5 ** power) positions: 1, 2, 2, 3, 5, 8, 11, 17, 26, 38 or 58."""


def make_space(min_blocks: int = 1, max_blocks: int = 8, *, most_channels_log2: int = 7) -> Any:
    """Return a space of networks with ``min_blocks`` to ``max_blocks`` blocks.

    Args:
        min_blocks: smallest number of blocks, 1 or more.
        max_blocks: largest number of blocks, ``min_blocks`` or more.
        most_channels_log2: logarithm to the base 2 of the most channels of a block, 4 or more.

    Raises:
        UserError: a number is out of range.
    """
    if not 1 <= min_blocks <= max_blocks or most_channels_log2 < LEAST_CHANNELS_LOG2:
        raise UserError(
            f"Invalid arguments of make_space: {min_blocks} to {max_blocks} blocks, most_channels_log2"
            f" {most_channels_log2}. Expected at least 1 block, and most_channels_log2 >= {LEAST_CHANNELS_LOG2}."
        )
    blocks = [_block(f"block_{number}", most_channels_log2) for number in range(max_blocks)]
    counts = range(min_blocks, max_blocks + 1)
    return {
        "blocks": blocks if len(counts) == 1 else hp.choice("n_blocks", [blocks[:n] for n in counts]),
        "residual": hp.choice("residual", [False, True]),
        "last_channels": hp.qloguniform("last_channels", log(16), log(256), 1),
        "dropout": hp.uniform("dropout", 0.0, 0.5),
        "learning_rate": hp.loguniform("learning_rate", log(3e-4), log(1e-2)),
        "batch_size": hp.qloguniform("batch_size", log(16), log(128), 1),
        "weight_decay": hp.loguniform("weight_decay", log(1e-5), log(0.1)),
    }


def _block(name: str, most_channels_log2: int) -> Any:
    """Return the space of one block, as one pyll node that all depths share."""
    return as_apply(
        {
            "channels_log2": hp.uniformint(f"{name}_channels_log2", LEAST_CHANNELS_LOG2, most_channels_log2),
            "kernel_power": hp.uniformint(f"{name}_kernel_power", 0, MOST_KERNEL_POWER),
            "stride": hp.choice(f"{name}_stride", [1, 2, 4]),
            "pool_stride": hp.choice(f"{name}_pool_stride", [1, 2, 4]),
        }
    )


space = make_space()


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, Any]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``.
        input_shape: (length, channels) of a signal.
        classes: head → number of classes, or output.

    Raises:
        InvalidArchitecture: the output of a block would be empty.
    """
    x = inputs = Input(input_shape)
    for block in point["blocks"]:
        x = _convolved(x, block)
    if point["residual"]:
        x = added(x, inputs)
    x = GlobalAveragePooling1D(keepdims=True)(x)
    x = Flatten()(Conv1D(round(point["last_channels"]), 1, activation="relu")(x))
    x = Dropout(point["dropout"])(x)
    return Blueprint(inputs, {head: Dense(output, activation="softmax")(x) for head, output in classes.items()})


def _convolved(x: Node, block: Point) -> Node:
    """Apply a block: convolution, batch normalisation, ReLU, max pooling."""
    kernel = round(1.5 ** block["kernel_power"])
    stride = min(block["stride"], kernel)  # no position is left out
    # No bias, because the following normalisation removes any constant.
    x = Conv1D(2 ** block["channels_log2"], kernel, stride, padding_of(kernel, stride, FITTED), use_bias=False)(x)
    x = Activation("relu")(batch_normalization()(x))
    return x if block["pool_stride"] == 1 else MaxPooling1D(block["pool_stride"])(x)


def training(point: Point) -> Training:
    """Return the training configuration of a point."""
    return Training.from_point({**point, "optimizer": "Adam", "schedule": COSINE})
