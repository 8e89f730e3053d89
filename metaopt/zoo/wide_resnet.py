"""Wide residual networks, and a joint space of seventeen hyperparameters of architecture and training.

``wrn`` builds the networks of Zagoruyko & Komodakis 2016 (arXiv:1605.07146). The space is that of Zela et al. 2018
(arXiv:1807.06906): number of blocks, width and number of branches of each of three groups, six hyperparameters of
training, and one of ShakeDrop.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from hyperopt import hp

from metaopt.blueprint import (
    Activation,
    Add,
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    Node,
    ShakeDrop,
    ShakeShake,
)
from metaopt.errors import UserError
from metaopt.problems.training_config import Training
from metaopt.zoo._layers import batch_normalization

Point = Mapping[str, Any]

GROUPS = 3
STEM = 16  # filters of the first convolution of the published networks
KERNELS = (3, 3)  # kernel sizes of a block of the space: two 3×3 convolutions


def _whole(label: str, low: int, high: int) -> Any:
    """Return an integer on a logarithmic scale; half a step is added at both bounds to make them equally likely."""
    return hp.qloguniform(label, log(low - 0.499), log(high + 0.499), 1)


def _groups(key: str, make: Any) -> dict[str, Any]:
    return {f"{key}_{group}": make(f"{key}_{group}", group) for group in range(1, GROUPS + 1)}


space = {
    **_groups("nr_residual_blocks", lambda label, _: _whole(label, 1, 16)),
    "initial_filters": _whole("initial_filters", 8, 32),
    **_groups("widen_factor", lambda label, group: hp.loguniform(label, log(0.5), log(8 if group == 1 else 4))),
    **_groups("res_branches", lambda label, _: hp.uniformint(label, 0.501, 5.499)),
    "learning_rate": hp.loguniform("learning_rate", log(1e-3), log(1)),
    "batch_size": _whole("batch_size", 32, 128),
    "weight_decay": hp.loguniform("weight_decay", log(1e-5), log(1e-3)),
    "momentum": hp.uniform("momentum", 1e-3, 0.99),
    "mixup_alpha": hp.uniform("mixup_alpha", 0, 1),
    "cutout_length": hp.uniformint("cutout_length", -0.499, 20.499),
    "death_rate": hp.uniform("death_rate", 0, 1),
}

# The published WRN-16-4 with the optimizer of the paper, but a cosine schedule instead of steps: a baseline.
default_point: dict[str, Any] = {
    **{f"nr_residual_blocks_{group}": 2 for group in range(1, GROUPS + 1)},
    "initial_filters": STEM,
    "widen_factor_1": 4.0,
    "widen_factor_2": 2.0,
    "widen_factor_3": 2.0,
    **{f"res_branches_{group}": 1 for group in range(1, GROUPS + 1)},
    "learning_rate": 0.1,
    "batch_size": 128,
    "weight_decay": 5e-4,
    "momentum": 0.9,
    "mixup_alpha": 0.0,
    "cutout_length": 0,
    "death_rate": 0.0,
}


@dataclass(frozen=True)
class _Group:
    """A group of blocks with the same width.

    Attributes:
        blocks: number of blocks, 1 or more.
        filters: number of filters of every convolution.
        branches: number of branches of each block.
    """

    blocks: int
    filters: int
    branches: int = 1


@dataclass(frozen=True)
class _Style:
    """Settings that all blocks of a network share.

    Attributes:
        kernels: kernel sizes of the convolutions of a branch.
        dropout: rate of the dropout between the convolutions.
        death_rate: ShakeDrop rate of the last block, see ``_assembled``.
        penalty: factor of the L2 penalty on kernels.
    """

    kernels: Sequence[int] = KERNELS
    dropout: float = 0.0
    death_rate: float = 0.0
    penalty: float = 0.0

    def conv(self, filters: int, kernel: int, strides: int = 1) -> Conv2D:
        """Return a convolution without bias, because batch normalisation removes any constant."""
        return Conv2D(
            filters,
            kernel,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            kernel_regularizer=self.penalty,
        )


def wrn(
    depth: int,
    k: int,
    input_shape: tuple[int, ...],
    classes: Mapping[str, int],
    block: str = "B(3,3)",
    *,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
) -> Blueprint:
    """Return WRN-depth-k, with pre-activation blocks (batch normalisation, ReLU, convolution).

    Args:
        depth: 6·N + 4, where N >= 1 is the number of blocks in each of the three groups, for any kind of block.
        k: widening factor; the groups have 16·k, 32·k and 64·k filters.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.
        block: kernel sizes of the convolutions of a block, e.g. ``"B(1,3,1)"``.
        dropout: rate of the dropout between the convolutions of a block; 0 for none.
        weight_decay: λ of the penalty λ/2·Σw² on all kernels.

    Raises:
        UserError: the depth is not 6·N + 4, or the block has another format.
    """
    blocks = (depth - 4) // 6
    if blocks < 1 or depth != 6 * blocks + 4:
        raise UserError(f"a wide residual network of depth {depth} cannot be: take 6·N + 4, as 10, 16, 22 or 28")
    written = re.fullmatch(r"B\((\d+(?:,\d+)*)\)", block.replace(" ", ""))
    kernels = [int(side) for side in written[1].split(",")] if written else [0]
    if min(kernels) < 1:
        raise UserError(f"the block {block!r} is not understood: write the sides of its kernels, as in 'B(3,3)'")
    groups = [_Group(blocks, STEM * 2**number * k) for number in range(GROUPS)]
    return _assembled(STEM, groups, _Style(kernels, dropout, penalty=weight_decay / 2), input_shape, classes)


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``. The filters of a group are those of the previous group times ``widen_factor``,
            rounded, at least 1.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.
    """
    filters = stem = round(point["initial_filters"])
    groups = []
    for number in range(1, GROUPS + 1):
        filters = max(1, round(filters * point[f"widen_factor_{number}"]))
        blocks, branches = (round(point[f"{key}_{number}"]) for key in ("nr_residual_blocks", "res_branches"))
        groups.append(_Group(blocks, filters, branches))
    style = _Style(death_rate=point["death_rate"], penalty=point["weight_decay"] / 2)
    return _assembled(stem, groups, style, input_shape, classes)


