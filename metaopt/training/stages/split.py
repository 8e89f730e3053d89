"""Division of a network into a frozen part, whose outputs for an image never change, and the part that is trained."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from metaopt.backbones.layer import Backbone
from metaopt.blueprint import Blueprint, Concatenate, GlobalAveragePooling2D, GlobalMaxPooling2D, Input, Node

# Kinds of layers without parameters and without chance.
_PLAIN = frozenset(
    {
        "InputLayer",
        "Add",
        "Concatenate",
        "Flatten",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "Rescaling",
        "Resizing",
    }
)
_POOLINGS = ("GlobalAveragePooling2D", "GlobalMaxPooling2D")


@dataclass(frozen=True)
class Split:
    """A network in two parts.

    Attributes:
        frozen: from the images to the features.
        columns: range of the features' last axis that the trained part takes, where the frozen part returns more, so
            that networks with other poolings share its features; None for all.
        trained: from the features to the heads.
    """

    frozen: Blueprint
    columns: tuple[int, int] | None
    trained: Blueprint


def split_frozen(blueprint: Blueprint, is_frozen: Callable[[Backbone], bool]) -> Split | None:
    """Return a network in two parts; None if it has no frozen part, or not a single tensor between both parts.

    Args:
        blueprint: the network.
        is_frozen: whether a part of a backbone is frozen.
    """
    fixed: set[Node] = set()
    for node in blueprint.nodes:
        layer = node.layer
        is_fixed = is_frozen(layer) if isinstance(layer, Backbone) else layer.kind in _PLAIN
        if is_fixed and all(each in fixed for each in node.inputs):
            fixed.add(node)
    if not any(isinstance(node.layer, Backbone) for node in fixed) or fixed & set(blueprint.heads.values()):
        return None
    between = {each for node in blueprint.nodes if node not in fixed for each in node.inputs if each in fixed}
    if len(between) != 1 or len(blueprint.inputs) != 1:
        return None
    (features,) = between
    frozen, columns = _make_frozen(features)
    return Split(frozen, columns, _make_trained(blueprint, features, fixed))


def _make_frozen(features: Node) -> tuple[Blueprint, tuple[int, int] | None]:
    """Return the frozen part, equal for all networks that can share its features, and the columns that are taken."""
    pools = list(features.inputs) if features.layer.kind == "Concatenate" else [features]
    maps = {each for pool in pools for each in pool.inputs}
    if len(maps) != 1 or any(pool.layer.kind not in _POOLINGS for pool in pools):
        return _copied(features), None
    (pooled,) = maps
    copied = _copy(pooled, {})
    both = Concatenate()([GlobalAveragePooling2D()(copied), GlobalMaxPooling2D()(copied)])
    channels = pooled.shape[-1]
    order = [pool.layer.kind for pool in pools]
    columns = {(_POOLINGS[0],): (0, channels), (_POOLINGS[1],): (channels, 2 * channels), _POOLINGS: None}
    if tuple(order) not in columns:
        return _copied(features), None
    return Blueprint(_find_input(copied), both), columns[tuple(order)]


def _copied(node: Node) -> Blueprint:
    copied = _copy(node, {})
    return Blueprint(_find_input(copied), copied)


def _find_input(node: Node) -> Node:
    """Return the input of a graph that has one."""
    while node.inputs:
        node = node.inputs[0]
    return node


def _copy(node: Node, copies: dict[Node, Node]) -> Node:
    """Return a copy of a frozen graph in which parts of a backbone that follow each other are one."""
    if node not in copies:
        layer, inputs = node.layer, node.inputs
        if not inputs:
            copies[node] = Input(node.shape, name=layer.name)
            return copies[node]
        if isinstance(layer, Backbone):
            while len(inputs) == 1 and isinstance(before := inputs[0].layer, Backbone) and before.end == layer.start:
                layer, inputs = _join(before, layer), inputs[0].inputs
            trainable, frozen, macs, activations = layer.counts
            layer = replace(layer, is_tuned=False, counts=(0, trainable + frozen, macs, activations))
        copied = [_copy(each, copies) for each in inputs]
        copies[node] = layer(copied if layer.merges else copied[0])
    return copies[node]


def _join(before: Backbone, after: Backbone) -> Backbone:
    sums = [first + second for first, second in zip(before.counts, after.counts, strict=True)]
    return replace(before, end=after.end, output=after.output, counts=(sums[0], sums[1], sums[2], sums[3]))


def _make_trained(blueprint: Blueprint, features: Node, fixed: set[Node]) -> Blueprint:
    """Return the part from the features to the heads."""
    made = {features: Input(features.shape)}
    for node in blueprint.nodes:
        if node not in fixed:
            inputs = [made[each] for each in node.inputs]
            made[node] = node.layer(inputs if node.layer.merges else inputs[0])
    heads = {head: made[node] for head, node in blueprint.heads.items()}
    return Blueprint(made[features], heads if blueprint.named else next(iter(heads.values())))
