import subprocess
import sys

import pytest

from metaopt.blueprint import (
    Add,
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    Flatten,
    Input,
    InvalidArchitecture,
    MaxPooling2D,
)


def lenet() -> Blueprint:
    """LeCun et al. 1998, with ReLU and max pooling. Its counts are well known."""
    x = inputs = Input((32, 32, 1))
    x = MaxPooling2D(2)(Conv2D(6, 5, activation="relu", name="c1")(x))
    x = MaxPooling2D(2)(Conv2D(16, 5, activation="relu")(x))
    x = Dense(84, activation="relu")(Dense(120, activation="relu")(Flatten()(x)))
    return Blueprint(inputs, {"digit": Dense(10, activation="softmax")(x)})


def test_counts_of_lenet():
    blueprint = lenet()
    assert blueprint.params == blueprint.trainable_params == 156 + 2416 + 48120 + 10164 + 850
    assert blueprint.macs == 28 * 28 * 150 + 10 * 10 * 2400 + 48000 + 10080 + 840
    assert blueprint.activations == 1024 + 4704 + 1176 + 1600 + 400 + 400 + 120 + 84 + 10


def test_output_shapes_have_the_layer_names_of_keras():
    assert lenet().output_shapes == {
        "input_layer": (32, 32, 1),
        "c1": (28, 28, 6),
        "max_pooling2d": (14, 14, 6),
        "conv2d": (10, 10, 16),
        "max_pooling2d_1": (5, 5, 16),
        "flatten": (400,),
        "dense": (120,),
        "dense_1": (84,),
        "digit": (10,),
    }


def test_node_names_are_unique():
    x = inputs = Input((4,))
    for name in ("dense_1", None, None, "out", "dense_1"):
        x = Dense(4, name=name)(x)
    names = list(Blueprint(inputs, {"out": x, "dense": inputs}).output_shapes)
    assert len(set(names)) == len(names) == 6
    assert names[0] == "dense"
    assert names[-1] == "out"


def test_shared_layer_counts_params_once_and_macs_per_call():
    inputs = Input((8, 8, 4))
    conv = Conv2D(4, 1)
    blueprint = Blueprint(inputs, conv(conv(inputs)))
    assert (blueprint.params, blueprint.macs) == (20, 2 * 64 * 16)
    assert len(blueprint.nodes) == 3
    assert blueprint.layers == [inputs.layer, conv]


def test_nodes_that_no_head_needs_are_left_out():
    inputs = Input((8,))
    Dense(1000)(inputs)
    assert Blueprint(inputs, Dense(2)(inputs)).params == 18


def test_inputs_and_outputs_must_be_connected():
    a, b = Input((8,)), Input((8,))
    both = Add()([a, b])
    assert Blueprint([a, b], both).inputs == (a, b)
    for inputs, outputs in ((a, both), ([a, b], Dense(2)(a)), (both, Dense(2)(both)), (a, {})):
        with pytest.raises(InvalidArchitecture):
            Blueprint(inputs, outputs)


def test_frozen_parameters_are_not_trainable():
    inputs = Input((8, 8, 4))
    blueprint = Blueprint(inputs, BatchNormalization()(inputs))
    assert (blueprint.params, blueprint.trainable_params) == (16, 8)


def test_summary_ends_with_the_totals():
    lines = lenet().summary().splitlines()
    assert lines[0].split() == ["name", "layer", "output", "parameters", "MACs"]
    assert lines[2].split() == ["c1", "Conv2D", "28×28×6", "156", "117,600"]
    assert lines[-1].split() == ["total", "61,706", "416,520"]


def test_using_blueprints_imports_no_keras_or_matplotlib():
    code = (
        "import sys; from metaopt.blueprint import *; i = Input((8, 8, 1)); b = Blueprint(i, Dense(2)(Flatten()(i)));"
        "b.params, b.macs, b.hash, b.output_shapes, b.summary();"
        "print([m for m in ('keras', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
