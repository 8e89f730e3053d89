"""A hash that is equal for equal networks, however and in whatever order they were written down.

Everything that ``to_keras`` writes counts, names do not. A node that is used twice differs from two equal nodes, and a
layer that is called twice (shared weights) from two equal layers; inputs of a symmetric layer (Add) have no order.

The idea: number the nodes in the order in which a walk from the outputs meets them, and hash the list of configuration,
layer and numbers of the inputs. Only a symmetric layer leaves open which input the walk meets first. Its inputs are
sorted by what is the same however the network is written:

1. by depth, the longest way from an input, which tells the way through a residual block from the way past it;
2. where any two have one depth and are not twins (chains of equal layers from one node, as the branches of shake-shake
   often are, whose order is of no matter), all by *colour*, a hash of all that a node computes, refined by what the
   rest of the network does with it (Weisfeiler & Leman 1968);
3. where any two have one colour, nearly always as they are interchangeable, every order is tried and the smallest list
   counts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, groupby, islice, permutations, product
from struct import pack
from typing import Any

from metaopt.blueprint.layer import Layer, Node

# To be raised by every change after which an old network would get another hash; the first two digits of the hash.
HASH_VERSION = 2

# Orders that are tried at most. Beyond it a network that is symmetric in a way that defeats the colours may get
# different hashes when it is written differently; different networks never share one.
_MOST_ORDERS = 720

Colour = bytes
# Symmetric node → its inputs, sorted.
Orders = dict[Node, Sequence[Node]]


def canonical_hash(nodes: Sequence[Node], outputs: Sequence[Node]) -> str:
    """The hash of a network: 34 hexadecimal digits, of which the first two are the version.

    Args:
        nodes: all nodes that the outputs need, inputs before their consumers.
        outputs: in the order of the heads.
    """
    symmetric = [node for node in nodes if node.layer.symmetric]
    depths = _depths(nodes) if symmetric else {}
    orders = _sorted_inputs(symmetric, depths.__getitem__) if symmetric else {}
    if orders is None:
        chains = _chains(nodes, outputs)
        orders = _sorted_inputs(symmetric, depths.__getitem__, chains)
    if orders is None:
        colours = _refined(nodes, outputs, _colours(nodes))
        orders = _sorted_inputs(symmetric, colours.__getitem__, chains)
    if orders is None:
        encoding = min(_encoding(outputs, tried) for tried in _all_orders(symmetric, colours))
    else:
        encoding = _encoding(outputs, orders)
    return f"{HASH_VERSION:02x}{blake2b(encoding, digest_size=16).hexdigest()}"


def _encoding(outputs: Sequence[Node], orders: Orders) -> bytes:
    """The network as bytes, its nodes numbered in the order of a walk in breadth from the outputs to the inputs."""
    walk = list(dict.fromkeys(outputs))
    numbers = {node: number for number, node in enumerate(walk)}
    layers: dict[Layer, int] = {}
    configs: dict[Any, int] = {}
    graph = [len(outputs), *[numbers[node] for node in outputs]]
    for node in walk:  # grows as it goes
        layer = node.layer
        number = layers.get(layer)
        if number is None:
            number = layers[layer] = len(layers)
            config = (layer.kind, type(layer).config_of(layer))
            graph.append(configs.setdefault(config, len(configs)))
        inputs = orders.get(node, node.inputs)
        graph.append(number)
        graph.append(len(inputs))
        for source in inputs:
            number = numbers.get(source)
            if number is None:
                number = numbers[source] = len(walk)
                walk.append(source)
            graph.append(number)
    return pack(f"<{len(graph)}I", *graph) + repr(list(configs)).encode()


def _depths(nodes: Sequence[Node]) -> dict[Node, int]:
    """Node → nodes on the longest way to it from an input."""
    depths: dict[Node, int] = {}
    for node in nodes:
        inputs = node.inputs
        if len(inputs) == 1:
            depths[node] = depths[inputs[0]] + 1
        else:
            depths[node] = max([depths[source] for source in inputs], default=0) + 1
    return depths


def _sorted_inputs(
    symmetric: Sequence[Node], key: Callable[[Node], Any], chains: dict[Node, Any] | None = None
) -> Orders | None:
    """The inputs of each symmetric node sorted by the key; None if two different ones are equal by it.

    Args:
        symmetric: these nodes.
        key: of an input.
        chains: node → what is equal for twins, which may have equal keys.
    """
    orders: Orders = {}
    for node in symmetric:
        inputs = node.inputs
        different = set(inputs) if chains is None else {chains[source] for source in inputs}
        if len({key(source) for source in inputs}) < len(different):
            return None
        orders[node] = sorted(inputs, key=key)
    return orders


def _chains(nodes: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, Any]:
    """Node → the chain that ends in it: the node where the chain begins, and the configurations from there on.

    The nodes of a chain have one input and one consumer, and share their layers with none, so that two chains that are
    equal can change places without any other node noticing. A node that is in no chain begins one of its own.
    """
    uses = Counter(chain.from_iterable(node.inputs for node in nodes))
    uses.update(outputs)
    calls = Counter(node.layer for node in nodes)
    chains: dict[Node, Any] = {}
    numbers: dict[Any, int] = {}  # a chain's number, so that those that go on from it need not repeat it
    for node in nodes:
        if len(node.inputs) == 1 and uses[node] == 1 and calls[node.layer] == 1:
            before = chains[node.inputs[0]]
            link = (numbers.setdefault(before, len(numbers)), node.layer.kind, node.layer.config)
            chains[node] = link
        else:
            chains[node] = node
    return chains


def _hash(*parts: bytes) -> Colour:
    return blake2b(b"".join(parts), digest_size=16).digest()


def _colours(nodes: Sequence[Node]) -> dict[Node, Colour]:
    """Node → hash of the tree of computations that ends in it."""
    colours: dict[Node, Colour] = {}
    for node in nodes:
        inputs = [colours[source] for source in node.inputs]
        if node.layer.symmetric:
            inputs.sort()
        colours[node] = _hash(repr((node.layer.kind, node.layer.config)).encode(), *inputs)
    return colours


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
            if node.layer.symmetric:
                inputs.sort()
            finer[node] = _hash(colours[node], heads[node], *inputs, b"used", *used, b"shared", *shared)
        finer_classes = len(set(finer.values()))
        if finer_classes == classes:
            return finer
        colours, classes = finer, finer_classes


def _all_orders(symmetric: Sequence[Node], colours: dict[Node, Colour]) -> Iterator[Orders]:
    """All ways to order the inputs of all symmetric nodes that the colours leave open, at most _MOST_ORDERS."""
    choices = [_orders_of(node, colours) for node in symmetric]
    for choice in islice(product(*choices), _MOST_ORDERS):
        yield dict(zip(symmetric, choice, strict=True))


def _orders_of(node: Node, colours: dict[Node, Colour]) -> list[Sequence[Node]]:
    """The orders of one node's inputs that sort them by colour; an input that comes in twice stays together."""
    different = sorted(set(node.inputs), key=lambda source: (colours[source], source.index))
    equal = [list(group) for _, group in groupby(different, key=colours.__getitem__)]
    arrangements = islice(product(*map(permutations, equal)), _MOST_ORDERS)
    return [
        [source for source in chain.from_iterable(groups) for _ in range(node.inputs.count(source))]
        for groups in arrangements
    ]
