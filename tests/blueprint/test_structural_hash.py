import random
import subprocess
import sys

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.blueprint import HASH_VERSION, Add, Blueprint, Concatenate, Conv2D, Dense, Dropout, Input, ShakeShake
from metaopt.blueprint.arguments import ACTIVATIONS


def conv(**changes):
    return Conv2D(**{"filters": 4, "kernel_size": 1, "padding": "same", **changes})


def hash_of(make) -> str:
    inputs = Input((6, 6, 4))
    return Blueprint(inputs, make(inputs)).hash


def copies(x):
    return Add()([conv()(x), conv()(x)])


def same_node(x):
    y = conv()(x)
    return Add()([y, y])


def same_layer(x):
    layer = conv()
    return Add()([layer(x), layer(x)])


def test_shared_node_shared_layer_and_copies_differ():
    assert len({hash_of(copies), hash_of(same_node), hash_of(same_layer)}) == 3


def test_input_order_counts_for_concatenate_but_not_for_add():
    def merged(merge, *kernels):
        return hash_of(lambda x: merge([conv(kernel_size=kernel)(x) for kernel in kernels]))

    assert merged(Add(), 1, 3) == merged(Add(), 3, 1)
    assert merged(Concatenate(), 1, 3) != merged(Concatenate(), 3, 1)


def test_construction_order_and_names_do_not_count():
    def one_way(x):
        short = conv(name="short")(x)
        return Add(name="sum")([short, conv(filters=4)(conv(filters=8)(x))])

    def other_way(x):
        long = conv(filters=4)(conv(filters=8)(x))
        conv()(x)  # reaches no output
        return Add()([long, conv()(x)])

    assert hash_of(one_way) == hash_of(other_way)


@pytest.mark.parametrize(
    "change",
    [
        {"filters": 5},
        {"kernel_size": 3},
        {"strides": 2},
        {"padding": "valid"},
        {"dilation_rate": 2},
        {"groups": 2},
        {"activation": "relu"},
        {"use_bias": False},
        {"kernel_initializer": "he_normal"},
        {"bias_initializer": "ones"},
        {"kernel_regularizer": 0.0007},
    ],
)
def test_every_layer_argument_changes_the_hash(change):
    assert hash_of(conv()) != hash_of(conv(**change))


def test_rate_input_shape_and_head_order_change_the_hash():
    assert hash_of(Dropout(0.1)) != hash_of(Dropout(0.2))
    small, large = Input((4, 4, 4)), Input((5, 4, 4))
    assert Blueprint(small, conv()(small)).hash != Blueprint(large, conv()(large)).hash
    a, b = Dense(2)(small), Dense(3)(small)
    assert Blueprint(small, {"a": a, "b": b}).hash != Blueprint(small, {"a": b, "b": a}).hash
    assert Blueprint(small, {"a": a, "b": b}).hash == Blueprint(small, {"fine": a, "coarse": b}).hash


def test_sums_of_other_pairs_have_different_hashes():
    """Six equal nodes in pairs, as two triangles or as one ring. Colours cannot distinguish them."""

    def sums(pairs):
        def make(x):
            nodes = [conv()(x) for _ in range(6)]
            return Add()([Add()([nodes[i], nodes[j]]) for i, j in pairs])

        return hash_of(make)

    triangles = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]
    assert sums(triangles) != sums(ring)


def test_order_of_many_equal_branches_does_not_count():
    def branches(order):
        def make(x):
            for _ in range(4):
                ways = [conv(activation=name)(x) for name in order]
                x = Add()(ways)
            return x

        return hash_of(make)

    names = ["relu"] * 6 + ["elu"] * 2
    assert branches(names) == branches(names[::-1])


def test_order_of_many_equal_chains_does_not_count():
    """40 blocks of 5 branches, one of which may differ. Without chains, 120 orders would be tried for each block."""

    def stack(odd: int):
        def make(x):
            for _ in range(40):
                ways = [conv()(conv(activation="elu" if way == odd else "relu")(x)) for way in range(5)]
                x = Add()([x, ShakeShake()(ways)])
            return x

        return hash_of(make)

    assert stack(0) == stack(4) != stack(5)


def build(spec, order: list[int], rng: random.Random) -> Blueprint:
    """Build a network from number → (layer kind, layer number, input numbers), in an order with inputs first."""
    inputs = Input((4, 4, 4))
    nodes, layers = {0: inputs}, {}
    for number in order:
        kind, layer, sources = spec[number]
        made = layers.setdefault(layer, conv() if kind == "conv" else Add() if kind == "add" else Concatenate())
        sources = rng.sample(sources, len(sources)) if kind == "add" else sources
        nodes[number] = made([nodes[source] for source in sources])
    return Blueprint(inputs, nodes[max(nodes)])


@st.composite
def specs(draw):
    """Small networks with many equal nodes, so that ties are common. All nodes have the same shape."""
    spec = {}
    for number in range(1, draw(st.integers(2, 7))):
        kind = draw(st.sampled_from(["conv", "conv", "add"]))
        sources = [draw(st.integers(0, number - 1)) for _ in range(1 if kind == "conv" else 2)]
        shared = [spec[earlier][1] for earlier in spec if spec[earlier][0] == kind]
        layer = draw(st.sampled_from([number, number, *shared[:1]]))
        spec[number] = (kind, layer, sources)
    return spec


def topological(spec, rng) -> list[int]:
    left, order = set(spec), []
    while left:
        ready = [number for number in sorted(left) if not left & set(spec[number][2])]
        order.append(rng.choice(ready))
        left.remove(order[-1])
    return order


def as_graph(blueprint: Blueprint) -> nx.DiGraph:
    """Return the network as a graph with extra nodes for the layers, so that equal networks are isomorphic graphs."""
    graph = nx.DiGraph()
    for node in blueprint.nodes:
        ends = node is blueprint.heads["label"]
        graph.add_node(node, label=(node.layer.kind, repr(node.layer.config), ends))
        graph.add_node(node.layer, label="layer")
        graph.add_edge(node.layer, node, times=0)
        for source in set(node.inputs):
            graph.add_edge(source, node, times=node.inputs.count(source))
    return graph


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(specs(), specs(), st.randoms(use_true_random=False))
def test_hashes_are_equal_iff_networks_are_isomorphic(spec, other_spec, rng):
    one = build(spec, topological(spec, rng), rng)
    again = build(spec, topological(spec, rng), rng)
    assert one.hash == again.hash

    other = build(other_spec, topological(other_spec, rng), rng)
    same = nx.is_isomorphic(
        as_graph(one),
        as_graph(other),
        node_match=lambda a, b: a["label"] == b["label"],
        edge_match=lambda a, b: a["times"] == b["times"],
    )
    assert (one.hash == other.hash) == same


@pytest.mark.slow
def test_hash_is_stable_across_processes_and_versions():
    """Stored studies contain such hashes, so the literal may change only together with HASH_VERSION."""
    code = (
        "from metaopt.blueprint import *; i = Input((6, 6, 4));"
        "a, b = (Conv2D(4, 1, kernel_regularizer=0.1)(i) for _ in range(2));"
        "print(Blueprint(i, Dense(2, activation='softmax')(Add()([a, Dropout(0.25)(b), a]))).hash)"
    )
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert run.stdout.strip() == "0200a5bd60a77dcfa3e453a6e7f58df888"
    assert run.stdout.startswith(f"{HASH_VERSION:02x}")


def test_every_activation_has_its_own_hash():
    assert len({hash_of(conv(activation=name)) for name in ACTIVATIONS}) == len(ACTIVATIONS)
