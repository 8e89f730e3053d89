"""Operators on the blocks of a stack: delete, duplicate, insert, swap.

Each operator returns a changed copy of a draw, or None if it cannot be applied. A value that moves to a position with
another range keeps its unit value (see ``Space.encode``).
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from metaopt.spaces.block_stacks import BlockStack
from metaopt.spaces.parameters import Vals
from metaopt.spaces.space import Space

# Role → (label from which the value comes, value). Missing roles are drawn from the prior.
Block = Mapping[str, tuple[str, float]]

# Roles whose values are the width of a layer.
_WIDTH = re.compile(r"channel|filter|unit|width|neuron|hidden", re.IGNORECASE)


def read_blocks(stack: BlockStack, vals: Mapping[str, float]) -> list[Block]:
    """Return the blocks of a stack in a draw, in their order."""
    return [
        {role: (label, vals[label]) for role, label in block.items() if label in vals}
        for block in stack.blocks[: stack.length(vals)]
    ]


def write_blocks(
    space: Space, stack: BlockStack, vals: Mapping[str, float], blocks: Sequence[Block]
) -> dict[str, float]:
    """Return values in which the blocks of a stack are replaced. ``Space.complete`` turns them into a draw.

    Args:
        space: the space of the stack.
        stack: the stack.
        vals: the values of a draw.
        blocks: the new blocks; their number must be possible for the stack.
    """
    written = {label: value for label, value in vals.items() if label not in stack.labels}
    if stack.depth is not None:
        written[stack.depth] = stack.option(len(blocks))
    for labels, block in zip(stack.blocks, blocks, strict=False):
        for role, (label, value) in block.items():
            if role in labels:
                written[labels[role]] = _transfer_value(space, value, label, labels[role])
    return written


def delete_block(space: Space, stack: BlockStack, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """Delete random blocks, as many as lead to the next smaller number of blocks; usually one."""
    blocks = read_blocks(stack, vals)
    length = stack.shorter(len(blocks))
    if length is None:
        return None
    kept = sorted(rng.choice(len(blocks), size=length, replace=False).tolist())
    return space.complete(write_blocks(space, stack, vals, [blocks[index] for index in kept]), rng)


def duplicate_last(space: Space, stack: BlockStack, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """Repeat the last block, as often as leads to the next larger number of blocks; usually once."""
    blocks = read_blocks(stack, vals)
    length = stack.longer(len(blocks))
    if length is None or not blocks:
        return None
    return space.complete(write_blocks(space, stack, vals, blocks + blocks[-1:] * (length - len(blocks))), rng)


def insert_block(space: Space, stack: BlockStack, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """Insert blocks from the prior at random positions, up to the next larger number of blocks; usually one."""
    blocks = read_blocks(stack, vals)
    length = stack.longer(len(blocks))
    if length is None:
        return None
    while len(blocks) < length:
        blocks.insert(int(rng.integers(len(blocks) + 1)), {})
    return space.complete(write_blocks(space, stack, vals, blocks), rng)


def swap_blocks(space: Space, stack: BlockStack, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """Swap two random blocks."""
    blocks = read_blocks(stack, vals)
    if len(blocks) < 2:
        return None
    first, second = rng.choice(len(blocks), size=2, replace=False).tolist()
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return space.complete(write_blocks(space, stack, vals, blocks), rng)


def find_width_labels(space: Space, stack: BlockStack, vals: Mapping[str, float]) -> list[str]:
    """Return the active labels of a stack that are the width of a layer: channels, filters, units."""
    return [
        label
        for block in read_blocks(stack, vals)
        for role, (label, _) in block.items()
        if _WIDTH.search(role) and not space.by_label[label].distribution.is_choice
    ]


def _transfer_value(space: Space, value: float, label: str, target: str) -> float:
    """Convert a value of one label to another label of the same role; the unit value is kept."""
    old, new = space.by_label[label].distribution, space.by_label[target].distribution
    return value if old == new else new.make_quantile_function()(old.to_unit(value))
