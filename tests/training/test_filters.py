"""Gradient ascent in the input: filters whose best input is known."""

import numpy as np
import pytest

from metaopt.errors import UserError

pytestmark = pytest.mark.slow


def test_inputs_are_those_that_the_filters_look_for() -> None:
    """A filter of vertical edges, one of horizontal ones, and one of brightness."""
    import keras

    from metaopt.training.filters import find_networks, iterate_filters

    inputs = keras.Input((12, 12, 1))
    convolution = keras.layers.Conv2D(3, 3, padding="valid", use_bias=False, activation="relu")
    x = convolution(inputs)
    deeper = keras.layers.Conv2D(70, 1, name="deeper")(x)
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(deeper))
    edge = np.array([[-1, 0, 1]] * 3, np.float32)
    convolution.set_weights([np.stack([edge, edge.T, np.ones((3, 3), np.float32)], axis=-1)[:, :, None]])
    before = [np.array(each) for each in network.get_weights()]
    first, second = iterate_filters(network, steps=60)
    assert (first.count, first.inputs.shape, list(first.filters)) == (3, (3, 12, 12, 1), [0, 1, 2])
    assert (first.gain > 1).all()
    assert np.abs(first.inputs).max() <= 0.5
    responses = np.asarray(keras.Model(inputs, x)(first.inputs)).mean(axis=(1, 2))
    assert (responses.argmax(axis=0) == [0, 1, 2]).all()
    assert first.inputs[2].mean() > 0.2
    assert (second.name, second.count, len(second.filters)) == ("deeper", 70, 64)
    assert all((old == new).all() for old, new in zip(before, network.get_weights(), strict=True))
    assert network.trainable
    assert find_networks(keras.Model(inputs, network(inputs))) == [network]


def test_convolutions_of_a_nested_model_are_found() -> None:
    """A backbone is a model in the network; the inputs are those of the network."""
    import keras

    from metaopt.training.filters import find_convolutions, iterate_filters

    inner = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, name="stem")(inner)
    block = keras.Sequential([keras.layers.Conv2D(5, 1, name="deep")], name="block")
    backbone = keras.Model(inner, block(x), name="backbone")
    inputs = keras.Input((6, 6, 3))
    x = backbone(keras.layers.UpSampling2D()(keras.layers.Rescaling(2.0)(inputs)))
    x = keras.layers.Conv2D(7, 1, name="head")(x)
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    found = find_convolutions(network)
    assert [each.name for each in found] == ["backbone/stem", "backbone/block/deep", "head"]
    images = np.random.default_rng(0).uniform(-1, 1, (2, 6, 6, 3)).astype(np.float32)
    doubled = np.repeat(np.repeat(2 * images, 2, axis=1), 2, axis=2)
    assert np.asarray(found[1].features(images)) == pytest.approx(np.asarray(backbone(doubled)), abs=1e-5)
    some = list(iterate_filters(network, steps=2, most=2))
    assert [(each.place, each.layers, each.inputs.shape) for each in some] == [
        (0, 3, (4, 6, 6, 3)),
        (2, 3, (7, 6, 6, 3)),
    ]


def test_models_without_convolutions_are_errors() -> None:
    import keras

    from metaopt.training.filters import iterate_filters

    inputs = keras.Input((4, 4, 1))
    network = keras.Model(inputs, keras.layers.Flatten()(inputs))
    with pytest.raises(UserError, match="has no convolution"):
        list(iterate_filters(network))
