"""Matching of the layers of a child network with those of its parent."""

import math
from collections import Counter
from typing import Any

from metaopt.training.weight_transfer.alignment import LayerTraits, align_layers
from metaopt.training.weight_transfer.graph import PADDING, TO_VECTOR, Graph, LayerCall
from metaopt.training.weight_transfer.identity_init import find_activation


def match_layers(child: Graph, parent: Graph) -> dict[LayerCall, LayerCall]:
    """Return child's call → matching call of the parent, for the calls that have a match.

    Heads match by the name of their output, or if each network has a single head; and only if they have the same number
    of outputs, because probabilities of other classes have nothing in common. All other calls are aligned in their
    order.
    """
    if len(child.heads) == len(parent.heads) == 1:
        heads = [(*child.heads.values(), *parent.heads.values())]
    else:
        heads = [(child.heads[name], parent.heads[name]) for name in child.heads if name in parent.heads]
    found = {
        ours: theirs
        for ours, theirs in heads
        if (ours.class_name, ours.n_channels) == (theirs.class_name, theirs.n_channels)
    }
    inner, parent_inner = _list_inner(child), _list_inner(parent)
    traits = [_make_traits(call) for call in inner]
    pairs = dict(align_layers(traits, [_make_traits(call) for call in parent_inner]))
    _shift_gaps(inner, traits, pairs)
    return found | {inner[i]: parent_inner[j] for i, j in pairs.items()}


def _shift_gaps(calls: list[LayerCall], traits: list[LayerTraits], pairs: dict[int, int]) -> None:
    """Shift runs of unmatched calls to an earlier position of equal score where they form a complete block.

    Example: in BN, ReLU, conv, add | BN, ReLU, conv, add | BN, ReLU the second block may be the new one, or equally
    "conv, add, BN, ReLU" around its end. Only the output of a complete block can equal its input.
    """
    unmatched = [i for i in range(len(calls)) if i not in pairs]
    for first in [i for i in unmatched if i == 0 or i - 1 in pairs]:
        last = first
        while last + 1 < len(calls) and last + 1 not in pairs:
            last += 1
        for shift in range(first + 1):
            if _is_block(calls[first - shift : last + 1 - shift]):
                for step in range(1, shift + 1):
                    pairs[last + 1 - step] = pairs.pop(first - step)
                break
            before, end = first - shift - 1, last - shift
            if before not in pairs or traits[before] != traits[end]:
                break


def _is_block(calls: list[LayerCall]) -> bool:
    """Return whether the calls have one input, used nowhere else, and one output, that of the last call."""
    inside = set(calls)
    uses = Counter(_skip_padding(source) for call in calls for source in call.input_calls)
    entries = [source for source in uses if source not in inside]
    is_closed = all(uses[call] == call.n_consumers for call in (*calls[:-1], *entries))
    return is_closed and len(entries) == 1 and not uses[calls[-1]]


def _skip_padding(call: LayerCall) -> LayerCall:
    return _skip_padding(call.input_calls[0]) if call.class_name == PADDING else call


def _list_inner(graph: Graph) -> list[LayerCall]:
    """Return all calls except heads and zero padding, which belongs to the layer that follows it."""
    heads = set(graph.heads.values())
    return [call for call in graph.calls if call not in heads and call.class_name != PADDING]


def _make_traits(call: LayerCall) -> LayerTraits:
    layer = call.layer
    return LayerTraits(
        layer_type="to vector" if call.class_name in TO_VECTOR else call.class_name,
        has_weights=call.has_weights,
        window=_mean_side(getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)),
        strides=repr(getattr(layer, "strides", None)),
        activation=find_activation(layer),
        size=call.shape[:-1],
        channels=max(1, call.n_channels),
        input_channels=max([1, *call.n_input_channels[:1]]),
    )


def _mean_side(window: Any) -> float:
    """Return the geometric mean of the sides of a window."""
    sides = window if isinstance(window, tuple) else (window or 1,)
    return math.prod(sides) ** (1 / len(sides))
