"""Stacks of up to 30 convolutional blocks: the space in which few networks can exist, and most are too big.

Each block is a convolution, batch normalisation or none, a rectifier, and max pooling or none; all positions have the
same ranges, and what comes in is what the block before gives. A residual connection leads from the images to the end of
the last block, and shorter ones (skips) from block to block. One or two dense layers follow. The ranges are those of a
search with a genetic algorithm (https://discuss.pytorch.org, "How to be able to automatically tune a CNN"), which found
almost nothing that exists beyond 14 blocks.

``make_space(20, 20)`` is the space of stacks of exactly 20 blocks.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import log
from typing import Any

from hyperopt import hp
from hyperopt.pyll import as_apply

from metaopt.blueprint import (
    Activation,
    Add,
    AveragePooling2D,
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    Node,
    ZeroPadding2D,
)
from metaopt.errors import UserError
from metaopt.problems.training_config import Training
from metaopt.zoo._layers import batch_normalization

Point = Mapping[str, Any]

# What `padding` is where it follows from kernel and stride; else it is a share of the largest padding.
FITTED = "fitted"
MOST_DENSE = 2


def make_space(min_blocks: int = 1, max_blocks: int = 30, *, residual: bool = True, skips: bool = True) -> Any:
    """The space of stacks with so many blocks.

    The labels of a block are ``block_0_channels``, ``block_0_kernel``, …; ``n_blocks`` picks how many there are, unless
    the two numbers are equal.

    Args:
        min_blocks: 1 or more.
        max_blocks: ``min_blocks`` or more.
        residual: a connection from the images to the end of the last block.
        skips: a block may add what came in one or two blocks before its end to what it gives.

    Raises:
        UserError: the numbers of blocks are below 1 or in the wrong order.
    """
    if not 1 <= min_blocks <= max_blocks:
        raise UserError(
            f"make_space({min_blocks}, {max_blocks}): take 1 block or more, and no fewer at most than at least"
        )
    blocks = [_block(f"block_{i}", skips) for i in range(max_blocks)]
    dense = [_dense(f"dense_{i}") for i in range(MOST_DENSE)]
    return {
        "learning_rate": hp.loguniform("learning_rate", log(1e-5), log(0.1)),
        "batch_size": _whole("batch_size", 4, 300),
        "optimizer": hp.choice("optimizer", ["Adam", "RMSprop", "SGD"]),
        "dropout_rate": hp.loguniform("dropout_rate", log(0.01), log(0.5)),
        "residual": residual,
        "blocks": _repeated("n_blocks", blocks, min_blocks),
        "dense": _repeated("n_dense", dense, 1),
    }


def _repeated(label: str, blocks: list[Any], least: int) -> Any:
    """The first ones of the blocks: how many, a choice decides."""
    counts = range(least, len(blocks) + 1)
    return blocks if len(counts) == 1 else hp.choice(label, [blocks[:n] for n in counts])


def _block(name: str, skips: bool) -> Any:
    """One block; a node of its own, which all depths share."""
    block = {
        "channels": _whole(f"{name}_channels", 3, 160),
        "kernel": hp.uniformint(f"{name}_kernel", 2.501, 9.499),
        "stride": hp.uniformint(f"{name}_stride", 0.501, 5.499),
        "padding": hp.choice(f"{name}_padding", [FITTED, hp.uniform(f"{name}_padding_share", 0, 1)]),
        "pool": hp.choice(
            f"{name}_pool",
            [
                None,
                {
                    "size": hp.uniformint(f"{name}_pool_size", 1.501, 4.499),
                    "stride": hp.choice(f"{name}_pool_stride", [1, 2]),
                },
            ],
        ),
        "batch_norm": hp.choice(f"{name}_batch_norm", [False, True]),
    }
    if skips:
        block["skip"] = hp.pchoice(f"{name}_skip", [(0.8, 0), (0.1, 1), (0.1, 2)])
    return as_apply(block)


def _dense(name: str) -> Any:
    return as_apply(
        {"units": _whole(f"{name}_units", 1, 1500), "batch_norm": hp.choice(f"{name}_batch_norm", [False, True])}
    )


def _whole(label: str, low: int, high: int) -> Any:
    """A whole number on a logarithmic scale; the bounds half a step further out, so that they are as likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


