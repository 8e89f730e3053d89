"""A hash that is equal for equal networks, however and in whatever order they were written down.

Everything that ``to_keras`` writes counts, names do not. A node that is used twice differs from two equal nodes, and a
layer that is called twice (shared weights) from two equal layers; inputs of a symmetric layer (Add) have no order.

The idea: number the nodes in the order in which a walk from the outputs meets them, and hash the list of (configuration,
layer, numbers of the inputs). Only a symmetric layer leaves open which input the walk visits first. There the inputs'
*colours* decide: a colour is a hash of all that a node computes. Where two different inputs have one colour, it is
refined by what the rest of the network does with the nodes (Weisfeiler & Leman 1968), and what is equal even then, nearly
always because it is interchangeable, is tried in every order; the smallest list counts.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, groupby, islice, permutations, product
from typing import Any

from metaopt.blueprint.layer import Layer, Node

# To be raised by every change after which an old network would get another hash; the first two digits of the hash.
HASH_VERSION = 1

# Orders that are tried at most among inputs of one colour. Beyond it a network that is symmetric in a way that defeats the
# colours may get different hashes when it is written differently; different networks never share one.
_MOST_ORDERS = 720

Colour = bytes


def canonical_hash(nodes: Sequence[Node], outputs: Sequence[Node]) -> str:
    """The hash of a network: 34 hexadecimal digits, of which the first two are the version.

    Args:
        nodes: all nodes that the outputs need, inputs before their consumers.
        outputs: in the order of the heads.
    """
    colours = _colours(nodes)
    orders = _input_orders(nodes, colours)
    if orders is None:
        orders_to_try = _all_orders(nodes, _refined(nodes, outputs, colours))
        encoding = min(_encoding(outputs, orders, colours) for orders in orders_to_try)
    else:
        encoding = _encoding(outputs, orders, colours)
    return f"{HASH_VERSION:02x}{blake2b(encoding, digest_size=16).hexdigest()}"


@lru_cache(maxsize=1 << 14)
def _config_bytes(kind: str, config: Any) -> bytes:
    return repr((kind, config)).encode()


def _hash(*parts: bytes) -> Colour:
    return blake2b(b"".join(parts), digest_size=16).digest()


def _colours(nodes: Sequence[Node]) -> dict[Node, Colour]:
    """Node → hash of the tree of computations that ends in it."""
    colours: dict[Node, Colour] = {}
    for node in nodes:
        layer = node.layer
        inputs = [colours[source] for source in node.inputs]
        if layer.symmetric:
            inputs.sort()
        text = _config_bytes(layer.kind, layer.config)
        colours[node] = blake2b(b"".join((text, *inputs)), digest_size=16).digest()
    return colours


def _input_orders(nodes: Sequence[Node], colours: dict[Node, Colour]) -> dict[Node, Sequence[Node]] | None:
    """Symmetric node → its inputs sorted by colour; None if two different ones have the same colour."""
    orders: dict[Node, Sequence[Node]] = {}
    for node in nodes:
        if node.layer.symmetric:
            different = set(node.inputs)
            if len({colours[source] for source in different}) < len(different):
                return None
            orders[node] = sorted(node.inputs, key=colours.__getitem__)
    return orders


def _encoding(outputs: Sequence[Node], orders: dict[Node, Sequence[Node]], colours: dict[Node, Colour]) -> bytes:
    """The network as bytes, its nodes numbered in the order of a walk from the outputs, inputs first.

    A colour stands for the configuration: it holds it, and is of fixed length.
    """
    numbers: dict[Node, int] = {}
    layers: dict[Layer, int] = {}
    graph: list[int] = []
    path = list(reversed(outputs))
    while path:
        node = path[-1]
        if node in numbers:
            path.pop()
            continue
        inputs = orders.get(node, node.inputs)
        missing = [source for source in inputs if source not in numbers]
        if missing:
            path.extend(reversed(missing))
            continue
        path.pop()
        numbers[node] = len(numbers)
        graph.append(layers.setdefault(node.layer, len(layers)))
        graph.append(len(inputs))
        graph.extend([numbers[source] for source in inputs])
    graph.extend([numbers[node] for node in outputs])
    return b"".join([colours[node] for node in numbers]) + repr(graph).encode()


def _refined(nodes: Sequence[Node], outputs: Sequence[Node], colours: dict[Node, Colour]) -> dict[Node, Colour]:
    """Colours that also tell what the network does with a node, and with which others it shares its layer."""
    consumers: defaultdict[Node, list[tuple[Node, bytes]]] = defaultdict(list)
    sharing: defaultdict[Layer, list[Node]] = defaultdict(list)
    for node in nodes:
        sharing[node.layer].append(node)
        if node.layer.symmetric:
            for source in set(node.inputs):
                consumers[source].append((node, b"sum%d" % node.inputs.count(source)))
        else:
            for position, source in enumerate(node.inputs):
                consumers[source].append((node, b"input%d" % position))
    heads = {node: repr([n for n, output in enumerate(outputs) if output is node]).encode() for node in nodes}
    classes = len(set(colours.values()))
    while True:
        finer: dict[Node, Colour] = {}
        for node in nodes:
            inputs = [colours[source] for source in node.inputs]
            used = sorted(_hash(colours[consumer], role) for consumer, role in consumers[node])
            shared = sorted(colours[other] for other in sharing[node.layer])
            arranged = sorted(inputs) if node.layer.symmetric else inputs
            parts = (
                (colours[node], heads[node]),
                *(group for group in ((b"i", *arranged), (b"u", *used), (b"s", *shared))),
            )
            finer[node] = _hash(*chain.from_iterable(parts))
        finer_classes = len(set(finer.values()))
        if finer_classes == classes:
            return finer
        colours, classes = finer, finer_classes


def _all_orders(nodes: Sequence[Node], colours: dict[Node, Colour]) -> Iterator[dict[Node, Sequence[Node]]]:
    """All ways to order the inputs of all symmetric nodes that the colours leave open, at most _MOST_ORDERS."""
    symmetric = [node for node in nodes if node.layer.symmetric]
    # Interchangeable inputs only: one node that comes in twice has no order with itself.
    for choice in islice(product(*(_orders(node, colours) for node in symmetric)), _MOST_ORDERS):
        yield dict(zip(symmetric, choice, strict=True))


def _orders(node: Node, colours: dict[Node, Colour]) -> list[Sequence[Node]]:
    """The orders of one node's inputs that sort them by colour."""
    different = sorted(set(node.inputs), key=lambda source: (colours[source], source.index))
    groups = [list(group) for _, group in groupby(different, key=colours.__getitem__)]
    times = {source: node.inputs.count(source) for source in different}
    arrangements = product(*(permutations(group) for group in groups))
    return [
        [source for source in chain.from_iterable(groups) for _ in range(times[source])]
        for groups in islice(arrangements, _MOST_ORDERS)
    ]
