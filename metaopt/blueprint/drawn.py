"""Networks as text that is enough to draw them, so that a study is drawn without running the file of its problem.

The text is compressed: a network of thirty layers takes about 600 bytes.
"""

import base64
import json
import zlib
from typing import Any

from metaopt.blueprint.blueprint import Blueprint
from metaopt.blueprint.layer import Layer, Node
from metaopt.values.json_values import dump_json

# The arguments that a drawing shows.
_SHOWN = ("filters", "units", "kernel_size", "pool_size", "strides", "dilation_rate", "activation", "rate")
_MAX_BYTES = 10_000_000  # of a text once it is unpacked
_MAX_NODES = 10_000


class UnreadableDrawing(ValueError):
    """The text is not that of a network."""


class DrawnLayer(Layer):
    """A layer that is only drawn: its kind, the arguments that a drawing shows, and its number of parameters."""

    __slots__ = ("__dict__",)

    def __init__(self, kind: str, arguments: dict[str, Any], n_parameters: int) -> None:
        self.name = None
        self.__dict__.update({name: _argument(value) for name, value in arguments.items() if name in _SHOWN})
        self.__dict__.update(kind=kind, n_parameters=n_parameters)

    def parameters(self, *shapes: Any) -> tuple[int, int]:  # noqa: ARG002
        """Return the stored number of parameters."""
        return self.__dict__["n_parameters"], 0


class DrawnBlueprint(Blueprint):
    """A network that is only drawn, with its stored number of parameters and multiply-accumulates."""

    def __init__(self, inputs: list[Node], heads: dict[str, Node], params: int, macs: int) -> None:
        super().__init__(inputs, heads)
        self._counts = (params, params, macs, 0)


def pack_drawing(blueprint: Blueprint) -> str:
    """Return the text of a network; see ``unpack_drawing``."""
    numbers = {node: number for number, node in enumerate(blueprint.nodes)}
    nodes = []
    for node in blueprint.nodes:
        shapes = [inbound.shape for inbound in node.inputs]
        shown = {name: value for name in _SHOWN if (value := getattr(node.layer, name, None)) is not None}
        inputs = [numbers[inbound] for inbound in node.inputs]
        nodes.append([node.layer.kind, node.shape, sum(node.layer.parameters(*shapes)), inputs, shown])
    heads = {head: numbers[node] for head, node in blueprint.heads.items()}
    content = {"nodes": nodes, "heads": heads, "params": blueprint.params, "macs": blueprint.macs}
    return base64.b85encode(zlib.compress(dump_json(content, compact=True), 9)).decode()


def unpack_drawing(text: str) -> Blueprint:
    """Return the network of a text, which may be from a stranger: it can be drawn, not built.

    Raises:
        UnreadableDrawing: The text is not that of a network.
    """
    try:
        unpacking = zlib.decompressobj()
        content = json.loads(unpacking.decompress(base64.b85decode(text), _MAX_BYTES))
        nodes: list[Node] = []
        for kind, shape, n_parameters, inputs, shown in content["nodes"][:_MAX_NODES]:
            layer = DrawnLayer(str(kind), dict(shown), int(n_parameters))
            nodes.append(Node(layer, tuple(nodes[number] for number in inputs), tuple(int(size) for size in shape)))
        heads = {str(head): nodes[number] for head, number in content["heads"].items()}
        first = [node for node in nodes if not node.inputs]
        return DrawnBlueprint(first, heads, int(content["params"]), int(content["macs"]))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, zlib.error) as error:
        raise UnreadableDrawing(f"The stored network cannot be read ({type(error).__name__}).") from error


def _argument(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
