import numpy as np
import pytest

from metaopt.blueprint import Blueprint
from metaopt.errors import UserError
from metaopt.guard import Guard
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import signal_cnn
from metaopt.zoo.signal_cnn import make_space, network

HEADS = {"label": 10}
BLOCK = {"channels_log2": 4, "kernel_power": 5, "stride": 2, "pool_stride": 2}


def point(*blocks: dict, residual: bool = False) -> dict:
    rest = {"last_channels": 20.0, "dropout": 0.2, "learning_rate": 0.01, "batch_size": 32.0, "weight_decay": 0.01}
    return {**rest, "residual": residual, "blocks": tuple({**BLOCK, **block} for block in blocks)}


def test_layers_of_a_network_of_two_blocks() -> None:
    blueprint = network(point({}, {"kernel_power": 0, "stride": 4, "pool_stride": 1}), (100, 3), HEADS)
    kinds = [layer.kind for layer in blueprint.layers]
    block = ["Conv1D", "BatchNormalization", "Activation"]
    assert kinds == [
        *("InputLayer", *block, "MaxPooling1D", *block),
        *("GlobalAveragePooling1D", "Conv1D", "Flatten", "Dropout", "Dense"),
    ]
    shapes = blueprint.output_shapes
    # A kernel of 8 = round(1.5 ** 5) with stride 2 has 3 zeros at each end; that of 1 has the stride 1, not 4.
    assert (shapes["conv1d"], shapes["max_pooling1d"], shapes["conv1d_1"]) == ((50, 16), (25, 16), (25, 16))
    assert shapes["conv1d_2"] == (1, 20)
    assert blueprint.params == 3 * 8 * 16 + 64 + 16 * 16 + 64 + (16 + 1) * 20 + (20 + 1) * 10


def test_a_residual_connection_leads_from_the_signal_to_the_last_block() -> None:
    plain = network(point({}, {}), (101, 3), HEADS)
    residual = network(point({}, {}, residual=True), (101, 3), HEADS)
    assert "Add" not in [layer.kind for layer in plain.layers]
    (add,) = [node for node in residual.nodes if node.layer.kind == "Add"]
    assert add.inputs[0].shape == add.inputs[1].shape == add.shape
    shortcut = add.inputs[1]
    assert [shortcut.layer.kind, shortcut.inputs[0].layer.kind] == ["Conv1D", "AveragePooling1D"]
    assert shortcut.inputs[0].inputs[0] is residual.inputs[0]


@pytest.mark.parametrize("length", [5, 61, 400])
def test_residual_connections_fit_every_length(length: int) -> None:
    space, rng = compile_space(make_space(1, 4)), np.random.default_rng(length)
    guard = Guard(load_problem("signal_cnn"), (length, 2), HEADS)
    found = 0
    for _ in range(200):
        drawn = {**space.point(space.draw(rng)), "residual": True}
        if guard.judge(drawn, set()).reason is None:
            found += 1
            blueprint = network(drawn, (length, 2), HEADS)
            assert isinstance(blueprint, Blueprint)
            assert any(node.layer.kind == "Add" for node in blueprint.nodes)
    assert found > 5


def test_the_space_of_the_genetic_search_is_expressible() -> None:
    space, rng = compile_space(make_space(14, 14, most_channels_log2=11)), np.random.default_rng(0)
    points = [space.point(space.draw(rng)) for _ in range(300)]
    blocks = [block for one in points for block in one["blocks"]]
    assert len(blocks) == 14 * 300
    assert {block["channels_log2"] for block in blocks} == set(range(4, 12))
    assert {round(1.5 ** block["kernel_power"]) for block in blocks} == {1, 2, 3, 5, 8, 11, 17, 26, 38, 58}
    assert {block["pool_stride"] for block in blocks} == {1, 2, 4}


def test_invalid_arguments_are_refused() -> None:
    for arguments in ({"min_blocks": 0}, {"min_blocks": 3, "max_blocks": 2}, {"most_channels_log2": 3}):
        with pytest.raises(UserError, match="Expected at least 1 block, and most_channels_log2 >= 4"):
            make_space(**arguments)


def test_training_follows_the_point() -> None:
    training = signal_cnn.training(point({}))
    assert (training.optimizer, training.learning_rate, training.batch_size) == ("Adam", 0.01, 32)
