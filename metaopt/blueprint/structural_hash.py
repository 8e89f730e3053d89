"""Structural hash: equal for two networks exactly if their graphs are isomorphic and their layers have equal settings.

The hash covers everything that ``to_keras`` writes, except names. Using one node twice differs from using two equal
nodes, and calling one layer twice (shared weights) differs from calling two equal layers. The order of the inputs of a
symmetric layer (Add) does not count.

Algorithm: a breadth-first traversal from the outputs numbers the nodes; the hash is that of the list of each node's
configuration, layer and input numbers. Only the inputs of a symmetric layer have no given order. They are sorted by
properties that do not depend on the order of construction:

1. by depth, the length of the longest path from an input. This separates the branch of a residual block from its
   shortcut.
2. If two inputs have the same depth and are not equal chains (chains of equal layers from one node, such as most
   branches of shake-shake; their order does not matter), all inputs are sorted by *colour*: a hash of everything that
   a node computes, refined by how the rest of the network uses it (Weisfeiler & Leman 1968).
3. If two inputs have the same colour, which nearly always means that they are interchangeable, every order is tried
   and the smallest encoding counts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, groupby, islice, permutations, product
from struct import pack
from typing import Any

from metaopt.blueprint.layer import Layer, Node
from metaopt.values.value_identity import describe_value

# Raise this number with every change that gives an existing network another hash. The hash begins with it.
HASH_VERSION = 2

# Maximum number of orders to try. Beyond it, a network with symmetries that colours cannot resolve may get different
# hashes for different orders of construction; different networks still never share a hash.
_MAX_ORDERS = 720

Colour = bytes
# Symmetric node → its inputs, sorted.
Orders = dict[Node, Sequence[Node]]


def compute_structural_hash(nodes: Sequence[Node], outputs: Sequence[Node]) -> str:
    """Return the hash of a network: 34 hexadecimal digits, of which the first two are the version.

    Args:
        nodes: all nodes that the outputs need, inputs before their consumers.
        outputs: the output nodes, in the order of the heads.
    """
    symmetric = [node for node in nodes if node.layer.symmetric]
    depths = _compute_depths(nodes) if symmetric else {}
    orders = _sort_inputs(symmetric, depths.__getitem__) if symmetric else {}
    if orders is None:
        chains = _find_chains(nodes, outputs)
        orders = _sort_inputs(symmetric, depths.__getitem__, chains)
    if orders is None:
        colours = _refine_colours(nodes, outputs, _initialize_colours(nodes))
        orders = _sort_inputs(symmetric, colours.__getitem__, chains)
    if orders is None:
        encoding = min(_encode(outputs, candidate) for candidate in _iterate_orders(symmetric, colours))
    else:
        encoding = _encode(outputs, orders)
    return f"{HASH_VERSION:02x}{blake2b(encoding, digest_size=16).hexdigest()}"


def _encode(outputs: Sequence[Node], orders: Orders) -> bytes:
    """Encode the network as bytes; a breadth-first traversal from the outputs to the inputs numbers its nodes."""
    queue = list(dict.fromkeys(outputs))
    numbers = {node: number for number, node in enumerate(queue)}
    layers: dict[Layer, int] = {}
    configs: dict[Any, int] = {}
    graph = [len(outputs), *[numbers[node] for node in outputs]]
    for node in queue:  # the queue grows during the loop
        layer = node.layer
        number = layers.get(layer)
        if number is None:
            number = layers[layer] = len(layers)
            config = (layer.kind, type(layer).config_of(layer))
            graph.append(configs.setdefault(config, len(configs)))
        inputs = orders.get(node, node.inputs)
        graph.append(number)
        graph.append(len(inputs))
        for inbound in inputs:
            number = numbers.get(inbound)
            if number is None:
                number = numbers[inbound] = len(queue)
                queue.append(inbound)
            graph.append(number)
    return pack(f"<{len(graph)}I", *graph) + config_text(list(configs)).encode()


def config_text(config: Any) -> str:
    """Return the text of a configuration; a function in it counts by its code, as its address differs by process."""
    text = repr(config)
    return describe_value(config) if " at 0x" in text else text


def _compute_depths(nodes: Sequence[Node]) -> dict[Node, int]:
    """Return node → number of nodes on the longest path to it from an input."""
    depths: dict[Node, int] = {}
    for node in nodes:
        inputs = node.inputs
        if len(inputs) == 1:
            depths[node] = depths[inputs[0]] + 1
        else:
            depths[node] = max([depths[inbound] for inbound in inputs], default=0) + 1
    return depths


def _sort_inputs(
    symmetric: Sequence[Node], key: Callable[[Node], Any], chains: dict[Node, Any] | None = None
) -> Orders | None:
    """Return the inputs of each symmetric node sorted by a key, or None if two different inputs have equal keys.

    Args:
        symmetric: the symmetric nodes.
        key: the sort key of an input node.
        chains: node → its chain, see ``_find_chains``. Inputs with equal chains may have equal keys.
    """
    orders: Orders = {}
    for node in symmetric:
        inputs = node.inputs
        different = set(inputs) if chains is None else {chains[inbound] for inbound in inputs}
        if len({key(inbound) for inbound in inputs}) < len(different):
            return None
        orders[node] = sorted(inputs, key=key)
    return orders


def _find_chains(nodes: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, Any]:
    """Return node → the chain that ends in it: the node where the chain begins, and the configurations after it.

    The nodes of a chain have one input, one consumer and unshared layers, so two equal chains are interchangeable for
    the rest of the network. A node that continues no chain begins a new one.
    """
    uses = Counter(chain.from_iterable(node.inputs for node in nodes))
    uses.update(outputs)
    calls = Counter(node.layer for node in nodes)
    chains: dict[Node, Any] = {}
    numbers: dict[Any, int] = {}  # chain → its number, which longer chains refer to instead of repeating it
    for node in nodes:
        if len(node.inputs) == 1 and uses[node] == 1 and calls[node.layer] == 1:
            previous = chains[node.inputs[0]]
            chains[node] = (numbers.setdefault(previous, len(numbers)), node.layer.kind, node.layer.config)
        else:
            chains[node] = node
    return chains


def _hash(*parts: bytes) -> Colour:
    return blake2b(b"".join(parts), digest_size=16).digest()


def _initialize_colours(nodes: Sequence[Node]) -> dict[Node, Colour]:
    """Return node → hash of the computation tree that ends in it."""
    colours: dict[Node, Colour] = {}
    for node in nodes:
        inputs = [colours[inbound] for inbound in node.inputs]
        if node.layer.symmetric:
            inputs.sort()
        colours[node] = _hash(config_text((node.layer.kind, node.layer.config)).encode(), *inputs)
    return colours


def _refine_colours(nodes: Sequence[Node], outputs: Sequence[Node], colours: dict[Node, Colour]) -> dict[Node, Colour]:
    """Refine colours by the consumers of a node, and by the nodes with which it shares its layer."""
    consumers: defaultdict[Node, list[tuple[Node, bytes]]] = defaultdict(list)
    sharing: defaultdict[Layer, list[Node]] = defaultdict(list)
    for node in nodes:
        sharing[node.layer].append(node)
        if node.layer.symmetric:
            for inbound in set(node.inputs):
                consumers[inbound].append((node, b"sum%d" % node.inputs.count(inbound)))
        else:
            for position, inbound in enumerate(node.inputs):
                consumers[inbound].append((node, b"input%d" % position))
    heads = {node: repr([n for n, output in enumerate(outputs) if output is node]).encode() for node in nodes}
    classes = len(set(colours.values()))
    while True:
        finer: dict[Node, Colour] = {}
        for node in nodes:
            inputs = [colours[inbound] for inbound in node.inputs]
            used = sorted(_hash(colours[consumer], role) for consumer, role in consumers[node])
            shared = sorted(colours[other] for other in sharing[node.layer])
            if node.layer.symmetric:
                inputs.sort()
            finer[node] = _hash(colours[node], heads[node], *inputs, b"used", *used, b"shared", *shared)
        finer_classes = len(set(finer.values()))
        if finer_classes == classes:
            return finer
        colours, classes = finer, finer_classes


def _iterate_orders(symmetric: Sequence[Node], colours: dict[Node, Colour]) -> Iterator[Orders]:
    """Yield all orders of the inputs of all symmetric nodes that sort them by colour, at most _MAX_ORDERS."""
    choices = [_list_orders(node, colours) for node in symmetric]
    for choice in islice(product(*choices), _MAX_ORDERS):
        yield dict(zip(symmetric, choice, strict=True))


def _list_orders(node: Node, colours: dict[Node, Colour]) -> list[Sequence[Node]]:
    """List the orders of one node's inputs that sort them by colour; repetitions of one input stay together."""
    different = sorted(set(node.inputs), key=lambda inbound: (colours[inbound], inbound.index))
    equal = [list(nodes) for _, nodes in groupby(different, key=colours.__getitem__)]
    arrangements = islice(product(*map(permutations, equal)), _MAX_ORDERS)
    return [
        [inbound for inbound in chain.from_iterable(arrangement) for _ in range(node.inputs.count(inbound))]
        for arrangement in arrangements
    ]
