"""Hypothesis strategies for random networks over all layer kinds."""

from hypothesis import strategies as st

from metaopt.blueprint import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Blueprint,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    InvalidArchitecture,
    MaxPooling2D,
    Rescaling,
    SeparableConv2D,
    UpSampling2D,
    ZeroPadding2D,
)

sizes = st.integers(1, 3)
pairs = st.one_of(sizes, st.tuples(sizes, sizes))
paddings = st.sampled_from(["same", "valid", 1, (0, 2), ((1, 0), (2, 1))])
activations = st.sampled_from([None, "relu", "elu", "selu", "softmax"])


@st.composite
def windows(draw, equal_strides=False):
    """Kernel size, strides, padding and dilation of a convolution. Strides or dilation are 1."""
    strides = draw(sizes if equal_strides else pairs)
    dilated = strides in (1, (1, 1))
    return {
        "kernel_size": draw(pairs),
        "strides": strides,
        "padding": draw(paddings),
        "dilation_rate": draw(sizes) if dilated else 1,
    }


@st.composite
def layers(draw):
    """Layers with one input."""
    common = {"activation": draw(activations), "use_bias": draw(st.booleans())}
    pool = {"pool_size": draw(pairs), "strides": draw(st.none() | pairs), "padding": draw(paddings)}
    options = [
        lambda: Conv2D(draw(sizes) * 2, groups=draw(st.sampled_from([1, 1, 1, 2])), **draw(windows()), **common),
        lambda: DepthwiseConv2D(depth_multiplier=draw(sizes), **draw(windows(equal_strides=True)), **common),
        lambda: SeparableConv2D(
            draw(sizes), depth_multiplier=draw(sizes), **draw(windows(equal_strides=True)), **common
        ),
        lambda: Dense(draw(sizes), kernel_regularizer=0.01, **common),
        lambda: BatchNormalization(center=draw(st.booleans()), scale=draw(st.booleans())),
        lambda: Activation(draw(activations)),
        lambda: MaxPooling2D(**pool),
        lambda: AveragePooling2D(**pool),
        lambda: GlobalAveragePooling2D(keepdims=draw(st.booleans())),
        lambda: Dropout(draw(st.sampled_from([0, 0.25, 1]))),
        Flatten,
        lambda: Rescaling(draw(st.sampled_from([-1, 0.5])), offset=draw(st.sampled_from([0, 0.5]))),
        lambda: ZeroPadding2D(draw(st.sampled_from([1, (0, 2), ((1, 0), (0, 3))]))),
        lambda: UpSampling2D(draw(st.sampled_from([1, 2, (1, 2)])), draw(st.sampled_from(["nearest", "bilinear"]))),
        lambda: Cropping2D(draw(st.sampled_from([1, (0, 1), ((1, 0), (0, 2))]))),
    ]
    return options[draw(st.sampled_from([0, 0, 0, *range(len(options))]))]()


@st.composite
def blueprints(draw, calls=14):
    """Networks with branches, merges, shared layers and several heads. Invalid calls are left out."""
    inputs = Input((draw(st.integers(4, 9)), draw(st.integers(4, 9)), draw(st.integers(1, 4))))
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
                made.append(draw(layers()))
                node = made[-1](draw(st.sampled_from([*nodes, *nodes[-1:] * len(nodes)])))
        except InvalidArchitecture:
            continue
        nodes.append(node)
    heads = {"first": nodes[-1], "second": draw(st.sampled_from(nodes))}
    return Blueprint(inputs, heads if draw(st.booleans()) else nodes[-1])
