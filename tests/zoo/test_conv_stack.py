import math
from typing import Any

import numpy as np
import pytest

from metaopt.blueprint import Add, Blueprint, Conv2D
from metaopt.errors import UserError
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import conv_stack
from metaopt.zoo.conv_stack import FITTED, _to_size, make_space, network, padding_of, training

SPACE = compile_space(conv_stack.space)
HEADS = {"label": 10}
SHAPE = (64, 64, 3)
BLOCK: dict[str, Any] = {
    "channels": 8.0,
    "kernel": 3,
    "stride": 1,
    "padding": FITTED,
    "pool": None,
    "batch_norm": False,
    "skip": 0,
}


def point(*blocks: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return a point whose blocks have the given differences from ``BLOCK``."""
    rest = {
        "learning_rate": 0.01,
        "batch_size": 32.0,
        "optimizer": "SGD",
        "dropout_rate": 0.2,
        "residual": False,
        "dense": ({"units": 20.0, "batch_norm": False},),
    }
    return {**rest, "blocks": tuple({**BLOCK, **block} for block in blocks), **others}


def test_ranges_of_the_space() -> None:
    space = compile_space(make_space(4, 4))
    rng = np.random.default_rng(0)
    points = [space.point(space.draw(rng)) for _ in range(1000)]
    blocks = [block for one in points for block in one["blocks"]]
    channels = [block["channels"] for block in blocks]
    assert (min(channels), max(channels)) == (3, 160)
    assert np.median(channels) == pytest.approx(math.sqrt(3 * 160), rel=0.15)
    assert {block["kernel"] for block in blocks} == set(range(3, 10))
    assert {block["stride"] for block in blocks} == set(range(1, 6))
    assert {block["batch_norm"] for block in blocks} == {False, True}
    assert {block["skip"] for block in blocks} == {0, 1, 2}
    pools = [block["pool"] for block in blocks]
    assert {None if pool is None else (pool["size"], pool["stride"]) for pool in pools} == {
        None,
        *((size, stride) for size in (2, 3, 4) for stride in (1, 2)),
    }
    assert {block["padding"] == FITTED for block in blocks} == {False, True}
    units = [layer["units"] for one in points for layer in one["dense"]]
    assert 1 == min(units) < 1400 < max(units) <= 1500
    assert {len(one["dense"]) for one in points} == {1, 2}
    assert all(1e-5 <= one["learning_rate"] <= 0.1 and 0.01 <= one["dropout_rate"] <= 0.5 for one in points)
    assert all(4 <= one["batch_size"] <= 300 for one in points)
    # All positions have the same ranges.
    distributions = {label.split("_", 2)[2]: set() for label in space.labels if label.startswith("block_")}
    for parameter in space.parameters:
        if parameter.label.startswith("block_"):
            distributions[parameter.label.split("_", 2)[2]].add(parameter.distribution)
    assert all(len(found) == 1 for found in distributions.values())


def test_padding_is_fitted_or_a_fraction_of_the_kernel() -> None:
    assert [padding_of(9, stride, FITTED) for stride in range(1, 6)] == [4, 3, 3, 2, 2]  # max(0, k − s) // 2
    assert padding_of(3, 5, FITTED) == 0
    for kernel in range(3, 10):
        found = [padding_of(kernel, 1, share) for share in np.linspace(0, 1, 1001).tolist()]
        counts = np.bincount(found) / len(found)
        assert counts == pytest.approx([1 / (kernel // 2 + 1)] * (kernel // 2 + 1), abs=0.01)


def test_layers_of_a_stack_of_two_blocks() -> None:
    blocks = (
        {"channels": 5.0, "kernel": 4, "stride": 2, "padding": 0.99, "batch_norm": True},
        {"channels": 7.0, "pool": {"size": 3, "stride": 2}},
    )
    blueprint = network(point(*blocks, dense=({"units": 6.0, "batch_norm": True},)), (16, 16, 3), HEADS)
    kinds = [layer.kind for layer in blueprint.layers]
    assert kinds == [
        "InputLayer",
        *("Conv2D", "BatchNormalization", "Activation"),
        *("Conv2D", "Activation", "MaxPooling2D"),
        *("Flatten", "Dense", "BatchNormalization", "Activation", "Dropout", "Dense"),
    ]
    assert blueprint.output_shapes["conv2d"] == (9, 9, 5)  # (16 + 2·2 − 4) / 2 + 1
    assert blueprint.output_shapes["conv2d_1"] == (9, 9, 7)
    assert blueprint.output_shapes["max_pooling2d"] == (4, 4, 7)
    assert blueprint.params == 5 * 49 + 20 + 7 * 46 + 6 * (112 + 1) + 24 + 10 * 7


def adds(blueprint: Blueprint) -> list[Any]:
    return [node for node in blueprint.nodes if isinstance(node.layer, Add)]


def test_residual_connection_from_images_to_last_block() -> None:
    stack = point({"stride": 3}, {"pool": {"size": 4, "stride": 2}})
    del stack["residual"]
    blueprint = network(stack, SHAPE, HEADS)
    (add,) = adds(blueprint)
    last, shortcut = add.inputs
    assert last.shape == shortcut.shape == add.shape
    assert [layer.kind for layer in (shortcut.layer, shortcut.inputs[0].layer)] == ["Conv2D", "AveragePooling2D"]
    assert shortcut.layer.kernel_size == (1, 1)
    assert shortcut.inputs[0].inputs[0] is blueprint.inputs[0]
    assert not adds(network(stack | {"residual": False}, SHAPE, HEADS))
    plain = network(point({"channels": 3.0}, residual=True), SHAPE, HEADS)  # shapes are equal
    assert adds(plain)[0].inputs[1] is plain.inputs[0]


def test_skips_span_one_or_two_blocks() -> None:
    blueprint = network(point({}, {"skip": 1}, {"skip": 2, "stride": 2}), SHAPE, HEADS)
    one, two = adds(blueprint)
    conv = [node for node in blueprint.nodes if isinstance(node.layer, Conv2D)]
    assert one.inputs[1].layer.kind == "Activation"
    assert one.inputs[1].inputs[0] is conv[0]
    assert two.inputs[1].layer.kind == "AveragePooling2D"
    assert two.inputs[1].inputs[0] is one.inputs[1]
    assert len(adds(network(point({"skip": 2}), SHAPE, HEADS))) == 1  # from the images
    assert len(adds(network(point({"skip": 2}, residual=True), SHAPE, HEADS))) == 1  # no duplicate


def test_any_image_can_be_resized_to_any_size() -> None:
    rng = np.random.default_rng(1)
    for _ in range(500):
        size, wanted = (tuple(rng.integers(1, 40, size=2).tolist()) for _ in range(2))
        window, strides, padding = _to_size(size, wanted)
        pooled = [(length - w) // s + 1 for length, w, s in zip(size, window, strides, strict=True)]
        ends = padding or ((0, 0), (0, 0))
        assert [length + sum(end) for length, end in zip(pooled, ends, strict=True)] == list(wanted)
        assert all(w <= length for w, length in zip(window, size, strict=True))
        if padding is None and all(map(int.__ge__, size, wanted)):
            # The pooling windows cover the whole image.
            used = [(goal - 1) * s + w for goal, s, w in zip(wanted, strides, window, strict=True)]
            assert used == list(size)


def test_images_may_grow_and_need_not_be_square() -> None:
    grown = network(point(*[{"kernel": 4, "padding": 0.99}] * 5, residual=True), (10, 17, 3), HEADS)
    assert adds(grown)[0].shape == (15, 22, 8)


@pytest.mark.parametrize("n", [1, 5, 30])
def test_stacks_with_a_constant_number_of_blocks(n: int) -> None:
    space = compile_space(make_space(n, n))
    rng = np.random.default_rng(2)
    assert {len(space.point(space.draw(rng))["blocks"]) for _ in range(20)} == {n}
    assert "n_blocks" not in space.labels


def test_space_has_one_stack_of_one_to_thirty_blocks() -> None:
    stack, dense = SPACE.block_stacks
    assert stack.depth == "n_blocks"
    assert stack.lengths == tuple(range(1, 31))
    assert all(len(block) == 10 for block in stack.blocks)
    assert dense.lengths == (1, 2)
    (fixed, _) = compile_space(make_space(6, 6)).block_stacks
    assert (fixed.depth, len(fixed.blocks)) == (None, 6)
    rng = np.random.default_rng(3)
    depths = [len(SPACE.point(SPACE.draw(rng))["blocks"]) for _ in range(1000)]
    assert (min(depths), max(depths)) == (1, 30)


def test_space_without_residual_and_skips() -> None:
    bare = compile_space(make_space(2, 3, residual=False, skips=False))
    drawn = bare.point(bare.draw(np.random.default_rng(4)))
    assert drawn["residual"] is False
    assert all("skip" not in block for block in drawn["blocks"])
    for wrong in ((0, 3), (4, 3)):
        with pytest.raises(UserError, match="take 1 block or more"):
            make_space(*wrong)


def test_vals_inverts_point() -> None:
    for space in (SPACE, compile_space(make_space(5, 5))):
        vals = space.draw(np.random.default_rng(5))
        assert space.vals(space.point(vals)) == pytest.approx(vals)


def test_training_of_the_optimizers() -> None:
    assert training(point({})).options == {"momentum": 0.9, "nesterov": True}
    assert training(point({}, optimizer="Adam")).options == {}
    assert training(point({})).batch_size == 32
    problem = load_problem("conv_stack")
    assert problem.training(point({})) == training(point({}))
