"""The network of a point without any framework: its layers, shapes, parameters and multiply-accumulates."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

from metaopt.blueprint.canonical import canonical_hash
from metaopt.blueprint.errors import InvalidArchitecture
from metaopt.blueprint.layer import Layer, Node, Shape

# The head of a network with one output that the caller did not name.
DEFAULT_HEAD = "label"


class Blueprint:
    """A network of layer calls from inputs to outputs; nodes that no output needs are left out, as Keras does.

    Args:
        inputs: the input node, or several.
        outputs: the output node, or head → node; the first head is the one that a search is about.

    Attributes:
        inputs: the input nodes.
        heads: head → its node; a single output that has no name is ``"label"``.
        named: the outputs were given by name; ``to_keras`` then returns them by name.
        nodes: all nodes, inputs before their consumers.

    Raises:
        InvalidArchitecture: an output depends on an input that is not given, or an input reaches no output.
    """

    def __init__(self, inputs: Node | Sequence[Node], outputs: Node | Mapping[str, Node]):
        self.inputs: tuple[Node, ...] = (inputs,) if isinstance(inputs, Node) else tuple(inputs)
        self.named = not isinstance(outputs, Node)
        self.heads: dict[str, Node] = {DEFAULT_HEAD: outputs} if isinstance(outputs, Node) else dict(outputs)
        if not self.heads:
            raise InvalidArchitecture("Blueprint", None, "it has no output")
        self.nodes: tuple[Node, ...] = _reached(self.heads.values())
        sources = {node for node in self.nodes if not node.inputs}
        if sources != set(self.inputs):
            problem = "an output depends on an input that is not given, or an input reaches no output"
            raise InvalidArchitecture("Blueprint", None, problem)

    @property
    def params(self) -> int:
        """Parameters, as Keras' ``count_params()``: a shared layer's count once."""
        return self._counts[0]

    @property
    def trainable_params(self) -> int:
        """Parameters that training changes by gradients: all but the moving statistics of batch normalisation."""
        return self._counts[1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image: H_out·W_out·k_h·k_w·C_in·C_out a convolution, in·out a dense layer.

        Padded positions are counted, everything else is 0. A shared layer counts at every call.
        """
        return self._counts[2]

    @property
    def activations(self) -> int:
        """Numbers in all nodes' outputs for one image, the input included."""
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
            shapes = [source.shape for source in node.inputs]
            macs += layer.macs(output, *shapes)
            if layer not in counted:
                counted.add(layer)
                weights = layer.parameters(*shapes)
                trainable += weights[0]
                frozen += weights[1]
        return trainable + frozen, trainable, macs, activations

    @property
    def layers(self) -> list[Layer]:
        """Each layer once, in the order of the first call."""
        return list(dict.fromkeys([node.layer for node in self.nodes]))

    @cached_property
    def hash(self) -> str:
        """Hexadecimal, equal for equal networks however they were written; see ``metaopt.blueprint.canonical``."""
        return canonical_hash(self.nodes, list(self.heads.values()))

    @cached_property
    def names(self) -> dict[Node, str]:
        """Node → a name of its own: the head's, the layer's, or one made from the kind as Keras does."""
        taken: dict[str, int] = {}
        names: dict[Node, str] = {}
        for head, node in self.heads.items():
            names.setdefault(node, head)
            taken[head] = 0
        for node in self.nodes:
            if node not in names:
                names[node] = _unused(node.layer.name or _snake_case(node.layer.kind), taken)
        return names

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """Node's name → its output's shape without the batch, inputs before their consumers."""
        return {self.names[node]: node.shape for node in self.nodes}

    def summary(self) -> str:
        """A table of all nodes: name, kind, output shape, parameters, multiply-accumulates."""
        rows = [("name", "layer", "output", "parameters", "MACs")]
        counted: set[Layer] = set()
        for node in self.nodes:
            shapes = [source.shape for source in node.inputs]
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
        """An uncompiled functional ``keras.Model``; see ``metaopt.blueprint.to_keras``."""
        from metaopt.blueprint.to_keras import to_keras

        return to_keras(self, inference)

    def draw(self, path: str | os.PathLike[str], title: str | None = None) -> None:
        """Draws the network into a ``.png`` or ``.svg`` file; see ``metaopt.blueprint.drawing``."""
        from metaopt.blueprint.drawing import draw

        draw(self, path, title)

    def __repr__(self) -> str:
        return f"<Blueprint of {len(self.nodes)} nodes, {self.params:,} parameters, {self.macs:,} MACs>"


def _reached(outputs: Any) -> tuple[Node, ...]:
    """All nodes that the outputs need, in the order in which they were made, so inputs before their consumers."""
    reached: set[Node] = set()
    open_nodes = list(outputs)
    for node in open_nodes:  # grows as it goes
        if node not in reached:
            reached.add(node)
            open_nodes += node.inputs
    return tuple(sorted(reached, key=attrgetter("index")))


def _snake_case(kind: str) -> str:
    """``"AveragePooling2D"`` → ``"average_pooling2d"``, as Keras names layers."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", kind).lower()


def _unused(name: str, taken: dict[str, int]) -> str:
    """The name, or with the first number behind it that is free."""
    unused = name
    while unused in taken:
        taken[name] = taken.get(name, 0) + 1
        unused = f"{name}_{taken[name]}"
    taken[unused] = 0
    return unused
