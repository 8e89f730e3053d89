"""The calls of a Keras model's layers, in an order that a change in one branch does not disturb elsewhere."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

# A model is a graph of calls; networkx walks it without recursion, so that a network may be deeper than Python's stack.
import networkx as nx

Shape = tuple[int | None, ...]

# Layers that bring an image to a vector: a mean is a vector of one place, the centre.
TO_VECTOR = {"Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"}
PADDING = "ZeroPadding2D"


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Attributes:
        layer: or an operation such as ``keras.ops.add`` became in the graph.
        inputs: Keras tensors, whose shapes begin with the batch.
        output: the first one.
        sources: the calls that give the inputs.
        consumers: how many calls, and heads, take the output.
    """

    layer: Any
    inputs: tuple[Any, ...]
    output: Any
    sources: tuple["Call", ...]
    consumers: int

    @property
    def kind(self) -> str:
        """The name of a class of Keras or of a blueprint's layer; that of another class comes with its module.

        Sums and products of tensors are of the kind of the layers ``Add`` and ``Multiply``, with a number not.
        """
        cls = type(self.layer)
        known = cls.__module__.partition(".")[0] in ("keras", "metaopt")
        plain = known and (hasattr(self.layer, "weights") or len(self.inputs) > 1)
        return cls.__name__ if plain else f"{cls.__module__}.{cls.__name__}"

    @property
    def weighted(self) -> bool:
        """Whether the layer has weights."""
        return bool(getattr(self.layer, "weights", ()))

    @property
    def shape(self) -> Shape:
        """Of the output, without the batch."""
        return tuple(self.output.shape[1:])

    @property
    def width(self) -> int:
        """Channels of the output, 0 if they are not known."""
        return _width(self.shape)

    @property
    def input_widths(self) -> list[int]:
        """Channels of each input."""
        return [_width(shape) for shape in self.input_shapes]

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Of the inputs, without the batch."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.inputs)


@dataclass(frozen=True)
class Graph:
    """A model.

    Attributes:
        calls: each after those whose outputs it takes; a branch is not interrupted by another.
        heads: the output's name → the last call with weights before it.
    """

    calls: tuple[Call, ...] = ()
    heads: dict[str, Call] = field(default_factory=dict)


def _width(shape: Shape) -> int:
    return (shape[-1] or 0) if shape else 0


def graph_of(model: Any) -> Graph:
    """The graph of a functional or built sequential model; empty for any other, whose graph is not known.

    A model within the model is one call. The calls come in the depth-first post-order from the outputs: what is
    inserted into a branch moves nothing in another, as it would where layers are sorted by their depth.
    """
    graph = getattr(model, "_functional", None) or model  # a Sequential keeps its graph there
    if not hasattr(graph, "_nodes_by_depth"):
        return Graph()
    nodes = list(chain.from_iterable(graph._nodes_by_depth.values()))
    givers = {id(tensor): node for node in nodes for tensor in node.output_tensors}
    outputs = _outputs(graph)
    edges: dict[Any, list[Any]] = {
        node: [givers[id(tensor)] for tensor in node.input_tensors if id(tensor) in givers] for node in nodes
    }
    edges["heads"] = [givers[id(tensor)] for tensor in outputs.values()]
    consumers = Counter(chain.from_iterable(edges.values()))
    calls: dict[Any, Call] = {}
    for node in nx.dfs_postorder_nodes(nx.DiGraph(edges), "heads"):
        if node != "heads":
            calls[node] = Call(
                node.operation,
                tuple(node.input_tensors),
                node.output_tensors[0],
                tuple(calls[source] for source in edges[node]),
                consumers[node],
            )
    return Graph(tuple(calls.values()), {name: _head(calls[givers[id(tensor)]]) for name, tensor in outputs.items()})


def _outputs(graph: Any) -> dict[str, Any]:
    """The output's name → its tensor: the key, where the model gives a dict, else the name of the layer."""
    if isinstance(graph.output, dict):
        return dict(graph.output)
    return dict(zip(graph.output_names, graph.outputs, strict=True))


def _head(call: Call) -> Call:
    """The call itself, or the one with weights whose output only an activation, say, separates from it."""
    found = call
    while not found.weighted and len(found.sources) == 1 and found.input_shapes == (found.shape,):
        found = found.sources[0]
    return found if found.weighted else call
