"""Graph of a Keras model's layer calls, in an order in which a change of one branch does not affect the others."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

# networkx traverses the graph without recursion, so that a network may be deeper than Python's stack.
import networkx as nx

Shape = tuple[int | None, ...]

# Layers that turn an image into a vector. A global average counts as a flattened image of one pixel, the centre.
TO_VECTOR = {"Flatten", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"}
TO_VECTOR |= {"GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"}
PADDING = "ZeroPadding2D"


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of a layer, a node of the graph.

    Attributes:
        layer: the layer, or the operation of e.g. ``keras.ops.add``.
        inputs: Keras tensors, whose shapes begin with the batch axis.
        output: the first output tensor.
        input_calls: calls that return the inputs.
        n_consumers: number of calls and heads that use the output.
    """

    layer: Any
    inputs: tuple[Any, ...]
    output: Any
    input_calls: tuple["LayerCall", ...]
    n_consumers: int

    @property
    def class_name(self) -> str:
        """Name of the layer's class; for classes outside Keras and metaopt with the module.

        Sums and products of tensors have the names of the layers ``Add`` and ``Multiply``, unless one operand is a
        number.
        """
        cls = type(self.layer)
        is_known = cls.__module__.partition(".")[0] in ("keras", "metaopt")
        has_short_name = is_known and (hasattr(self.layer, "weights") or len(self.inputs) > 1)
        return cls.__name__ if has_short_name else f"{cls.__module__}.{cls.__name__}"

    @property
    def has_weights(self) -> bool:
        """The layer has weights."""
        return bool(getattr(self.layer, "weights", ()))

    @property
    def shape(self) -> Shape:
        """Shape of the output, without the batch axis."""
        return tuple(self.output.shape[1:])

    @property
    def n_channels(self) -> int:
        """Channels of the output, 0 if unknown."""
        return _count_channels(self.shape)

    @property
    def n_input_channels(self) -> list[int]:
        """Channels of each input."""
        return [_count_channels(shape) for shape in self.input_shapes]

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the inputs, without the batch axis."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.inputs)


@dataclass(frozen=True)
class Graph:
    """Graph of a model.

    Attributes:
        calls: all layer calls in topological order; the calls of a branch are consecutive.
        heads: name of an output → the last call with weights before it.
    """

    calls: tuple[LayerCall, ...] = ()
    heads: dict[str, LayerCall] = field(default_factory=dict)


def _count_channels(shape: Shape) -> int:
    return (shape[-1] or 0) if shape else 0


def build_graph(model: Any) -> Graph:
    """Build the graph of a functional or built sequential model; a subclassed model gives an empty graph.

    A nested model is one call. The calls are in depth-first post-order from the outputs: a layer inserted into one
    branch does not change the positions in another, as it would if layers were sorted by depth.
    """
    graph = getattr(model, "_functional", None) or model  # a Sequential model stores its graph there
    if not hasattr(graph, "_nodes_by_depth"):
        return Graph()
    nodes = list(chain.from_iterable(graph._nodes_by_depth.values()))
    producers = {id(tensor): node for node in nodes for tensor in node.output_tensors}
    outputs = _find_outputs(graph)
    edges: dict[Any, list[Any]] = {
        node: [producers[id(tensor)] for tensor in node.input_tensors if id(tensor) in producers] for node in nodes
    }
    edges["heads"] = [producers[id(tensor)] for tensor in outputs.values()]
    consumers = Counter(chain.from_iterable(edges.values()))
    calls: dict[Any, LayerCall] = {}
    for node in nx.dfs_postorder_nodes(nx.DiGraph(edges), "heads"):
        if node != "heads":
            calls[node] = LayerCall(
                node.operation,
                tuple(node.input_tensors),
                node.output_tensors[0],
                tuple(calls[source] for source in edges[node]),
                consumers[node],
            )
    return Graph(
        tuple(calls.values()), {name: _find_head(calls[producers[id(tensor)]]) for name, tensor in outputs.items()}
    )


def _find_outputs(graph: Any) -> dict[str, Any]:
    """Return name of an output → its tensor; the name is the key of a dict, otherwise the name of the layer."""
    if isinstance(graph.output, dict):
        return dict(graph.output)
    return dict(zip(graph.output_names, graph.outputs, strict=True))


def _find_head(call: LayerCall) -> LayerCall:
    """Return the last call with weights before an output, skipping e.g. activations; the call itself if none."""
    found = call
    while not found.has_weights and len(found.input_calls) == 1 and found.input_shapes == (found.shape,):
        found = found.input_calls[0]
    return found if found.has_weights else call
