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


def repeated(x):
    return Add()([conv()(x), conv()(x)])


def same_node(x):
    y = conv()(x)
    return Add()([y, y])


def same_layer(x):
    layer = conv()
    return Add()([layer(x), layer(x)])


def test_a_shared_node_a_shared_layer_and_a_repeated_one_differ():
    assert len({hash_of(repeated), hash_of(same_node), hash_of(same_layer)}) == 3


def test_add_is_symmetric_and_concatenate_is_not():
    def merged(merge, *kernels):
        return hash_of(lambda x: merge([conv(kernel_size=kernel)(x) for kernel in kernels]))

    assert merged(Add(), 1, 3) == merged(Add(), 3, 1)
    assert merged(Concatenate(), 1, 3) != merged(Concatenate(), 3, 1)


def test_the_order_of_writing_and_names_do_not_count():
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
def test_all_that_to_keras_writes_counts(change):
    assert hash_of(conv()) != hash_of(conv(**change))


def test_rates_and_input_and_the_order_of_heads_count():
    assert hash_of(Dropout(0.1)) != hash_of(Dropout(0.2))
    small, large = Input((4, 4, 4)), Input((5, 4, 4))
    assert Blueprint(small, conv()(small)).hash != Blueprint(large, conv()(large)).hash
    a, b = Dense(2)(small), Dense(3)(small)
    assert Blueprint(small, {"a": a, "b": b}).hash != Blueprint(small, {"a": b, "b": a}).hash
    assert Blueprint(small, {"a": a, "b": b}).hash == Blueprint(small, {"fine": a, "coarse": b}).hash


def test_sums_that_differ_only_in_who_is_summed_with_whom():
    """Six equal nodes in pairs, as two triangles or as one ring: colours cannot tell them apart."""

    def sums(pairs):
        def make(x):
            nodes = [conv()(x) for _ in range(6)]
            return Add()([Add()([nodes[i], nodes[j]]) for i, j in pairs])

        return hash_of(make)

    triangles = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]
    assert sums(triangles) != sums(ring)


def test_many_equal_branches_are_quick_and_canonical():
    def branches(order):
        def make(x):
            for _ in range(4):
                ways = [conv(activation=name)(x) for name in order]
                x = Add()(ways)
            return x

        return hash_of(make)

    names = ["relu"] * 6 + ["elu"] * 2
    assert branches(names) == branches(names[::-1])


def test_equal_chains_side_by_side_are_quick_and_canonical():
    """Shake-shake's branches: 40 blocks of 5, of which one may be another; 120 orders a block, were they tried."""

    def stack(odd: int):
        def make(x):
            for _ in range(40):
                ways = [conv()(conv(activation="elu" if way == odd else "relu")(x)) for way in range(5)]
                x = Add()([x, ShakeShake()(ways)])
            return x

        return hash_of(make)

    assert stack(0) == stack(4) != stack(5)


def written(spec, order: list[int], rng: random.Random) -> Blueprint:
    """The network of a spec, (layer class, its number, inputs) a node, written in an order that keeps inputs first."""
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
    """Small networks full of equal nodes, so that ties are common; all nodes have one shape."""
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
    """The network with layers as nodes of their own, so that isomorphism of graphs is equality of networks."""
    graph = nx.DiGraph()
    for node in blueprint.nodes:
        ends = node is blueprint.heads["label"]
        graph.add_node(node, label=(node.layer.kind, repr(node.layer.config), ends))
        graph.add_node(node.layer, label="layer")
        graph.add_edge(node.layer, node, times=0)
        for source in set(node.inputs):
            graph.add_edge(source, node, times=node.inputs.count(source))
    return graph


@settings(max_examples=300, deadline=None)
@given(specs(), specs(), st.randoms(use_true_random=False))
def test_hashes_are_equal_exactly_if_networks_are(spec, other_spec, rng):
    one = written(spec, topological(spec, rng), rng)
    again = written(spec, topological(spec, rng), rng)
    assert one.hash == again.hash

    other = written(other_spec, topological(other_spec, rng), rng)
    same = nx.is_isomorphic(
        as_graph(one),
        as_graph(other),
        node_match=lambda a, b: a["label"] == b["label"],
        edge_match=lambda a, b: a["times"] == b["times"],
    )
    assert (one.hash == other.hash) == same


def test_a_hash_is_the_same_in_every_process_and_version():
    """This literal changes only together with HASH_VERSION: studies on disk hold such hashes."""
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


def test_activations_are_told_apart():
    assert len({hash_of(conv(activation=name)) for name in ACTIVATIONS}) == len(ACTIVATIONS)
