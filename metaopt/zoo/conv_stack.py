"""Stacks of up to 30 convolutional blocks: a space in which most architectures are invalid or too large.

Each block is a convolution, optional batch normalisation, ReLU and optional max pooling. All positions have the same
ranges. A residual connection leads from the images to the end of the last block, and skip connections lead from block
to block. One or two dense layers follow. The ranges are those of a search with a genetic algorithm
(https://discuss.pytorch.org, "How to be able to automatically tune a CNN"), which found hardly any valid architecture
with more than 14 blocks.

``make_space(20, 20)`` is the space of stacks with exactly 20 blocks.
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

# Value of `padding` if kernel and stride determine it; otherwise it is a fraction of the largest padding.
FITTED = "fitted"
MOST_DENSE = 2


def make_space(min_blocks: int = 1, max_blocks: int = 30, *, residual: bool = True, skips: bool = True) -> Any:
    """Return a space of stacks with ``min_blocks`` to ``max_blocks`` blocks.

    The labels of a block are ``block_0_channels``, ``block_0_kernel``, …. The choice ``n_blocks`` selects the number of
    blocks, unless both arguments are equal.

    Args:
        min_blocks: smallest number of blocks, 1 or more.
        max_blocks: largest number of blocks, ``min_blocks`` or more.
        residual: whether a residual connection leads from the images to the end of the last block.
        skips: whether a block may have a skip connection that spans one or two blocks.

    Raises:
        UserError: a number of blocks is below 1, or ``min_blocks`` exceeds ``max_blocks``.
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
    """Return the first blocks of a list; a choice selects their number."""
    counts = range(least, len(blocks) + 1)
    return blocks if len(counts) == 1 else hp.choice(label, [blocks[:n] for n in counts])


def _block(name: str, skips: bool) -> Any:
    """Return the space of one block, as one pyll node that all depths share."""
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
    """Return an integer on a logarithmic scale; half a step is added at both bounds to make them equally likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


space = make_space(1, 30)


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``; ``residual`` is optional and True by default.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.

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
        # A skip connection of the last block from the images would duplicate the residual connection.
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
    """Apply a block: convolution, batch normalisation, ReLU, max pooling."""
    kernel, stride = block["kernel"], block["stride"]
    padding = padding_of(kernel, stride, block["padding"])
    x = Conv2D(block["channels"], kernel, stride, padding)(x)
    if block["batch_norm"]:
        x = batch_normalization()(x)
    x = Activation("relu")(x)
    pool = block["pool"]
    return x if pool is None else MaxPooling2D(pool["size"], pool["stride"])(x)


def padding_of(kernel: int, stride: int, padding: float | str) -> int:
    """Return the rows of zeros at each end.

    Args:
        kernel: kernel size.
        stride: stride.
        padding: ``FITTED``, or a number in [0, 1] that selects one of 0, 1, …, ⌊kernel / 2⌋ with equal probabilities.
    """
    if isinstance(padding, str):
        return max(0, kernel - stride) // 2
    most = kernel // 2
    return min(int(padding * (most + 1)), most)


def _added(x: Node, source: Node) -> Node:
    """Add an earlier node. Average pooling adapts its size, and a 1×1 convolution its channels."""
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
    """Return window and strides of a pooling layer, and zero padding, that bring an image to a size.

    With stride s = ⌊L / l⌋ and window L − (l − 1)·s, the pooled length ⌊(L − window) / s⌋ + 1 is l. Zero padding
    is needed if the image must grow, which the padding of even kernels can cause.
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
    """Return the training configuration of a point. SGD has a Nesterov momentum of 0.9."""
    sgd = {"momentum": 0.9, "nesterov": True} if point["optimizer"] == "SGD" else {}
    return Training(
        point["optimizer"], learning_rate=point["learning_rate"], batch_size=round(point["batch_size"]), options=sgd
    )
