"""The search space in space.py."""

import math

import numpy as np

import space as file
from metaopt.problems.loading import load_earlier_references
from metaopt.spaces import compile_space

SPACE = compile_space(file.space)


def test_space_has_21_hyperparameters_and_24_labels() -> None:
    assert len(file.space) == 21
    assert len(SPACE.labels) == 24


def test_distributions() -> None:
    assert {one.label: (one.kind, *one.args) for one in SPACE.parameters} == {
        "lr_rate_mult": ("loguniform", -0.5, 0.5),
        "l2_weight_reg_mult": ("loguniform", -1.3, 1.3),
        "batch_size": ("quniform", 100, 700, 5),
        "optimizer": ("choice", 3),
        "coarse_labels_weight": ("uniform", 0.1, 0.7),
        "conv_dropout_proba": ("uniform", 0, 0.35),
        "fc_dropout_proba": ("uniform", 0, 0.6),
        "kernel_initializer": ("choice", 4),
        "use_BN": ("choice", 2),
        "first_conv": ("choice", 2),
        "first_conv_size": ("choice", 2),
        "residual": ("choice", 2),
        "residual_units": ("quniform", 1 - 0.499, 4 + 0.499, 1),
        "conv_hiddn_units_mult": ("loguniform", -0.6, 0.6),
        "nb_conv_pool_layers": ("choice", 2),
        "conv_pool_res_start_idx": ("quniform", 0, 2, 1),
        "pooling_type": ("choice", 4),
        "conv_kernel_size": ("quniform", 2, 4, 1),
        "res_conv_kernel_size": ("quniform", 2, 4, 1),
        "fc_units_1_mult": ("loguniform", -0.6, 0.6),
        "one_more_fc": ("choice", 2),
        "fc_units_2_mult": ("loguniform", -0.6, 0.6),
        "activation": ("choice", 3),
        "use_global_pooling": ("choice", 2),
    }


def test_options() -> None:
    rng = np.random.default_rng(0)
    points = [SPACE.point(SPACE.draw(rng)) for _ in range(300)]
    assert {point["optimizer"] for point in points} == {"Adam", "Nadam", "RMSprop"}
    assert {point["activation"] for point in points} == {"relu", "elu", "selu"}
    assert {point["pooling_type"] for point in points} == {"max", "avg", "all_conv", "inception"}
    assert {point["use_BN"] for point in points} == {True, False}
    assert {point["first_conv"] for point in points} == {None, 3, 4}
    assert {point["residual"] for point in points} == {None, 1.0, 2.0, 3.0, 4.0}
    assert {point["nb_conv_pool_layers"] for point in points} == {2, 3}
    factors = [point["one_more_fc"] for point in points if point["one_more_fc"] is not None]
    assert math.exp(-0.6) <= min(factors) < max(factors) <= math.exp(0.6)


def test_earlier_draws_are_unchanged_by_the_pooling_option() -> None:
    earlier = compile_space(next(load_earlier_references()).space)
    for seed in range(20):
        point = SPACE.point(SPACE.draw(np.random.default_rng(seed)))
        assert point.pop("use_global_pooling") in (False, True)
        assert point == earlier.point(earlier.draw(np.random.default_rng(seed)))


def test_records_without_an_initialiser_used_the_default() -> None:
    point = SPACE.point(SPACE.draw(np.random.default_rng(0)))
    del point["kernel_initializer"], point["use_global_pooling"]
    found = SPACE.vals(point, defaults=file.defaults)
    assert (found["kernel_initializer"], found["use_global_pooling"]) == (0, 0)