def training(point: Point) -> Training:
    """Return the training configuration of a point: SGD with Nesterov momentum and a cosine schedule.

    The weight decay is a penalty of the network, λ/2·Σw² on its kernels, as in the papers: their ranges of λ hold for a
    decay that is part of the momentum. A decoupled decay (``Training.weight_decay``) would be weaker by 1 − momentum,
    up to a factor of a hundred in this space.
    """
    return Training(
        "SGD",
        learning_rate=point["learning_rate"],
        batch_size=round(point["batch_size"]),
        schedule="cosine",
        mixup=point["mixup_alpha"],
        cutout=round(point["cutout_length"]),
        options={"momentum": point["momentum"], "nesterov": True},
    )


def _assembled(
    stem: int, groups: Sequence[_Group], style: _Style, input_shape: tuple[int, ...], classes: Mapping[str, int]
) -> Blueprint:
    """Return a network of groups of blocks. Every group except the first halves height and width.

    The ShakeDrop rate of block l of L is l/L · death_rate; it increases linearly with depth (Yamada et al. 2018,
    arXiv:1802.02375, eq. 2).
    """
    inputs = Input(input_shape)
    x = style.conv(stem, 3)(inputs)
    count, number = sum(group.blocks for group in groups), 0
    for group in groups:
        for index in range(group.blocks):
            number += 1
            strides = 2 if index == 0 and group is not groups[0] else 1
            x = _block(x, group, strides, style, style.death_rate * number / count)
    x = GlobalAveragePooling2D()(_activated(x))
    heads = {head: Dense(n, activation="softmax", kernel_regularizer=style.penalty)(x) for head, n in classes.items()}
    return Blueprint(inputs, heads)


def _block(x: Node, group: _Group, strides: int, style: _Style, death_rate: float) -> Node:
    """Apply a block: branches, Shake-Shake if there are several, ShakeDrop if its rate is above 0, and the shortcut.

    If width or size change, the shortcut is a 1×1 convolution of the activated input; otherwise it is the identity.
    """
    start = _activated(x)
    branches = [_branch(start, group.filters, strides, style) for _ in range(group.branches)]
    end = branches[0] if len(branches) == 1 else ShakeShake()(branches)
    if death_rate > 0:
        end = ShakeDrop(death_rate)(end)
    if strides > 1 or x.shape[-1] != group.filters:
        x = style.conv(group.filters, 1, strides)(start)
    return Add()([x, end])


def _branch(x: Node, filters: int, strides: int, style: _Style) -> Node:
    """Apply the convolutions of a branch. The first kernel above 1×1 has the stride; a 1×1 kernel would skip pixels."""
    strided = next((index for index, kernel in enumerate(style.kernels) if kernel > 1), 0)
    for index, kernel in enumerate(style.kernels):
        if index:
            x = _activated(x)
            if style.dropout:
                x = Dropout(style.dropout)(x)
        x = style.conv(filters, kernel, strides if index == strided else 1)(x)
    return x


def _activated(x: Node) -> Node:
    return Activation("relu")(batch_normalization()(x))
