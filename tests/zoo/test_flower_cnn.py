import math
import os
from typing import Any

import numpy as np
import pytest

from metaopt.blueprint import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    InvalidArchitecture,
    MaxPooling2D,
)
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import flower_cnn
from metaopt.zoo.flower_cnn import default_point, flat, nested, network, training

SPACE = compile_space(flower_cnn.space)
CHECK = {
    "learning_rate_init": 1e-3,
    "batch_size": 19,
    "global_avg_pooling": True,
    "kernel_size": 3,
    "n_conv_layers": 2,
    "n_channels_conv_0": 100,
    "n_channels_conv_1": 301,
    "n_fc_layers": 2,
    "n_channels_fc_0": 6,
    "n_channels_fc_1": 441,
    "use_BN": False,
    "dropout_rate": 0.2,
}


def test_parameters_equal_the_published_number() -> None:
    assert network(CHECK, (16, 16, 3), {"label": 17}).params == 286_414


def test_ranges_of_the_space() -> None:
    rng = np.random.default_rng(0)
    points = [flat(SPACE.point(SPACE.draw(rng))) for _ in range(4000)]
    values: dict[str, list[Any]] = {}
    for point in points:
        for key, value in point.items():
            values.setdefault(key, []).append(value)
    ranges = {"batch_size": (4, 300)}
    ranges |= {f"n_channels_conv_{i}": (16, 1024) for i in range(3)} | {
        f"n_channels_fc_{i}": (4, 512) for i in range(3)
    }
    for key, (low, high) in ranges.items():
        assert low <= min(values[key]) < 1.2 * low
        assert 0.8 * high < max(values[key]) <= high
        assert all(value == int(value) for value in values[key])
        assert np.median(values[key]) == pytest.approx(math.sqrt(low * high), rel=0.2)  # logarithmic
    for key, low, high in (("learning_rate_init", 1e-5, 0.1), ("dropout_rate", 0.01, 0.5)):
        assert low <= min(values[key]) < max(values[key]) <= high
        assert np.median(values[key]) == pytest.approx(math.sqrt(low * high), rel=0.2)
    for key, options in (("kernel_size", {3, 5, 7}), ("n_conv_layers", {1, 2, 3}), ("n_fc_layers", {1, 2, 3})):
        assert set(values[key]) == options
    for key in ("use_BN", "global_avg_pooling"):
        assert set(values[key]) == {True, False}
    assert values.keys() == default_point.keys() | {"n_channels_fc_2"}


def test_points_have_the_widths_of_their_layers_only() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        point = flat(SPACE.point(SPACE.draw(rng)))
        for kind in ("conv", "fc"):
            widths = {key for key in point if key.startswith(f"n_channels_{kind}_")}
            assert widths == {f"n_channels_{kind}_{i}" for i in range(point[f"n_{kind}_layers"])}


def test_order_of_the_layers() -> None:
    point = {**CHECK, "kernel_size": 5, "use_BN": True, "global_avg_pooling": False}
    blueprint = network(point, (20, 20, 3), {"label": 17})
    block = [Conv2D, BatchNormalization, MaxPooling2D]
    kinds = [type(layer) for layer in blueprint.layers[1:]]
    assert kinds == [*block, *block, Flatten, Dense, Dropout, Dense, Dropout, Dense]
    first, _, pooling = blueprint.layers[1:4]
    assert (first.kernel_size, first.padding, first.activation) == ((5, 5), ((2, 2), (2, 2)), "relu")
    assert pooling.pool_size == pooling.strides == (2, 2)
    assert blueprint.output_shapes["max_pooling2d_1"] == (5, 5, 301)
    assert [layer.activation for layer in blueprint.layers if isinstance(layer, Dense)] == ["relu", "relu", "softmax"]
    pooled = network(CHECK, (20, 20, 3), {"label": 17})
    assert [type(layer) for layer in pooled.layers].count(GlobalAveragePooling2D) == 1
    with pytest.raises(InvalidArchitecture):
        network({**default_point}, (7, 7, 3), {"label": 17})


def test_nested_and_flat_points_give_the_same_network() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        point = SPACE.point(SPACE.draw(rng))
        heads = {"fine": 17, "coarse": 4}
        assert network(point, (32, 32, 3), heads).hash == network(flat(point), (32, 32, 3), heads).hash
        assert nested(flat(point)) == point
        assert flat(flat(point)) == flat(point)
    unused = {**default_point, "n_channels_fc_2": 273}
    assert network(unused, (16, 16, 3), {"label": 17}).hash == network(default_point, (16, 16, 3), {"label": 17}).hash
    assert nested(unused) == nested(default_point)


def test_default_point_is_in_the_space() -> None:
    vals = SPACE.vals(nested(default_point))
    assert flat(SPACE.point(vals)) == default_point
    assert training(default_point).batch_size == 290
    assert training(default_point).learning_rate == 0.0016651
    assert training(default_point).optimizer == "Adam"
    assert (
        network(default_point, (16, 16, 3), {"label": 17}).params
        == 457 * 76 + 511 * (457 * 25 + 1) + 38 * (511 * 25 + 1) + 27 * 39 + 17 * 28 + 17 * 18
    )


def test_ready_problem_has_two_stacks() -> None:
    problem = load_problem("flower_cnn")
    assert problem.network is not None
    assert problem.training(default_point) == training(default_point)
    assert [(stack.depth, stack.lengths) for stack in SPACE.block_stacks] == [
        ("n_conv_layers", (1, 2, 3)),
        ("n_fc_layers", (1, 2, 3)),
    ]


@pytest.mark.slow
def test_keras_model_has_the_same_parameters() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for point in (CHECK, {**CHECK, "use_BN": True, "global_avg_pooling": False}):
        blueprint = network(point, (16, 16, 3), {"label": 17})
        assert blueprint.to_keras().count_params() == blueprint.params
