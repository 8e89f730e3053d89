"""One mutation of a draw: some of its parameters perturbed, or the blocks of a stack rearranged."""

from collections.abc import Callable, Mapping

import numpy as np

from metaopt.spaces import BlockStack, Space, Vals
from metaopt.spaces.block_operators import (
    delete_block,
    duplicate_last,
    find_width_labels,
    insert_block,
    read_blocks,
    swap_blocks,
)
from metaopt.spaces.operators import perturb


def mutate(space: Space, vals: Mapping[str, float], rng: np.random.Generator, width: float) -> Vals:
    """A draw with one mutation.

    Either some of the parameters outside of all groups are perturbed, each with the probability of one among them, at
    least one; or one group mutates by a block operator that can be applied. Which it is, and which group, is picked in
    proportion to the numbers of parameters outside, and of one block: thirty blocks do not drown a learning rate.

    Args:
        space: of the draw, with at least one parameter.
        vals: the draw.
        rng: the only source of randomness.
        width: of the steps, see ``metaopt.spaces.operators.perturb``.
    """
    groups = [group for group in space.block_stacks if group.active(vals)]
    grouped = {label for group in groups for label in group.labels}
    # A depth moves by whole blocks, unless its options differ in more than their number.
    grouped |= {group.depth for group in groups if group.depth and len(set(group.lengths)) == len(group.lengths)}
    outside = [label for label in vals if label not in grouped]
    weights = np.array([len(outside), *(max(map(len, group.blocks)) for group in groups)], dtype=float)
    picked = int(rng.choice(len(weights), p=weights / weights.sum()))
    if picked:
        mutated = _mutate_group(space, groups[picked - 1], vals, rng, width)
        if mutated is not None:
            return mutated
    return _perturb_some(space, vals, outside or list(vals), rng, width)


def _perturb_some(
    space: Space, vals: Mapping[str, float], labels: list[str], rng: np.random.Generator, width: float
) -> Vals:
    chosen = rng.random(len(labels)) < 1 / len(labels)
    chosen[rng.integers(len(labels))] |= not chosen.any()
    return perturb(space, vals, [label for label, one in zip(labels, chosen, strict=True) if one], rng, width=width)


def _mutate_group(
    space: Space, group: BlockStack, vals: Mapping[str, float], rng: np.random.Generator, width: float
) -> Vals | None:
    """A group mutated by the first operator of a random order that can be applied; None if none can."""

    def widen() -> Vals | None:
        labels = find_width_labels(space, group, vals)
        return perturb(space, vals, [_one(labels, rng)], rng, width=width, upwards=True) if labels else None

    def change() -> Vals | None:
        labels = [label for block in read_blocks(group, vals) for label, _ in block.values()]
        return perturb(space, vals, [_one(labels, rng)], rng, width=width) if labels else None

    rearrangements = [delete_block, duplicate_last, insert_block, swap_blocks]
    operators: list[Callable[[], Vals | None]] = [
        *(lambda operator=operator: operator(space, group, vals, rng) for operator in rearrangements),
        widen,
        change,
        change,  # kernels, strides, poolings: more to change than there is to rearrange
    ]
    for number in rng.permutation(len(operators)):
        mutated = operators[number]()
        if mutated is not None and mutated != vals:
            return mutated
    return None


def _one(labels: list[str], rng: np.random.Generator) -> str:
    return labels[int(rng.integers(len(labels)))]
