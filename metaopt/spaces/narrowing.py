"""Narrowing of a compiled space: other distributions for some parameters, and fewer options for some choices."""

from collections.abc import Mapping, Sequence

from metaopt.spaces.conditions import find_conditions
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.nodes import (
    Choice,
    Constant,
    Dict,
    Node,
    Operation,
    Value,
    get_children,
    sort_topologically,
    walk,
)
from metaopt.spaces.nodes import Sequence as SequenceNode
from metaopt.spaces.parameters import Parameter, Vals
from metaopt.spaces.space import Space


def narrow_space(
    space: Space, ranges: Mapping[str, Distribution], kept_options: Mapping[str, Sequence[int]] | None = None
) -> Space:
    """Return a space with narrower parameters.

    A choice of which a single option is kept is replaced by this option, so its label disappears. The probabilities of
    a ``pchoice`` are divided by the sum of those that are kept. Nodes that are shared stay shared.

    Args:
        space: the space.
        ranges: label → the new distribution of a parameter that is no choice.
        kept_options: label of a choice → ascending indices of the options that are kept, at least one. The choice must
            be one of ``selecting_labels``.
    """
    kept_options = kept_options or {}
    built: dict[int, Node] = {}
    for node in reversed(sort_topologically(space.root)):
        built[id(node)] = _rebuild(node, [built[id(child)] for child in get_children(node)], kept_options)
    root = built[id(space.root)]
    distributions = {one.label: ranges.get(one.label, one.distribution) for one in space.parameters}
    for label, kept in kept_options.items():
        distributions[label] = _keep_options(distributions[label], kept)
    conditions = find_conditions(root)
    return Space(tuple(Parameter(label, distributions[label], conditions[label]) for label in conditions), root)


def selecting_labels(space: Space) -> set[str]:
    """Return the labels whose values do nothing but select options, so that these can be renumbered."""
    nodes = list(walk(space.root))
    read = {node.label for node in nodes if isinstance(node, Value)}
    return {node.label for node in nodes if isinstance(node, Choice)} - read


def narrowed_vals(
    vals: Mapping[str, float], ranges: Mapping[str, Distribution], kept_options: Mapping[str, Sequence[int]]
) -> Vals | None:
    """Return a draw of a space as a draw of the narrowed space; None where it lies outside.

    Args:
        vals: active label → value.
        ranges: see ``narrow_space``.
        kept_options: see ``narrow_space``.
    """
    found = Vals()
    for label, value in vals.items():
        if label in ranges:
            matched = ranges[label].match(value)
            if matched is None:
                return None
            found[label] = matched
        elif label in kept_options:
            kept = list(kept_options[label])
            if value not in kept:
                return None
            if len(kept) > 1:
                found[label] = kept.index(int(value))
        else:
            found[label] = value
    return found


def _rebuild(node: Node, below: list[Node], kept_options: Mapping[str, Sequence[int]]) -> Node:
    """Return a node above the rebuilt nodes below it."""
    match node:
        case Choice(label=label):
            kept = kept_options.get(label, range(len(below)))
            return below[kept[0]] if label in kept_options and len(kept) == 1 else Choice(label, _pick(below, kept))
        case Dict(items=items):
            return Dict(tuple((key, child) for (key, _), child in zip(items, below, strict=True)))
        case SequenceNode():
            return SequenceNode(tuple(below))
        case Operation(name=name, function=function, args=args, named=named):
            keywords = [(key, child) for (key, _), child in zip(named, below[len(args) :], strict=True)]
            return Operation(name, function, tuple(below[: len(args)]), tuple(keywords))
        case Constant() | Value():
            return node
    raise AssertionError(node)


def _pick(nodes: Sequence[Node], indices: Sequence[int]) -> tuple[Node, ...]:
    return tuple(nodes[index] for index in indices)


def _keep_options(distribution: Distribution, kept: Sequence[int]) -> Distribution:
    if distribution.name != "pchoice":
        return Distribution("choice", (len(kept),))
    total = sum(distribution.args[index] for index in kept)
    if total <= 0:
        return Distribution("choice", (len(kept),))
    return Distribution("pchoice", tuple(distribution.args[index] / total for index in kept))
