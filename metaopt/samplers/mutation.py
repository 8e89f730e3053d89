"""Mutation of a draw: perturb some of its parameters, or apply an operator to one stack of blocks."""

from collections.abc import Callable, Mapping, Sequence

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

_REDRAWS = 20  # of a prior that may return the same value, such as an option with a probability of 0.99

_WIDTHS = (0.05, 0.2)  # of the steps of mutations of the best


def mutate_best(space: Space, best: Sequence[Vals], count: int, rng: np.random.Generator) -> list[Vals]:
    """Return mutations of the best draws in turn, of every draw with small and with large steps.

    Args:
        space: the space of the draws, with at least one parameter.
        best: at least one draw.
        count: number of mutations.
        rng: the only source of randomness.
    """
    widths = [_WIDTHS[number // len(best) % len(_WIDTHS)] for number in range(count)]
    return [mutate(space, best[number % len(best)], rng, width) for number, width in enumerate(widths)]


def mutate(space: Space, vals: Mapping[str, float], rng: np.random.Generator, width: float) -> Vals:
    """Return a draw with one mutation.

    Either the n parameters outside of all stacks are perturbed, each with probability 1/n and at least one of them, or
    one block operator is applied to one stack. The alternatives have probabilities proportional to n and to the number
    of parameters of *one* block of each stack, so that thirty blocks do not dominate a learning rate.

    Args:
        space: the space of the draw, with at least one parameter.
        vals: the draw.
        rng: the only source of randomness.
        width: width of the steps, see ``metaopt.spaces.operators.perturb``.
    """
    stacks = [stack for stack in space.block_stacks if stack.active(vals)]
    stacked = {label for stack in stacks for label in stack.labels}
    # Block operators change a depth, unless several of its options have the same number of blocks.
    stacked |= {stack.depth for stack in stacks if stack.depth and len(set(stack.lengths)) == len(stack.lengths)}
    outside = [label for label in vals if label not in stacked]
    weights = np.array([len(outside), *(max(map(len, stack.blocks)) for stack in stacks)], dtype=float)
    selected = int(rng.choice(len(weights), p=weights / weights.sum()))
    if selected:
        mutated = _mutate_stack(space, stacks[selected - 1], vals, rng, width)
        if mutated is not None:
            return mutated
    return _perturb_some(space, vals, outside or list(vals), rng, width)


def redraw(space: Space, vals: Mapping[str, float], rng: np.random.Generator) -> Vals:
    """Return a draw in which one active parameter is drawn anew from its prior.

    All active parameters are equally likely. The new value differs from the old one wherever the prior allows it.

    Args:
        space: the space of the draw, with at least one parameter.
        vals: the draw.
        rng: the only source of randomness.
    """
    label = _draw_label(list(vals), rng)
    others = {name: value for name, value in vals.items() if name != label}
    for _ in range(_REDRAWS):
        redrawn = space.complete(others, rng)
        if redrawn[label] != vals[label]:
            break
    return redrawn


def _perturb_some(
    space: Space, vals: Mapping[str, float], labels: list[str], rng: np.random.Generator, width: float
) -> Vals:
    """Perturb each label with probability 1 / len(labels), and at least one of them."""
    selected = rng.random(len(labels)) < 1 / len(labels)
    selected[rng.integers(len(labels))] |= not selected.any()
    return perturb(space, vals, [label for label, one in zip(labels, selected, strict=True) if one], rng, width=width)


def _mutate_stack(
    space: Space, stack: BlockStack, vals: Mapping[str, float], rng: np.random.Generator, width: float
) -> Vals | None:
    """Apply the first applicable operator, in random order, to a stack; return None if no operator is applicable."""

    def widen() -> Vals | None:
        labels = find_width_labels(space, stack, vals)
        return perturb(space, vals, [_draw_label(labels, rng)], rng, width=width, upwards=True) if labels else None

    def change() -> Vals | None:
        labels = [label for block in read_blocks(stack, vals) for label, _ in block.values()]
        return perturb(space, vals, [_draw_label(labels, rng)], rng, width=width) if labels else None

    block_operators = [delete_block, duplicate_last, insert_block, swap_blocks]
    operators: list[Callable[[], Vals | None]] = [
        *(lambda operator=operator: operator(space, stack, vals, rng) for operator in block_operators),
        widen,
        change,
        change,  # twice, because a block has many parameters: kernel, stride, pooling, …
    ]
    for number in rng.permutation(len(operators)):
        mutated = operators[number]()
        if mutated is not None and mutated != vals:
            return mutated
    return None


def _draw_label(labels: list[str], rng: np.random.Generator) -> str:
    return labels[int(rng.integers(len(labels)))]
