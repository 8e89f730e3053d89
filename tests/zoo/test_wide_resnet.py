import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from metaopt.blueprint import Add, Blueprint, Conv2D, Dense, Dropout, ShakeDrop, ShakeShake
from metaopt.errors import UserError
from metaopt.guard.guard import Guard
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.trials.constraints import parse_constraints
from metaopt.zoo import wide_resnet
from metaopt.zoo.wide_resnet import default_point, network, training, wrn

CIFAR, TEN = (32, 32, 3), {"label": 10}
SPACE = compile_space(wide_resnet.space)


def kinds(blueprint: Blueprint) -> Counter[str]:
    return Counter(node.layer.kind for node in blueprint.nodes)


def layers(blueprint: Blueprint, kind: type) -> list[Any]:
    return [node.layer for node in blueprint.nodes if isinstance(node.layer, kind)]


def point(**changes: Any) -> dict[str, Any]:
    return {**default_point, **changes}


@pytest.mark.parametrize(
    ("depth", "k", "millions"),
    [
        (40, 1, 0.6),
        (40, 2, 2.2),
        (40, 4, 8.9),
        (40, 8, 35.7),
        (28, 10, 36.5),
        (28, 12, 52.5),
        (22, 8, 17.2),
        (22, 10, 26.8),
        (16, 8, 11.0),
        (16, 10, 17.1),
    ],
)
def test_parameters_equal_the_published_numbers(depth: int, k: int, millions: float) -> None:
    """Zagoruyko & Komodakis 2016, tables 4 and 5."""
    assert round(wrn(depth, k, CIFAR, TEN).trainable_params / 1e6, 1) == millions


@pytest.mark.parametrize(
    ("block", "depth", "millions"),
    [
        ("B(1,3,1)", 40, 1.4),
        ("B(3,1)", 40, 1.2),
        ("B(1,3)", 40, 1.3),
        ("B(3,1,1)", 40, 1.3),
        ("B(3,3)", 28, 1.5),
        ("B(3,1,3)", 22, 1.1),
    ],
)
def test_parameters_of_other_blocks_equal_the_published_numbers(block: str, depth: int, millions: float) -> None:
    """Zagoruyko & Komodakis 2016, table 2, k = 2."""
    assert round(wrn(depth, 2, CIFAR, TEN, block).trainable_params / 1e6, 1) == millions


def test_groups_halve_the_image_and_widen_it() -> None:
    ends = [node.shape for node in wrn(16, 4, CIFAR, TEN).nodes if isinstance(node.layer, Add)]
    assert ends == [(32, 32, 64)] * 2 + [(16, 16, 128)] * 2 + [(8, 8, 256)] * 2


def test_shortcut_is_a_convolution_only_if_shapes_differ() -> None:
    def shortcuts(blueprint: Blueprint) -> int:
        return sum(conv.kernel_size == (1, 1) for conv in layers(blueprint, Conv2D))

    assert shortcuts(wrn(22, 2, CIFAR, TEN)) == 3
    assert shortcuts(wrn(22, 1, CIFAR, TEN)) == 2  # the first group has 16 filters like its input
    # Equal widths, but the image is halved.
    assert shortcuts(network(point(widen_factor_1=1.0, widen_factor_2=1.0, widen_factor_3=1.0), CIFAR, TEN)) == 2


def test_first_kernel_above_1x1_has_the_stride() -> None:
    def strided(block: str) -> list[tuple[int, int]]:
        convs = layers(wrn(10, 1, CIFAR, TEN, block), Conv2D)
        return [conv.kernel_size for conv in convs if conv.strides == (2, 2)]

    assert strided("B(1,3,1)") == strided("B(3,3)") == [(3, 3), (1, 1)] * 2
    assert strided("B(1,1)") == [(1, 1), (1, 1)] * 2


def test_dropout_is_between_the_convolutions_of_a_block() -> None:
    made = wrn(16, 1, CIFAR, TEN, "B(3,1,3)", dropout=0.3)
    assert kinds(made)["Dropout"] == 6 * 2
    assert {dropout.rate for dropout in layers(made, Dropout)} == {0.3}
    consumers = [
        node.layer.kernel_size for node in made.nodes if node.inputs and node.inputs[0].layer.kind == "Dropout"
    ]
    assert consumers == [(1, 1), (3, 3)] * 6
    assert made.params == wrn(16, 1, CIFAR, TEN, "B(3,1,3)").params
    assert kinds(wrn(16, 1, CIFAR, TEN))["Dropout"] == 0


def test_penalty_is_half_the_weight_decay() -> None:
    """The derivative of λ/2·w² is λ·w."""
    made = wrn(10, 1, CIFAR, {"fine": 100, "coarse": 20}, weight_decay=0.0005)
    assert {layer.kernel_regularizer for layer in layers(made, Conv2D) + layers(made, Dense)} == {0.00025}
    assert list(made.heads) == ["fine", "coarse"]


@pytest.mark.parametrize("depth", [4, 9, 15, 0, -2])
def test_invalid_depth_is_rejected(depth: int) -> None:
    with pytest.raises(UserError, match=f"depth {depth} cannot be"):
        wrn(depth, 1, CIFAR, TEN)


