"""The partner of each layer of a child in its parent."""

from typing import Any

from metaopt.training.inheritance.alignment import Traits, align
from metaopt.training.inheritance.graph import PADDING, TO_VECTOR, Call, Graph
from metaopt.training.inheritance.identity import activation_of


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
    for i, j in align([_traits(call) for call in inner], [_traits(call) for call in other]):
        found[inner[i]] = other[j]
    return found


def _inner(graph: Graph) -> list[Call]:
    """All calls but the heads, and without the zeros around an image: they belong to the layer that follows."""
    heads = set(graph.heads.values())
    return [call for call in graph.calls if call not in heads and call.kind != PADDING]


def _traits(call: Call) -> Traits:
    layer = call.layer
    return Traits(
        kind="to vector" if call.kind in TO_VECTOR else call.kind,
        weighted=call.weighted,
        window=_setting(layer, "kernel_size") or _setting(layer, "pool_size"),
        strides=_setting(layer, "strides"),
        activation=activation_of(layer),
        size=call.shape[:-1],
        width=max(1, call.width),
        taken=max([1, *call.input_widths[:1]]),
    )


def _setting(layer: Any, name: str) -> str | None:
    value = getattr(layer, name, None)
    return None if value is None else repr(value)
