"""Architecture of a network: the part of its structure that its weights belong to.

Two networks of one function with equal architectures have the same variables in the same order, and compute the same
outputs from them at inference. The structural hash also covers regularisation, which a training may change on its way.
"""

from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any

from metaopt.blueprint.blueprint import Blueprint
from metaopt.blueprint.layer import Layer
from metaopt.blueprint.structural_hash import config_text

_RATE, _REGULARIZER = "rate", "_regularizer"  # of Dropout and the like, and of weight penalties


def describe_architecture(blueprint: Blueprint) -> tuple[Any, ...]:
    """Return a value that is equal for equal architectures: layers, connections and shapes, without regularisation.

    Args:
        blueprint: the network. Its nodes count in the order of their creation, in which Keras creates the variables.
    """
    numbers = {node: number for number, node in enumerate(blueprint.nodes)}
    layers: dict[Layer, int] = {}
    nodes = tuple(
        (
            node.layer.kind,
            config_text(_settings_of(type(node.layer))(node.layer)),
            layers.setdefault(node.layer, len(layers)),
            tuple(numbers[inbound] for inbound in node.inputs),
            node.shape,
        )
        for node in blueprint.nodes
    )
    return nodes, tuple((head, numbers[node]) for head, node in blueprint.heads.items())


@cache
def _settings_of(kind: type[Layer]) -> Any:
    """Return a function from a layer to its settings without its name and its regularisation."""
    names = [each.name for each in fields(kind) if each.name not in ("name", "_first_shapes", _RATE)]
    kept = [name for name in names if not name.endswith(_REGULARIZER)]
    return attrgetter(*kept) if kept else lambda _: ()
