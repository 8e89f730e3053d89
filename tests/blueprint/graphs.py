"""Hypothesis strategies for random networks over all layer kinds."""

from hypothesis import strategies as st

from metaopt import blueprint as layer_kinds
from metaopt.blueprint import (
    Activation,
    Add,
    BatchNormalization,
    Blueprint,
    Concatenate,
    Dense,
    Dropout,
    Flatten,
    Input,
    InvalidArchitecture,
    Rescaling,
)

sizes = st.integers(1, 3)
ranks = st.sampled_from([1, 1, 2, 2, 2, 3])
activations = st.sampled_from([None, "relu", "elu", "selu", "softmax"])
_PADDINGS = {
    1: ["same", "valid", 1, (0, 2), ((2, 1),)],
    2: ["same", "valid", 1, (0, 2), ((1, 0), (2, 1))],
    3: ["same", "valid", 1, (0, 2, 1), ((1, 0), (2, 1), (0, 0))],
}


def each_axis(rank):
    """One number for all axes, or one for each."""
    return st.one_of(sizes, st.tuples(*[sizes] * rank))


@st.composite
def windows(draw, rank, equal_strides=False):
    """Kernel size, strides, padding and dilation of a convolution. Strides or dilation are 1."""
    strides = draw(sizes if equal_strides else each_axis(rank))
    dilated = strides in (1, (1,) * rank)
    return {
        "kernel_size": draw(each_axis(rank)),
        "strides": strides,
        "padding": draw(st.sampled_from(_PADDINGS[rank])),
        "dilation_rate": draw(sizes) if dilated else 1,
    }


@st.composite
def layers(draw, rank=2):
    """Layers with one input, which has so many spatial axes."""

    def kind(name):
        return getattr(layer_kinds, f"{name}{rank}D")

    common = {"activation": draw(activations), "use_bias": draw(st.booleans())}
    paddings = st.sampled_from(_PADDINGS[rank])
    ends = st.sampled_from(_PADDINGS[rank][2:])
    pool = {"pool_size": draw(each_axis(rank)), "strides": draw(st.none() | each_axis(rank)), "padding": draw(paddings)}
    interpolation = st.sampled_from(["nearest", "bilinear"])
    options = [
        lambda: kind("Conv")(
            draw(sizes) * 2, groups=draw(st.sampled_from([1, 1, 1, 2])), **draw(windows(rank)), **common
        ),
        lambda: Dense(draw(sizes), kernel_regularizer=0.01, **common),
        lambda: BatchNormalization(center=draw(st.booleans()), scale=draw(st.booleans())),
        lambda: Activation(draw(activations)),
        lambda: kind("MaxPooling")(**pool),
        lambda: kind("AveragePooling")(**pool),
        lambda: kind("GlobalAveragePooling")(keepdims=draw(st.booleans())),
        lambda: Dropout(draw(st.sampled_from([0, 0.25, 1]))),
        Flatten,
        lambda: Rescaling(draw(st.sampled_from([-1, 0.5])), offset=draw(st.sampled_from([0, 0.5]))),
        lambda: kind("ZeroPadding")(draw(ends)),
        lambda: kind("UpSampling")(
            draw(st.sampled_from([1, 2, (1, 2, 2)[:rank]])), *([draw(interpolation)] if rank == 2 else [])
        ),
        lambda: kind("Cropping")(draw(ends)),
    ]
    if rank < 3:  # Keras has no others
        depthwise = windows(rank, equal_strides=True)
        options += [
            lambda: kind("DepthwiseConv")(depth_multiplier=draw(sizes), **draw(depthwise), **common),
            lambda: kind("SeparableConv")(draw(sizes), depth_multiplier=draw(sizes), **draw(depthwise), **common),
        ]
    return options[draw(st.sampled_from([0, 0, 0, *range(len(options))]))]()


@st.composite
def layers_with_shapes(draw, largest=4):
    """A layer and the shape of a small input."""
    rank = draw(ranks)
    return draw(layers(rank)), draw(st.tuples(*[st.integers(1, largest)] * (rank + 1)))


@st.composite
def blueprints(draw, calls=14):
    """Networks with branches, merges, shared layers and several heads. Invalid calls are left out."""
    rank = draw(ranks)
    inputs = Input((*(draw(st.integers(4, 9)) for _ in range(rank)), draw(st.integers(1, 4))))
    nodes, made = [inputs], []
    for _ in range(draw(st.integers(6, calls))):
        move = draw(st.sampled_from(["layer"] * 4 + ["add", "concatenate", "again"]))
        try:
            if move == "add":
                alike = [node for node in nodes if node.shape == nodes[-1].shape]
                node = Add()([nodes[-1], draw(st.sampled_from(alike))])
            elif move == "concatenate":
                alike = [node for node in nodes if node.shape[:-1] == nodes[-1].shape[:-1]]
                node = Concatenate()([draw(st.sampled_from(alike)), nodes[-1]])
            elif move == "again" and made:
                node = draw(st.sampled_from(made))(draw(st.sampled_from(nodes)))
            else:
                made.append(draw(layers(rank)))
                node = made[-1](draw(st.sampled_from([*nodes, *nodes[-1:] * len(nodes)])))
        except InvalidArchitecture:
            continue
        nodes.append(node)
    heads = {"first": nodes[-1], "second": draw(st.sampled_from(nodes))}
    return Blueprint(inputs, heads if draw(st.booleans()) else nodes[-1])
