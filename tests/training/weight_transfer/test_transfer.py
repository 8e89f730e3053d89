"""Outputs of a child after the transfer, for networks of the zoo and custom models."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import neural_net
import space as reference_space
from metaopt.blueprint import (
    Activation,
    Add,
    BatchNormalization,
    Blueprint,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    SeparableConv2D,
)
from metaopt.guard.guard import Guard
from metaopt.guard.repair import Repair
from metaopt.problems.problem import Problem
from metaopt.spaces import compile_space
from metaopt.training.weight_transfer import transfer_weights
from metaopt.trials.constraints import parse_constraints
from metaopt.zoo import conv_stack, flower_cnn, wide_resnet
from tests.blueprint.graphs import blueprints
from tests.training.weight_transfer.networks import answers, assert_same_function, built, trained, weights_of

pytestmark = pytest.mark.slow

SHAPE = (16, 16, 3)


def sample_points(expression, network, n, limits=("params<=3e5", "macs<=1e7"), seed=0):
    """Points of a space with valid networks for 16×16 images."""
    space = compile_space(expression)
    repair = Repair(space, Guard(Problem(expression, network), SHAPE, {"label": 5}, parse_constraints(limits)))
    rng = np.random.default_rng(seed)
    for _ in range(n):
        yield copy.deepcopy(space.point(repair(space.draw(rng), rng).vals))


def stack_points(n, most=4, skips=False, seed=0):
    for point in sample_points(conv_stack.make_space(1, most, skips=skips), conv_stack.network, n, seed=seed):
        yield {
            **point,
            "blocks": [dict(block) for block in point["blocks"]],
            "dense": [dict(d) for d in point["dense"]],
        }


def transfer(child, parent):
    """Transfer between networks whose outputs differed before; return child, parent and summary."""
    parent, child = trained(parent), trained(child, seed=5)
    before = weights_of(parent)
    assert abs(answers(child) - answers(parent)).max() > 1e-3
    summary = transfer_weights(child, parent)
    assert all((was == now).all() for was, now in zip(before, weights_of(parent), strict=True))
    return child, parent, summary


def test_equal_networks_get_equal_weights():
    for point in stack_points(3, skips=True):
        child, parent, summary = transfer(built(conv_stack, point), built(conv_stack, point))
        assert summary.n_transferred == summary.n_layers
        assert summary.neutral == ()
        assert all((a == b).all() for a, b in zip(weights_of(child), weights_of(parent), strict=True))


@pytest.mark.parametrize("skips", [False, True])
def test_a_widened_stack_computes_the_same(skips):
    """Each layer in turn, then all; skips and the residual connection may need a 1×1 convolution then."""
    for point in stack_points(2, skips=skips, seed=1):
        wider = [(part, i) for part in ("blocks", "dense") for i in range(len(point[part]))]
        for chosen in [*([one] for one in wider), wider]:
            grown = copy.deepcopy(point)
            for part, i in chosen:
                name = "channels" if part == "blocks" else "units"
                grown[part][i][name] = round(1.5 * grown[part][i][name]) + 1
            child, parent, summary = transfer(built(conv_stack, grown), built(conv_stack, point))
            assert_same_function(child, parent)
            assert summary.n_transferred == summary.n_layers


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_stack_with_a_new_block_computes_the_same(kernel, batch_norm):
    block = {"kernel": kernel, "stride": 1, "padding": conv_stack.FITTED, "pool": None, "batch_norm": batch_norm}
    for point, wider in zip(stack_points(2, seed=2), (0, 4), strict=True):
        for place in (1, len(point["blocks"])):
            grown = copy.deepcopy(point)
            channels = point["blocks"][place - 1]["channels"] + wider
            grown["blocks"].insert(place, {**block, "channels": channels, "skip": 0})
            child, parent, summary = transfer(built(conv_stack, grown), built(conv_stack, point))
            assert_same_function(child, parent)
            assert summary.n_transferred == summary.n_layers
            assert len(summary.neutral) >= 1 + batch_norm


def test_a_stack_with_a_repeated_block_computes_the_same():
    for point in stack_points(3, seed=3):
        last = point["blocks"][-1]
        last.update(kernel=3, stride=1, padding=conv_stack.FITTED, pool=None)
        grown = copy.deepcopy(point)
        grown["blocks"].append(dict(last))
        child, parent, summary = transfer(built(conv_stack, grown), built(conv_stack, point))
        assert_same_function(child, parent)
        assert summary.n_transferred == summary.n_layers


def test_a_stack_with_larger_kernels_computes_the_same():
    for point in stack_points(2, seed=4):
        for block in point["blocks"]:
            block.update(kernel=block["kernel"] | 1, stride=1, padding=conv_stack.FITTED)
        grown = copy.deepcopy(point)
        for block in grown["blocks"]:
            block["kernel"] += 2
        child, parent, summary = transfer(built(conv_stack, grown), built(conv_stack, point))
        assert_same_function(child, parent)
        assert summary.n_transferred == summary.n_layers


def test_several_changes_at_once_compute_the_same():
    for point in stack_points(3, seed=7):
        for block in point["blocks"]:
            block.update(kernel=block["kernel"] | 1, stride=1, padding=conv_stack.FITTED)
        grown = copy.deepcopy(point)
        for block in grown["blocks"]:
            block["channels"] += 3
        grown["blocks"][0]["kernel"] += 2
        for layer in grown["dense"]:
            layer["units"] += 5
        last = grown["blocks"][-1]
        grown["blocks"].append({**last, "kernel": 3, "pool": None, "batch_norm": True})
        child, parent, summary = transfer(built(conv_stack, grown), built(conv_stack, point))
        assert_same_function(child, parent)
        assert summary.n_transferred == summary.n_layers


def test_a_deleted_block_does_not_affect_the_others():
    point = next(point for point in stack_points(20, 5, seed=5) if len(point["blocks"]) == 5)
    for i, block in enumerate(point["blocks"]):
        block.update(kernel=3, stride=1, padding=conv_stack.FITTED, pool=None, batch_norm=True, channels=8 + 2 * i)
    point["residual"] = False
    parent = trained(built(conv_stack, point))
    for place in range(5):
        smaller = {**point, "blocks": [block for i, block in enumerate(point["blocks"]) if i != place]}
        child = built(conv_stack, smaller)
        assert transfer_weights(child, parent).n_transferred == len(
            {layer.name for layer in child.layers if layer.weights}
        )
        kept = [i for i in range(5) if i != place]
        kernels, theirs = ([w for w in weights_of(model) if w.ndim == 4] for model in (child, parent))
        for kernel, i in zip(kernels, kept, strict=True):
            n = min(kernel.shape[2], theirs[i].shape[2])
            assert (kernel[:, :, :n] == theirs[i][:, :, :n]).all()


def test_any_two_stacks_give_finite_weights():
    points = list(stack_points(5, 10, skips=True, seed=6))
    parents = [trained(built(conv_stack, point)) for point in points]
    for point, parent in itertools.islice(itertools.product(points, parents), 1, None, 3):
        child = built(conv_stack, point)
        summary = transfer_weights(child, parent)
        assert all(np.isfinite(weights).all() for weights in weights_of(child))
        assert 2 <= summary.n_transferred <= summary.n_layers
        assert set(summary.copied).isdisjoint(summary.neutral)


def test_any_two_reference_networks_give_finite_weights():
    points = list(sample_points(reference_space.space, neural_net.network, 4, limits=["params<=2e6"]))
    heads = {"fine": 5, "coarse": 2}
    for mine, theirs in itertools.pairwise(points):
        child, parent = built(neural_net, mine, classes=heads), trained(built(neural_net, theirs, classes=heads))
        summary = transfer_weights(child, parent)
        assert all(np.isfinite(weights).all() for weights in weights_of(child))
        assert {"fine", "coarse"} <= set(summary.copied)


@pytest.mark.parametrize("pooling", ["max", "avg", "all_conv", "inception"])
def test_a_widened_reference_network_computes_the_same(pooling):
    point = next(sample_points(reference_space.space, neural_net.network, 1))
    point |= {"pooling_type": pooling, "residual": 2, "conv_pool_res_start_idx": 0, "nb_conv_pool_layers": 2}
    point |= {"conv_hiddn_units_mult": 0.2, "activation": "elu", "fc_units_1_mult": 0.05}
    wider = {**point, "conv_hiddn_units_mult": 0.3, "fc_units_1_mult": 0.1}
    heads = {"fine": 5, "coarse": 2}
    child, parent, summary = transfer(built(neural_net, wider, classes=heads), built(neural_net, point, classes=heads))
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers


def test_new_blocks_of_a_wide_resnet_add_zero():
    """Group by group; the branches of each block are shaken."""
    point = next(sample_points(wide_resnet.space, wide_resnet.network, 1, limits=["params<=1e5"]))
    point |= {"nr_residual_blocks_1": 1, "nr_residual_blocks_2": 2, "nr_residual_blocks_3": 1}
    point |= {"res_branches_1": 1, "res_branches_2": 2, "res_branches_3": 3, "death_rate": 0.0}
    parent = built(wide_resnet, point)
    for group in "123":
        more = {**point, f"nr_residual_blocks_{group}": point[f"nr_residual_blocks_{group}"] + 1}
        child, parent, summary = transfer(built(wide_resnet, more), parent)
        assert_same_function(child, parent)
        branches = point[f"res_branches_{group}"]
        # The first normalisation, and in each branch what comes before the last convolution, which is zero.
        assert summary.n_layers - summary.n_transferred == 1 + 2 * branches
        assert len(summary.neutral) == branches


@pytest.mark.parametrize("use_BN", [False, True])
def test_a_new_residual_unit_of_the_reference_adds_zero(use_BN):
    point = next(sample_points(reference_space.space, neural_net.network, 1))
    point |= {"residual": 1, "conv_pool_res_start_idx": 0, "nb_conv_pool_layers": 2, "use_BN": use_BN}
    point |= {"conv_hiddn_units_mult": 0.3, "activation": "selu", "pooling_type": "max", "res_conv_kernel_size": 3}
    point["use_global_pooling"] = False  # averages of random images hardly differ
    child, parent, summary = transfer(built(neural_net, {**point, "residual": 3}), built(neural_net, point))
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers


@pytest.mark.parametrize("pooled", [False, True])
def test_a_widened_flower_cnn_computes_the_same(pooled):
    point = {**flower_cnn.default_point, "use_BN": True, "global_avg_pooling": pooled, "kernel_size": 3}
    point |= {"n_channels_conv_0": 8, "n_channels_conv_1": 12, "n_channels_conv_2": 10}
    wider = {**point, "kernel_size": 5, "n_channels_conv_0": 13, "n_channels_conv_2": 17, "n_channels_fc_0": 30}
    child, parent, summary = transfer(built(flower_cnn, wider), built(flower_cnn, point))
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers == 9


def test_a_new_dense_layer_after_relu_is_the_identity():
    point = {**flower_cnn.default_point, "n_conv_layers": 1, "n_channels_conv_0": 20, "n_fc_layers": 1}
    child, parent, summary = transfer(
        built(flower_cnn, {**point, "n_fc_layers": 2, "n_channels_fc_1": 40}), built(flower_cnn, point)
    )
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers == 4


def test_a_new_narrow_or_strided_layer_keeps_its_weights():
    def network(*blocks):
        x = inputs = Input(SHAPE)
        for filters, strides in [(8, 1), *blocks]:
            x = Conv2D(filters, 3, strides, padding="same", activation="relu")(x)
        return Blueprint(inputs, {"label": Dense(4, activation="softmax")(GlobalAveragePooling2D()(x))}).to_keras()

    parent = trained(network())
    for block in [(7, 1), (8, 2)]:
        child = network(block)
        before = weights_of(child)
        summary = transfer_weights(child, parent)
        assert (summary.copied, summary.neutral, summary.n_layers) == (("conv2d", "label"), (), 3)
        assert (weights_of(child)[2] == before[2]).all()


def test_heads_match_by_name_and_number_of_classes():
    def network(classes):
        x = inputs = Input(SHAPE)
        x = Flatten()(MaxPooling2D(4)(x))
        return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()}).to_keras()

    parent = trained(network({"a": 4, "b": 4, "c": 5}))
    child = network({"c": 6, "b": 4, "a": 4})
    summary = transfer_weights(child, parent)
    assert set(summary.copied) == {"a", "b"}
    for name in "ab":
        mine, theirs = (model.get_layer(name).get_weights() for model in (child, parent))
        assert (mine[0] == theirs[0]).all()
        assert (mine[1] == theirs[1]).all()


def test_every_kind_of_convolution_is_widened():
    def network(filters, multiplier, kernel):
        x = inputs = Input(SHAPE)
        x = Conv2D(filters, 3, strides=2, padding="same")(x)
        x = Activation("relu")(BatchNormalization()(x))
        parts = [
            DepthwiseConv2D(kernel, padding="same", depth_multiplier=multiplier)(x),
            SeparableConv2D(filters, kernel, padding="same", depth_multiplier=multiplier, activation="relu")(x),
            Conv2D(filters + 1, kernel, padding=kernel // 2, dilation_rate=1)(x),
        ]
        x = Concatenate()(parts)
        x = Dropout(0.5)(Conv2D(6, 1)(BatchNormalization()(x)))
        return Blueprint(inputs, {"label": Dense(3, activation="softmax")(Flatten()(x))}).to_keras()

    child, parent, summary = transfer(network(7, 3, 5), network(4, 2, 3))
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers == 8


def test_a_new_branch_adds_zero():
    def network(branch):
        x = inputs = Input(SHAPE)
        x = BatchNormalization()(Conv2D(6, 3, padding="same")(x))
        if branch:
            y = BatchNormalization()(Conv2D(9, 3, padding="same", activation="relu")(x))
            y = Dropout(0.5)(Conv2D(6, 3, padding="same")(Activation("relu")(y)))
            x = Add()([x, y])
        x = Activation("relu")(x)
        return Blueprint(inputs, {"label": Dense(3, activation="softmax")(GlobalAveragePooling2D()(x))}).to_keras()

    child, parent, summary = transfer(network(True), network(False))
    assert_same_function(child, parent)
    assert len(summary.neutral) == 1
    assert summary.n_transferred == 4


def test_sequential_models_with_nested_models():
    import keras
    from keras import layers

    def sequential(width, more):
        inner = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 3), layers.LayerNormalization()])
        new = [layers.Conv2D(width, 3, padding="same", activation="relu")] if more else []
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Conv2D(4, 1),
                inner,
                layers.Conv2D(width, 3, use_bias=False),
                layers.ReLU(),
                *new,
                layers.Conv2DTranspose(5, 2, strides=2),
                layers.Flatten(),
                layers.Dense(3),
                layers.Softmax(),
            ]
        )

    child, parent, summary = transfer(sequential(6, True), sequential(6, False))
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers == 6


def test_shared_layers_and_sums_of_tensors():
    import keras
    from keras import layers

    def network(width):
        inputs = keras.Input((6, 6, 3))
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(inputs)
        again = layers.Conv2D(width, 3, padding="same", activation="relu")
        x = again(again(x) + x) * 0.5
        return keras.Model(inputs, layers.Dense(4, activation="softmax")(layers.GlobalMaxPooling2D()(x)))

    child, parent, summary = transfer(network(9), network(5))
    assert_same_function(child, parent)
    assert summary.n_transferred == summary.n_layers == 3


def test_subclassed_models_keep_their_initial_weights():
    import keras

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(3)

        def call(self, x):
            return self.last(x)

    child, parent = Mine(), Mine()
    child(np.ones((1, 2))), parent(np.ones((1, 2)))
    before = weights_of(child)
    summary = transfer_weights(child, parent)
    assert (summary.n_transferred, summary.n_layers) == (0, 1)
    assert all((was == now).all() for was, now in zip(before, weights_of(child), strict=True))


def test_a_new_normalisation_normalises_in_training():
    def network(batch_norm):
        x = inputs = Input(SHAPE)
        x = Conv2D(4, 3)(x)
        x = BatchNormalization()(x) if batch_norm else x
        return Blueprint(inputs, {"label": Dense(3, activation="softmax")(Flatten()(x))}).to_keras()

    child, parent, _ = transfer(network(True), network(False))
    assert_same_function(child, parent)
    assert abs(answers(child, training=True) - answers(parent)).max() > 1e-3


# Random networks put softmax on one channel, of which Keras warns.
@pytest.mark.filterwarnings("ignore:You are using a softmax")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(blueprints(), blueprints())
def test_random_graphs_transfer_finite_weights(one, other):
    parent, child = trained(one.to_keras()), one.to_keras()
    summary = transfer_weights(child, parent)
    assert summary.n_transferred == summary.n_layers
    assert all((a == b).all() for a, b in zip(weights_of(child), weights_of(parent), strict=True))
    transfer_weights(child, trained(other.to_keras()))
    assert all(np.isfinite(weights).all() for weights in weights_of(child))
