"""Widths fitted to limits: the layer that costs most is made narrower, again and again, until the sum fits.

The cost of a layer is proportional to its own width and to that of its input, so its share of the parameters and
multiply-accumulates is known after each step without making the network again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from metaopt.blueprint import Layer, Node
from metaopt.study.limits import Limit
from metaopt.study.repair.ladders import Ladders
from metaopt.study.repair.traced import given, labels_of
from metaopt.study.repair.walk import WIDTHS, Walk

_AIM = 0.995  # of the limit: biases are not quite proportional
_LARGEST_CUT = 0.5  # of a cost, in one step
_MOST_STEPS = 400

# Layer → how much of a tensor's last axis is proportional to that layer's width.
Makers = dict[Layer, float]


@dataclass(eq=False)
class Cost:
    """What one layer call costs.

    Attributes:
        amounts: limit's name → its part of the sum.
        widths: the layers that make the width of its output, and of its input.
    """

    amounts: dict[str, float]
    widths: tuple[Layer, ...]


@dataclass
class Costs:
    """The costs of a network, as functions of widths."""

    terms: list[Cost] = field(default_factory=list)
    # Layer → the costs that its width decides, how much of the width, and whether it is that of the output.
    users: dict[Layer, list[tuple[Cost, float, bool]]] = field(default_factory=dict)
    # Layer → layers whose width follows its own, as both are added, and is not decided by the space.
    followers: dict[Layer, list[Layer]] = field(default_factory=dict)


def costs_of(walk: Walk) -> Costs:
    """The costs of a network whose shapes were mended."""
    costs = Costs()
    makers: dict[Node, Makers] = {}
    counted: set[Layer] = set()
    for node in walk.trace.blueprint.nodes:
        makers[node] = _makers(walk, node, makers, costs)
        layer = walk.layer(node.layer)
        if not layer.weighted or node in walk.left_out:
            continue
        shapes = [walk.shapes[source] for source in node.inputs]
        amounts = {"macs": float(layer.macs(walk.shapes[node], *shapes)), "params": 0.0}
        if node.layer not in counted:
            counted.add(node.layer)
            amounts["params"] = float(sum(layer.parameters(*shapes)))
        own = {node.layer: 1.0} if node.layer in makers[node] else {}
        before = makers[node.inputs[0]] if node.inputs else {}
        cost = Cost(amounts, (*own, *before))
        costs.terms.append(cost)
        for makes, is_own in ((own, True), (before, False)):
            for maker, share in makes.items():
                costs.users.setdefault(maker, []).append((cost, share, is_own))
    return costs


def _makers(walk: Walk, node: Node, makers: Mapping[Node, Makers], costs: Costs) -> Makers:
    """The layers that make the width of a node's output."""
    layer = node.layer
    if not node.inputs:
        return {}
    if any(hasattr(layer, name) for name in WIDTHS[:2]):
        return {layer: 1.0}
    inputs = [makers[source] for source in node.inputs]
    if len(inputs) == 1:
        return inputs[0]
    if layer.symmetric:  # sums: all are equally wide, and those that the space does not decide follow the others
        merged = {maker: share for one in inputs for maker, share in one.items()}
        leaders = [maker for maker in merged if _width_source(walk, maker) is not None]
        for follower in merged:
            if follower not in leaders:
                for leader in leaders:
                    costs.followers.setdefault(leader, []).append(follower)
        return {leader: merged[leader] for leader in leaders} or merged
    total = sum(walk.shapes[source][-1] for source in node.inputs) or 1
    return {
        maker: share * walk.shapes[source][-1] / total
        for source, one in zip(node.inputs, inputs, strict=True)
        for maker, share in one.items()
    }


def _width_source(walk: Walk, layer: Layer) -> tuple[str, object] | None:
    """The traced argument that makes a layer's width."""
    sources = walk.trace.sources.get(layer, {})
    return next(((name, sources[name]) for name in WIDTHS if name in sources), None)


def fit(walk: Walk, costs: Costs, limits: Sequence[Limit], ladders: Ladders, rng: np.random.Generator) -> bool:
    """Moves widths until the network keeps the limits, as far as can be told from here.

    Returns:
        Whether it does.
    """
    bounds = {limit.name: limit.bound * _AIM for limit in limits if limit.name in ("params", "macs")}
    sums = {name: sum(term.amounts[name] for term in costs.terms) for name in bounds}
    labels_by_layer = {
        layer: list(dict.fromkeys(labels_of(source[1])))
        for layer in costs.users
        if (source := _width_source(walk, layer)) is not None
    }
    layers_by_label: dict[str, list[Layer]] = {}
    for layer, labels in labels_by_layer.items():
        for label in labels:
            layers_by_label.setdefault(label, []).append(layer)
    fixed: set[Cost] = set()
    for _ in range(_MOST_STEPS):
        name = max(bounds, key=lambda name: sums[name] / bounds[name], default=None)
        if name is None or sums[name] <= bounds[name]:
            return True
        cost = max(
            (term for term in costs.terms if term not in fixed), key=lambda term: term.amounts[name], default=None
        )
        if cost is None or cost.amounts[name] <= 0:
            return False
        cut = max(_LARGEST_CUT, 1 - (sums[name] - bounds[name]) / cost.amounts[name])
        moves = [
            (label, value)
            for layer in cost.widths
            for label in labels_by_layer.get(layer, ())
            if (value := ladders.below(label, walk.vals[label] * cut, walk.vals[label])) is not None
        ]
        if not moves:
            fixed.add(cost)
            continue
        label, value = moves[int(rng.integers(len(moves)))]
        _narrow(walk, costs, layers_by_label[label], label, value, sums)
    return False


def _narrow(
    walk: Walk, costs: Costs, layers: Sequence[Layer], label: str, value: float, sums: dict[str, float]
) -> None:
    """Moves a label, and all costs with it."""
    # How much of the width of a layer call's output, and of its input, becomes how many times as wide.
    changes: dict[tuple[Cost, bool], list[tuple[float, float]]] = {}
    for layer in layers:
        source = _width_source(walk, layer)
        assert source is not None
        before = given(source[1], walk.vals)
        ratio = given(source[1], {**walk.vals, label: value}) / before if before else 1.0
        for follower in (layer, *costs.followers.get(layer, ())):
            for cost, share, own in costs.users.get(follower, ()):
                changes.setdefault((cost, own), []).append((share, ratio))
    for (cost, _), parts in changes.items():
        whole = max(1.0, sum(share for share, _ in parts))  # tensors that are added count once
        factor = 1 + sum(share * (ratio - 1) for share, ratio in parts) / whole
        for name in sums:
            sums[name] -= cost.amounts[name] * (1 - factor)
            cost.amounts[name] *= factor
    walk.move({label: value})