@pytest.mark.parametrize("block", ["B()", "3,3", "B(3,x)", "B(0,3)", ""])
def test_invalid_block_is_rejected(block: str) -> None:
    with pytest.raises(UserError, match="is not understood"):
        wrn(16, 1, CIFAR, TEN, block)


def test_space_has_seventeen_hyperparameters() -> None:
    rng = np.random.default_rng(0)
    points = [SPACE.point(SPACE.draw(rng)) for _ in range(4000)]
    blocks = {f"nr_residual_blocks_{group}": (1, 16, "log integer") for group in (1, 2, 3)}
    branches = {f"res_branches_{group}": (1, 5, "integer") for group in (1, 2, 3)}
    ranges = {
        **blocks,
        **branches,
        "initial_filters": (8, 32, "log integer"),
        "widen_factor_1": (0.5, 8, "log"),
        "widen_factor_2": (0.5, 4, "log"),
        "widen_factor_3": (0.5, 4, "log"),
        "learning_rate": (1e-3, 1, "log"),
        "batch_size": (32, 128, "log integer"),
        "weight_decay": (1e-5, 1e-3, "log"),
        "momentum": (1e-3, 0.99, ""),
        "mixup_alpha": (0, 1, ""),
        "cutout_length": (0, 20, "integer"),
        "death_rate": (0, 1, ""),
    }
    assert len(ranges) == 17
    assert set(points[0]) == set(ranges) == set(default_point)
    for key, (low, high, scale) in ranges.items():
        values = np.array([one[key] for one in points], float)
        assert low <= values.min()
        assert values.max() <= high
        if "integer" in scale:
            assert (values == values.round()).all()
            assert (values.min(), values.max()) == (low, high)
        step = 0.5 if "integer" in scale else 0  # the bounds are extended by half a step
        middle = math.sqrt((low - step) * (high + step)) if "log" in scale else (low + high) / 2
        assert np.median(values) == pytest.approx(middle, rel=0.15)


def test_default_point_is_a_published_network() -> None:
    assert network(default_point, CIFAR, TEN).hash == wrn(16, 4, CIFAR, TEN, weight_decay=5e-4).hash
    made = training(default_point)
    assert (made.optimizer, made.learning_rate, made.batch_size, made.schedule) == ("SGD", 0.1, 128, "cosine")
    assert made.options == {"momentum": 0.9, "nesterov": True}


def test_filters_are_multiplied_by_the_widen_factor() -> None:
    made = network(
        point(initial_filters=10.0, widen_factor_1=1.26, widen_factor_2=0.5, widen_factor_3=2.5), (16, 16, 3), TEN
    )
    assert [node.shape for node in made.nodes if isinstance(node.layer, Add)][::2] == [
        (16, 16, 13),
        (8, 8, 6),  # half of 13, rounded to even
        (4, 4, 15),
    ]
    thin = network(point(initial_filters=8.0, widen_factor_1=0.5, widen_factor_2=0.5, widen_factor_3=0.1), CIFAR, TEN)
    assert thin.nodes[-2].shape == (1,)


def test_shake_shake_and_linearly_increasing_shake_drop() -> None:
    made = network(point(res_branches_2=2, res_branches_3=4, death_rate=0.6, nr_residual_blocks_1=1), CIFAR, TEN)
    merged = [node for node in made.nodes if isinstance(node.layer, ShakeShake)]
    assert [len(node.inputs) for node in merged] == [2, 2, 4, 4]
    rates = [layer.rate for layer in layers(made, ShakeDrop)]
    assert rates == pytest.approx([0.6 * block / 5 for block in range(1, 6)])
    assert not kinds(network(default_point, CIFAR, TEN)).keys() & {"ShakeShake", "ShakeDrop"}


def test_training_is_read_from_the_point() -> None:
    made = training(point(mixup_alpha=0.4, cutout_length=7.0, batch_size=33.0, momentum=0.2))
    assert (made.mixup, made.cutout, made.batch_size, made.options["momentum"]) == (0.4, 7, 33, 0.2)
    assert made.weight_decay is None  # the network has a penalty instead


def test_guard_judges_draws_of_the_problem() -> None:
    problem = load_problem("wide_resnet")
    guard = Guard(problem, (8, 8, 1), TEN, parse_constraints(["params<=2e5"]))
    rng = np.random.default_rng(1)
    reasons = Counter(guard.judge(SPACE.point(SPACE.draw(rng)), set()).reason for _ in range(40))
    assert set(reasons) == {None, "params"}


@pytest.mark.slow
def test_keras_model_has_the_same_counts() -> None:
    import keras

    made = network(
        point(initial_filters=8, widen_factor_1=0.5, res_branches_1=2, res_branches_3=3, death_rate=0.5), (8, 8, 1), TEN
    )
    model = made.to_keras()
    assert model.count_params() == made.params
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == made.trainable_params
    assert model.predict_on_batch(np.zeros((3, 8, 8, 1), np.float32))["label"].shape == (3, 10)
    keras.utils.clear_session()
