import numpy as np
import pytest

from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import flower_cnn
from metaopt.zoo.flower_cnn_published import complete, default_point, network, space

IMAGES = (16, 16, 3)
CLASSES = {"label": 17}
POINT = {**default_point, "n_conv_layers": 3, "n_fc_layers": 3, "n_channels_fc_2": 9}


def without(*keys):
    return {key: value for key, value in POINT.items() if key not in keys}


def test_networks_are_those_of_flower_cnn() -> None:
    compiled = compile_space(space)
    rng = np.random.default_rng(0)
    for _ in range(30):
        point = compiled.point(compiled.draw(rng))
        own, other = (one.network(point, IMAGES, CLASSES) for one in (load_problem("flower_cnn_published"), flower_cnn))
        assert (own.params, own.macs) == (other.params, other.macs)
        assert [layer.kind for layer in own.layers if layer.kind != "Rescaling"] == [
            layer.kind for layer in other.layers
        ]


@pytest.mark.parametrize(
    ("missing", "widths"),
    [
        ((), (457, 511, 38)),
        (("n_channels_conv_2",), (457, 511, 1022)),  # twice the one before
        (("n_channels_conv_1", "n_channels_conv_2"), (457, 914, 1828)),
        (("n_channels_conv_0",), (255, 511, 38)),  # half the one after
    ],
)
def test_missing_widths_of_convolutions_double(missing, widths) -> None:
    point = complete(without(*missing))
    assert tuple(point[f"n_channels_conv_{i}"] for i in range(3)) == widths


def test_missing_widths_of_dense_layers_halve() -> None:
    assert complete(without("n_channels_fc_2"))["n_channels_fc_2"] == 8
    assert complete(without("n_channels_fc_0"))["n_channels_fc_0"] == 34
    assert complete({**without("n_channels_fc_1", "n_channels_fc_2"), "n_channels_fc_0": 1})["n_channels_fc_2"] == 1


def test_some_width_is_needed() -> None:
    with pytest.raises(KeyError, match="n_channels_conv_0"):
        complete(without(*(f"n_channels_conv_{i}" for i in range(3))))


@pytest.mark.slow
def test_images_reach_the_network_in_0_to_1() -> None:
    import keras

    model = network(POINT, IMAGES, CLASSES).to_keras()
    first = keras.Model(model.inputs, model.layers[1].output)
    assert first.predict(np.full((1, *IMAGES), -0.5), verbose=0).max() == 0
    assert first.predict(np.full((1, *IMAGES), 0.5), verbose=0).min() == 1