space = make_space(1, 30)


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """The network of a point.

    Args:
        point: ``blocks`` and ``dense`` are sequences of dicts, ``residual`` may be missing and is then True.
        input_shape: (height, width, channels) of an image.
        classes: head → its number of classes.

    Raises:
        InvalidArchitecture: a block would give an empty image.
    """
    x = inputs = Input(input_shape)
    ends = [inputs]  # what comes into each block
    blocks = point["blocks"]
    residual = point.get("residual", True)
    for number, block in enumerate(blocks):
        x = _convolved(x, block)
        spanned = min(block.get("skip", 0), number + 1)
        # A skip of the last block that begins at the images would repeat the residual connection.
        if spanned and not (residual and spanned == len(blocks)):
            x = _added(x, ends[-spanned])
        ends.append(x)
    if residual:
        x = _added(x, inputs)
    x = Flatten()(x)
    for layer in point["dense"]:
        if layer["batch_norm"]:
            x = Activation("relu")(batch_normalization()(Dense(layer["units"])(x)))
        else:
            x = Dense(layer["units"], activation="relu")(x)
        x = Dropout(point["dropout_rate"])(x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def _convolved(x: Node, block: Point) -> Node:
    """A block: convolution, batch normalisation, rectifier, max pooling."""
    kernel, stride = block["kernel"], block["stride"]
    padding = padding_of(kernel, stride, block["padding"])
    x = Conv2D(block["channels"], kernel, stride, padding)(x)
    if block["batch_norm"]:
        x = batch_normalization()(x)
    x = Activation("relu")(x)
    pool = block["pool"]
    return x if pool is None else MaxPooling2D(pool["size"], pool["stride"])(x)


def padding_of(kernel: int, stride: int, padding: float | str) -> int:
    """Rows of zeros at each end: ``FITTED``, or a share in [0, 1] of 0, 1, … ⌊kernel / 2⌋, all equally likely."""
    if isinstance(padding, str):
        return max(0, kernel - stride) // 2
    most = kernel // 2
    return min(int(padding * (most + 1)), most)


def _added(x: Node, source: Node) -> Node:
    """What came in earlier is added: cut to the size by average pooling, and to the channels by a 1×1 convolution."""
    window, strides, padding = _to_size(source.shape[:2], x.shape[:2])
    if window != (1, 1):
        source = AveragePooling2D(window, strides)(source)
    if padding is not None:
        source = ZeroPadding2D(padding)(source)
    if source.shape[2] != x.shape[2]:
        source = Conv2D(x.shape[2], 1)(source)
    return Add()([x, source])


@lru_cache(maxsize=1 << 16)
def _to_size(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[Any, Any, Any]:
    """Window and strides of a pooling, then zeros around it, that bring an image to a size.

    With the stride s = ⌊L / l⌋ and the window L − (l − 1)·s, ⌊(L − window) / s⌋ + 1 is l. An image that has become
    larger, by the padding of even kernels, has zeros around it.
    """
    strides, window, ends = [], [], []
    for length, goal in zip(size, wanted, strict=True):
        stride = max(1, length // goal)
        strides.append(stride)
        window.append(max(1, length - (goal - 1) * stride))
        missing = max(0, goal - length)
        ends.append((missing // 2, missing - missing // 2))
    return tuple(window), tuple(strides), tuple(ends) if ends != [(0, 0), (0, 0)] else None


def training(point: Point) -> Training:
    """How the network of a point is trained; SGD with Nesterov's momentum of 0.9."""
    sgd = {"momentum": 0.9, "nesterov": True} if point["optimizer"] == "SGD" else {}
    return Training(
        point["optimizer"], learning_rate=point["learning_rate"], batch_size=round(point["batch_size"]), options=sgd
    )
