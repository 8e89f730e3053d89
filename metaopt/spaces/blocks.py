"""The blocks of a group taken out of a draw, rearranged, and put back.

Each operator changes one draw and returns the new one, or None where it cannot be applied. A value that moves to a
position with another range goes to the same place of it (see ``Space.encode``).
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from metaopt.spaces.groups import Group
from metaopt.spaces.parameters import Vals
from metaopt.spaces.space import Space

# Role → the label that its value comes from, and the value; roles that are missing are drawn from the prior.
Block = Mapping[str, tuple[str, float]]

# Roles whose numbers say how wide a layer is.
_WIDTH = re.compile(r"channel|filter|unit|width|neuron|hidden", re.IGNORECASE)


def read(group: Group, vals: Mapping[str, float]) -> list[Block]:
    """The blocks that a draw has, the first one first."""
    return [
        {role: (label, vals[label]) for role, label in block.items() if label in vals}
        for block in group.blocks[: group.length(vals)]
    ]


def place(space: Space, group: Group, vals: Mapping[str, float], blocks: Sequence[Block]) -> dict[str, float]:
    """Values with these blocks in the place of the group's; ``Space.complete`` makes a draw of them.

    Args:
        space: of the group.
        group: which blocks.
        vals: all other values.
        blocks: as many as the group can have.
    """
    placed = {label: value for label, value in vals.items() if label not in group.labels}
    if group.depth is not None:
        placed[group.depth] = group.option(len(blocks))
    for labels, block in zip(group.blocks, blocks, strict=False):
        for role, (source, value) in block.items():
            if role in labels:
                placed[labels[role]] = _carried(space, value, source, labels[role])
    return placed


def delete_block(space: Space, group: Group, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """A stack without one of its blocks (or as many as it takes to the next number on offer)."""
    blocks = read(group, vals)
    length = group.shorter(len(blocks))
    if length is None:
        return None
    kept = sorted(rng.choice(len(blocks), size=length, replace=False).tolist())
    return space.complete(place(space, group, vals, [blocks[index] for index in kept]), rng)


def duplicate_last(space: Space, group: Group, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """A stack with its last block once more (or as often as it takes to the next number on offer)."""
    blocks = read(group, vals)
    length = group.longer(len(blocks))
    if length is None or not blocks:
        return None
    return space.complete(place(space, group, vals, blocks + blocks[-1:] * (length - len(blocks))), rng)


def insert_block(space: Space, group: Group, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """A stack with a block more, drawn from the prior, anywhere (or as many as to the next number on offer)."""
    blocks = read(group, vals)
    length = group.longer(len(blocks))
    if length is None:
        return None
    while len(blocks) < length:
        blocks.insert(int(rng.integers(len(blocks) + 1)), {})
    return space.complete(place(space, group, vals, blocks), rng)


def swap_blocks(space: Space, group: Group, vals: Mapping[str, float], rng: np.random.Generator) -> Vals | None:
    """A stack in which two blocks have changed places."""
    blocks = read(group, vals)
    if len(blocks) < 2:
        return None
    first, second = rng.choice(len(blocks), size=2, replace=False).tolist()
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return space.complete(place(space, group, vals, blocks), rng)


def widths(space: Space, group: Group, vals: Mapping[str, float]) -> list[str]:
    """Active labels of a group that say how wide a layer is: channels, filters, units."""
    return [
        label
        for block in read(group, vals)
        for role, (label, _) in block.items()
        if _WIDTH.search(role) and not space.by_label[label].distribution.is_choice
    ]


def _carried(space: Space, value: float, source: str, target: str) -> float:
    """A value of one label as another label of the same role can have it."""
    here, there = space.by_label[source].distribution, space.by_label[target].distribution
    return value if here == there else there.quantile()(here.unit(value))
