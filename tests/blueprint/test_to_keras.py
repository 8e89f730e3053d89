import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from metaopt.blueprint import (
    Add,
    AveragePooling2D,
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    InvalidArchitecture,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from metaopt.blueprint.from_keras import count_keras
from tests.blueprint.graphs import blueprints, layers_with_shapes

# Random networks apply softmax to one channel, about which Keras warns.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:You are using a softmax")]


def shapes_of_keras(model) -> dict:
    return {layer.name: layer.output.shape[1:] for layer in model.layers if len(layer._inbound_nodes) == 1}


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(blueprints())
def test_shapes_params_and_macs_match_keras(blueprint):
    model = blueprint.to_keras()

    assert model.count_params() == blueprint.params
    outputs = model.output if blueprint.named else {"label": model.output}
    assert {head: tensor.shape[1:] for head, tensor in outputs.items()} == {
        head: node.shape for head, node in blueprint.heads.items()
    }
    ours, theirs = blueprint.output_shapes, shapes_of_keras(model)
    assert all(theirs[name] == shape for name, shape in ours.items() if name in theirs)
    counts = count_keras(model)
    assert (counts.trainable_params, counts.macs) == (blueprint.trainable_params, blueprint.macs)
    assert counts.unknown == ()
    results = model(np.zeros((2, *blueprint.inputs[0].shape), "float32"))
    results = results if blueprint.named else {"label": results}
    assert {head: result.shape[1:] for head, result in results.items()} == {
        head: node.shape for head, node in blueprint.heads.items()
    }


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(layers_with_shapes())
def test_layer_rejects_the_inputs_that_keras_rejects(drawn):
    """Small images, so that windows often do not fit, and channels that are not divisible by the groups."""
    import keras

    layer, shape = drawn
    try:
        ours = layer(Input(shape)).shape
    except InvalidArchitecture:
        ours = None
    tensor = keras.KerasTensor((None, *shape))
    try:
        built = layer.build(keras, "layer")
        for part in built if isinstance(built, list) else [built]:
            tensor = part(tensor)
        theirs = tuple(tensor.shape[1:])
    except ValueError:
        theirs = None
    assert ours == theirs


@pytest.mark.parametrize(
    "arguments",
    [
        {"filters": 0, "kernel_size": 3},
        {"filters": 4, "kernel_size": 0},
        {"filters": 4, "kernel_size": 3, "strides": 0},
        {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        {"filters": 4, "kernel_size": 3, "padding": "wide"},
        {"filters": 4, "kernel_size": 3, "activation": "rely"},
        {"filters": 4, "kernel_size": 3, "groups": 3},
        {"filters": 4, "kernel_size": (3, 3, 3)},
    ],
)
def test_layer_rejects_the_arguments_that_keras_rejects(arguments):
    import keras

    with pytest.raises(InvalidArchitecture):
        Conv2D(**arguments)
    with pytest.raises(ValueError):  # noqa: PT011 the message depends on the Keras version
        keras.layers.Conv2D(**arguments)


def test_all_arguments_reach_keras():
    x = inputs = Input((8, 8, 3))
    x = Conv2D(4, 3, strides=2, padding=((1, 2), (0, 1)), activation="selu", use_bias=False, name="here",
               kernel_initializer="lecun_normal", kernel_regularizer=0.25)(x)  # fmt: skip
    x = BatchNormalization(momentum=0.9, epsilon=0.01)(x)
    x = SeparableConv2D(2, 1, depthwise_regularizer=0.5, pointwise_initializer="he_uniform")(x)
    x = Dropout(0.5)(x)
    model = Blueprint(inputs, Dense(3, activation="softmax")(Flatten()(x))).to_keras()

    conv = model.get_layer("here").get_config()
    assert conv["activation"] == "selu"
    assert not conv["use_bias"]
    assert conv["strides"] == (2, 2)
    assert conv["padding"] == "valid"
    assert conv["kernel_initializer"]["class_name"] == "LecunNormal"
    assert conv["kernel_regularizer"]["config"]["l2"] == pytest.approx(0.25)
    assert model.get_layer("here_padding").get_config()["padding"] == ((1, 2), (0, 1))
    norm = model.get_layer("batch_normalization").get_config()
    assert (norm["momentum"], norm["epsilon"]) == (0.9, 0.01)
    separable = model.get_layer("separable_conv2d").get_config()
    assert separable["depthwise_regularizer"]["config"]["l2"] == pytest.approx(0.5)
    assert separable["pointwise_regularizer"] is None
    assert separable["pointwise_initializer"]["class_name"] == "HeUniform"
    assert model.get_layer("dropout").rate == 0.5
    assert model.get_layer("label").get_config()["activation"] == "softmax"


def test_layer_called_twice_shares_its_weights():
    inputs = Input((6, 6, 3))
    shared = Conv2D(3, 3, padding="same")
    blueprint = Blueprint(inputs, Add()([shared(shared(inputs)), inputs]))

    model = blueprint.to_keras()

    assert model.count_params() == blueprint.params == 3 * 3 * 3 * 3 + 3
    assert blueprint.macs == 2 * 36 * 81
    assert len([layer for layer in model.layers if type(layer).__name__ == "Conv2D"]) == 1


@pytest.mark.parametrize("heads", [["label"], ["fine", "coarse"]])
def test_named_heads_train_with_labels_by_head(heads):
    x = inputs = Input((4, 4, 1))
    x = Flatten()(x)
    model = Blueprint(inputs, {head: Dense(3, activation="softmax")(x) for head in heads}).to_keras()
    images, labels = np.zeros((6, 4, 4, 1), "float32"), {head: np.arange(6) % 3 for head in heads}

    model.compile("sgd", loss=dict.fromkeys(heads, "sparse_categorical_crossentropy"))
    model.fit(images, labels, verbose=0)

    assert {head: array.shape for head, array in model.predict(images, verbose=0).items()} == dict.fromkeys(
        heads, (6, 3)
    )


def test_node_may_be_several_heads_and_input_may_be_one():
    inputs = Input((4,))
    dense = Dense(4)(inputs)
    model = Blueprint(inputs, {"a": dense, "b": dense, "c": inputs}).to_keras()
    assert {head: tensor.shape for head, tensor in model.output.items()} == dict.fromkeys("abc", (None, 4))


def test_heads_stay_in_float32_under_mixed_precision():
    import keras

    inputs = Input((4,))
    blueprint = Blueprint(inputs, {"label": Dense(3, activation="softmax")(Dense(2)(inputs))})
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = blueprint.to_keras()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("dense").compute_dtype == "float16"
    assert model.get_layer("label").compute_dtype == "float32"
    assert model.predict(np.zeros((1, 4), "float32"), verbose=0)["label"].dtype == np.float32


def test_channels_are_last_whatever_the_keras_config():
    import keras

    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        x = inputs = Input((8, 6, 3))
        for layer in (
            Conv2D(4, 3, padding=1),
            SeparableConv2D(5, 3),
            DepthwiseConv2D(2),
            MaxPooling2D(2),
            AveragePooling2D(1),
            ZeroPadding2D(1),
            GlobalAveragePooling2D(keepdims=True),
            Flatten(),
            Dense(2),
        ):
            x = layer(x)
        blueprint = Blueprint(inputs, x)
        model = blueprint.to_keras()
        assert model.count_params() == blueprint.params
        assert count_keras(model).macs == blueprint.macs
        assert shapes_of_keras(model).items() >= blueprint.output_shapes.items()
        first = keras.Sequential([keras.Input((3, 8, 6)), keras.layers.Conv2D(4, 3)])
        assert count_keras(first).macs == 6 * 4 * 3 * 3 * 3 * 4
    finally:
        keras.config.set_image_data_format(before)
