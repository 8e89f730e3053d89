"""A network described without a framework: its layers, shapes, parameters and multiply-accumulates."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Node, Shape
from metaopt.blueprint.structural_hash import compute_structural_hash

# Name of the only head of a network whose output was given without a name.
DEFAULT_HEAD = "label"


class Blueprint:
    """A network: a graph of layer calls from inputs to outputs. As in Keras, nodes that no output needs are left out.

    Args:
        inputs: one input node or several.
        outputs: the output node, or head → node. A search optimizes the first head.

    Attributes:
        inputs: the input nodes.
        heads: head → its node; a single output without a name is ``"label"``.
        named: whether the outputs were given by name; ``to_keras`` then returns them by name.
        nodes: all nodes, inputs before their consumers.

    Raises:
        InvalidArchitecture: there is no output, an output depends on an input that is not given, or no output depends
            on one of the inputs.
    """

    def __init__(self, inputs: Node | Sequence[Node], outputs: Node | Mapping[str, Node]):
        self.inputs: tuple[Node, ...] = (inputs,) if isinstance(inputs, Node) else tuple(inputs)
        self.named = not isinstance(outputs, Node)
        self.heads: dict[str, Node] = {DEFAULT_HEAD: outputs} if isinstance(outputs, Node) else dict(outputs)
        if not self.heads:
            raise InvalidArchitecture("Blueprint", None, "Expected at least one output, got none.")
        self.nodes: tuple[Node, ...] = _collect_nodes(self.heads.values())
        reached = {node for node in self.nodes if not node.inputs}
        if not reached <= set(self.inputs):
            raise InvalidArchitecture("Blueprint", None, "An output depends on an input node that was not given.")
        if reached != set(self.inputs):
            raise InvalidArchitecture("Blueprint", None, "No output depends on one of the given input nodes.")

    @property
    def params(self) -> int:
        """Number of parameters, as Keras' ``count_params()``. A shared layer counts once."""
        return self._counts[0]

    @property
    def trainable_params(self) -> int:
        """Number of parameters with gradients: all except the moving statistics of batch normalisation."""
        return self._counts[1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image.

        H_out·W_out·k_h·k_w·C_in·C_out for a convolution, in·out for a dense layer, 0 for any other layer. Padded
        positions are counted. A shared layer counts at every call.
        """
        return self._counts[2]

    @property
    def activations(self) -> int:
        """Number of activations for one image: the elements of all outputs, including the input."""
        return self._counts[3]

    @cached_property
    def _counts(self) -> tuple[int, int, int, int]:
        trainable = frozen = macs = activations = 0
        counted: set[Layer] = set()
        for node in self.nodes:
            layer, output = node.layer, node.shape
            activations += math.prod(output)
            if not layer.weighted:
                continue
            shapes = [inbound.shape for inbound in node.inputs]
            macs += layer.macs(output, *shapes)
            activations += layer.hidden_activations(output, *shapes)
            if layer not in counted:
                counted.add(layer)
                layer_trainable, layer_frozen = layer.parameters(*shapes)
                trainable += layer_trainable
                frozen += layer_frozen
        return trainable + frozen, trainable, macs, activations

    @property
    def layers(self) -> list[Layer]:
        """The distinct layers, in the order of their first calls."""
        return list(dict.fromkeys([node.layer for node in self.nodes]))

    @cached_property
    def hash(self) -> str:
        """Structural hash in hexadecimal, equal for equal networks; see ``metaopt.blueprint.structural_hash``."""
        return compute_structural_hash(self.nodes, list(self.heads.values()))

    @cached_property
    def names(self) -> dict[Node, str]:
        """Node → unique name: that of the head or of the layer, or one derived from the kind as in Keras."""
        taken: dict[str, int] = {}
        names: dict[Node, str] = {}
        for head, node in self.heads.items():
            names.setdefault(node, head)
            taken[head] = 0
        for node in self.nodes:
            if node not in names:
                names[node] = _make_unique(node.layer.name or _to_snake_case(node.layer.kind), taken)
        return names

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """Name of a node → shape of its output without the batch, inputs before their consumers."""
        return {self.names[node]: node.shape for node in self.nodes}

    def summary(self) -> str:
        """Return a table of all nodes: name, kind, output shape, parameters, multiply-accumulates."""
        rows = [("name", "layer", "output", "parameters", "MACs")]
        counted: set[Layer] = set()
        for node in self.nodes:
            shapes = [inbound.shape for inbound in node.inputs]
            weights = 0 if node.layer in counted else sum(node.layer.parameters(*shapes))
            counted.add(node.layer)
            shape, macs = "×".join(map(str, node.shape)), node.layer.macs(node.shape, *shapes)
            rows.append((self.names[node], node.layer.kind, shape, f"{weights:,}", f"{macs:,}"))
        rows.append(("total", "", "", f"{self.params:,}", f"{self.macs:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
            cells += [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def to_keras(self, inference: bool = False) -> Any:
        """Build an uncompiled functional ``keras.Model``; see ``metaopt.blueprint.to_keras``."""
        from metaopt.blueprint.to_keras import to_keras

        return to_keras(self, inference)

    def draw(self, path: str | os.PathLike[str], title: str | None = None) -> None:
        """Draw the network into a ``.png`` or ``.svg`` file; see ``metaopt.blueprint.drawing``."""
        from metaopt.blueprint.drawing import draw

        draw(self, path, title)

    def __repr__(self) -> str:
        return f"<Blueprint of {len(self.nodes)} nodes, {self.params:,} parameters, {self.macs:,} MACs>"


def _collect_nodes(outputs: Any) -> tuple[Node, ...]:
    """Return all nodes that the outputs need, in the order of their creation: inputs before their consumers."""
    collected: set[Node] = set()
    queue = list(outputs)
    for node in queue:  # the queue grows during the loop
        if node not in collected:
            collected.add(node)
            queue += node.inputs
    return tuple(sorted(collected, key=attrgetter("index")))


def _to_snake_case(kind: str) -> str:
    """Return the layer name that Keras derives from a class: ``"AveragePooling2D"`` → ``"average_pooling2d"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", kind).lower()


def _make_unique(name: str, taken: dict[str, int]) -> str:
    """Return the name, with the first free number appended if it is taken."""
    unique = name
    while unique in taken:
        taken[name] = taken.get(name, 0) + 1
        unique = f"{name}_{taken[name]}"
    taken[unique] = 0
    return unique
