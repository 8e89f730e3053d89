"""The partner of each layer of a child in its parent."""

import math
from collections import Counter
from typing import Any

from metaopt.training.weight_transfer.alignment import Traits, align
from metaopt.training.weight_transfer.graph import PADDING, TO_VECTOR, Call, Graph
from metaopt.training.weight_transfer.identity import activation_of


def partners(child: Graph, parent: Graph) -> dict[Call, Call]:
    """Call of the child → the parent's call that it corresponds to, if there is one.

    Heads correspond by the name of their output, or where each network has one only, and only if they give as many
    numbers: there is nothing common in the probabilities of other classes. The other calls are aligned in their order.
    """
    if len(child.heads) == len(parent.heads) == 1:
        heads = [(*child.heads.values(), *parent.heads.values())]
    else:
        heads = [(child.heads[name], parent.heads[name]) for name in child.heads if name in parent.heads]
    found = {mine: theirs for mine, theirs in heads if (mine.kind, mine.width) == (theirs.kind, theirs.width)}
    inner, other = _inner(child), _inner(parent)
    traits = [_traits(call) for call in inner]
    pairs = dict(align(traits, [_traits(call) for call in other]))
    _move_gaps(inner, traits, pairs)
    return found | {inner[i]: other[j] for i, j in pairs.items()}


def _move_gaps(calls: list[Call], traits: list[Traits], pairs: dict[int, int]) -> None:
    """Lets calls without partners begin earlier where that agrees as well and makes them a whole block.

    Of the blocks BN, relu, conv, sum | BN, relu, conv, sum | BN, relu the second may be new, or as well "conv, sum, BN,
    relu" around its end; but only what comes out of the whole block can be what came into it.
    """
    unpaired = [i for i in range(len(calls)) if i not in pairs]
    for first in [i for i in unpaired if i == 0 or i - 1 in pairs]:
        last = first
        while last + 1 < len(calls) and last + 1 not in pairs:
            last += 1
        for moved in range(first + 1):
            if _is_block(calls[first - moved : last + 1 - moved]):
                for step in range(1, moved + 1):
                    pairs[last + 1 - step] = pairs.pop(first - step)
                break
            before, end = first - moved - 1, last - moved
            if before not in pairs or traits[before] != traits[end]:
                break


def _is_block(calls: list[Call]) -> bool:
    """Whether all inputs are one call's output, which goes nowhere else, and only the last output is taken outside."""
    inside = set(calls)
    taken = Counter(_unpadded(source) for call in calls for source in call.sources)
    entries = [source for source in taken if source not in inside]
    closed = all(taken[call] == call.consumers for call in (*calls[:-1], *entries))
    return closed and len(entries) == 1 and not taken[calls[-1]]


def _unpadded(call: Call) -> Call:
    return _unpadded(call.sources[0]) if call.kind == PADDING else call


def _inner(graph: Graph) -> list[Call]:
    """All calls but the heads, and without the zeros around an image: they belong to the layer that follows."""
    heads = set(graph.heads.values())
    return [call for call in graph.calls if call not in heads and call.kind != PADDING]


def _traits(call: Call) -> Traits:
    layer = call.layer
    return Traits(
        kind="to vector" if call.kind in TO_VECTOR else call.kind,
        weighted=call.weighted,
        window=_side(getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)),
        strides=repr(getattr(layer, "strides", None)),
        activation=activation_of(layer),
        size=call.shape[:-1],
        width=max(1, call.width),
        taken=max([1, *call.input_widths[:1]]),
    )


def _side(window: Any) -> float:
    """The geometric mean of a window's sides."""
    sides = window if isinstance(window, tuple) else (window or 1,)
    return math.prod(sides) ** (1 / len(sides))
