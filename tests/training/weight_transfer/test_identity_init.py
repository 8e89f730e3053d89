from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from metaopt.training.weight_transfer.graph import LayerCall, build_graph
from metaopt.training.weight_transfer.identity_init import (
    TensorMap,
    find_activation,
    has_nonnegative_output,
    make_identity_weights,
    make_zero_weights,
    map_padding,
    maps_zero_to_zero,
)

pytestmark = pytest.mark.slow  # imports Keras

SHAPE = (6, 6, 4)
KNOWN = TensorMap(np.arange(4), is_nonnegative=True)


def call_of(layer: Any, shape: tuple[int, ...] = SHAPE) -> LayerCall:
    """The call of a layer that is applied to an input of this shape."""
    inputs = keras.Input(shape)
    return build_graph(keras.Model(inputs, layer(inputs))).calls[-1]


def weights_of(layer: Any) -> dict[str, np.ndarray]:
    return {weight.name: keras.ops.convert_to_numpy(weight.value).copy() for weight in layer.weights}


def output(layer: Any, weights: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    for weight in layer.weights:
        if weight.name in weights:
            weight.assign(weights[weight.name])
    return keras.ops.convert_to_numpy(layer(images, training=False))


def positive_images(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (3, *shape)).astype("float32")


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(4, 3, padding="same"),
        lambda: layers.Conv2D(7, 5, padding="same", activation="relu"),
        lambda: layers.Conv2D(4, 1),
        lambda: layers.Conv2D(4, 3, padding="same", dilation_rate=2, use_bias=False),
        lambda: layers.Dense(6),
        layers.BatchNormalization,
        lambda: layers.Dropout(0.5),
        layers.ReLU,
        lambda: layers.Activation("elu"),
    ],
)
def test_identity_weights_pass_all_channels_through(make: Any) -> None:
    layer, images = make(), positive_images()
    call = call_of(layer)
    found = make_identity_weights(call, weights_of(layer), KNOWN)
    assert found is not None
    weights, tensor = found
    passed = output(layer, weights, images)
    channels = np.flatnonzero(tensor.channels >= 0)
    np.testing.assert_allclose(passed[..., channels], images[..., tensor.channels[channels]], atol=1e-5)
    assert sorted(tensor.channels[channels]) == [0, 1, 2, 3]
    assert tensor.is_nonnegative


def test_new_channels_keep_their_initial_weights() -> None:
    layer = layers.Conv2D(7, 3, padding="same")
    call = call_of(layer)
    initial = weights_of(layer)
    found = make_identity_weights(call, initial, KNOWN)
    assert found is not None
    weights, tensor = found
    assert tensor.channels.tolist() == [0, 1, 2, 3, -1, -1, -1]
    assert (weights["kernel"][..., 4:] == initial["kernel"][..., 4:]).all()


@pytest.mark.parametrize(
    ("make", "tensor"),
    [
        (lambda: layers.Conv2D(3, 3, padding="same"), KNOWN),  # too narrow
        (lambda: layers.Conv2D(4, 3, strides=2, padding="same"), KNOWN),  # another size
        (lambda: layers.Conv2D(4, 3), KNOWN),  # another size
        (lambda: layers.Conv2D(4, 3, padding="same", groups=2), KNOWN),
        (lambda: layers.Conv2D(4, 3, padding="same", activation="selu"), KNOWN),
        (lambda: layers.Conv2D(4, 3, padding="same", activation="relu"), TensorMap(np.arange(4))),  # may be negative
        (lambda: layers.ReLU(max_value=1.0), KNOWN),
        (layers.LayerNormalization, KNOWN),
        (lambda: layers.Dense(4), TensorMap(np.full(4, -1))),  # no channel of the parent
    ],
)
def test_other_layers_have_no_identity_weights(make: Any, tensor: TensorMap) -> None:
    layer = make()
    call = call_of(layer)
    assert make_identity_weights(call, weights_of(layer), tensor) is None


def test_zero_padding_with_a_convolution_is_the_identity() -> None:
    padding, convolution = layers.ZeroPadding2D(1), layers.Conv2D(4, 3)
    padded = make_identity_weights(call_of(padding), {}, KNOWN)
    assert padded is not None
    assert padded[1].zero_margin == ((1, 1), (1, 1))
    assert padded[1] == map_padding(call_of(padding), KNOWN)
    call = call_of(convolution, (8, 8, 4))
    found = make_identity_weights(call, weights_of(convolution), padded[1])
    assert found is not None
    images = positive_images()
    passed = output(convolution, found[0], keras.ops.convert_to_numpy(padding(images)))
    np.testing.assert_allclose(passed, images, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(4, 3),
        lambda: layers.Dense(4, activation="tanh"),
        layers.BatchNormalization,
    ],
)
def test_zero_weights_give_zeros(make: Any) -> None:
    layer = make()
    call = call_of(layer)
    weights = make_zero_weights(call, weights_of(layer))
    assert weights is not None
    assert (output(layer, weights, positive_images()) == 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(4, activation="sigmoid"),
        lambda: layers.BatchNormalization(scale=False),
        lambda: layers.DepthwiseConv2D(3),
    ],
)
def test_other_layers_have_no_zero_weights(make: Any) -> None:
    layer = make()
    call = call_of(layer)
    assert make_zero_weights(call, weights_of(layer)) is None


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.ReLU(), "relu"),
        (layers.ReLU(negative_slope=0.1), "custom"),
        (layers.Activation("elu"), "elu"),
        (layers.Dense(3), "linear"),
        (layers.MaxPooling2D(), "linear"),
        (layers.Dense(3, activation="gelu"), "gelu"),
    ],
)
def test_the_activation_of_a_layer_is_found(layer: Any, expected: str) -> None:
    assert find_activation(layer) == expected


@pytest.mark.parametrize(
    ("layer", "of_nonnegative", "of_any"),
    [
        (layers.ReLU(), True, True),
        (layers.Dense(3, activation="sigmoid"), True, True),
        (layers.MaxPooling2D(), True, False),
        (layers.Activation("elu"), True, False),
        (layers.Dense(3), False, False),
        (layers.Activation("tanh"), False, False),
    ],
)
def test_nonnegative_outputs_are_known(layer: Any, of_nonnegative: bool, of_any: bool) -> None:
    call = call_of(layer)
    assert has_nonnegative_output(call, [KNOWN]) == of_nonnegative
    assert has_nonnegative_output(call, [TensorMap(np.arange(4))]) == of_any


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Activation("tanh"), True),
        (layers.Activation("sigmoid"), False),
        (layers.MaxPooling2D(), True),
        (layers.Dropout(0.3), True),
        (layers.Dense(3), False),
    ],
)
def test_layers_that_map_zeros_to_zeros(layer: Any, expected: bool) -> None:
    assert maps_zero_to_zero(call_of(layer)) == expected
