import numpy as np
import pytest

from metaopt.training.weight_transfer.weight_copy import (
    copy_layer_weights,
    map_by_index,
    map_concatenated,
    map_depthwise,
    map_flattened,
)

pytestmark = pytest.mark.slow  # imports Keras


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def dense(rows, columns, seed):
    return {"kernel": numbers(rows, columns, seed=seed), "bias": numbers(columns, seed=seed + 1)}


def test_channels_are_mapped_by_index():
    assert map_by_index(4, 2).tolist() == [0, 1, -1, -1]
    assert map_by_index(2, 4).tolist() == [0, 1]


def test_concatenated_channels_are_mapped_part_by_part():
    source = map_concatenated([map_by_index(3, 2), map_by_index(1, 3), np.array([1, 0])], [2, 3, 2])
    assert source.tolist() == [0, 1, -1, 2, 6, 5]


def test_a_smaller_flattened_image_is_the_centre():
    """The centre of 5×3 pixels becomes that of 3×3; the first channel was the parent's second."""
    source = map_flattened(np.array([1, -1]), (3, 3, 2), (5, 3, 2)).reshape(3, 3, 2)
    places = np.arange(5 * 3 * 2).reshape(5, 3, 2)
    assert (source[..., 0] == places[1:4, :, 1]).all()
    assert (source[..., 1] == -1).all()


def test_a_larger_flattened_image_is_padded():
    source = map_flattened(np.arange(1), (4, 4, 1), (2, 2, 1)).reshape(4, 4)
    assert source[1:3, 1:3].tolist() == [[0, 1], [2, 3]]
    assert (source == -1).sum() == 12


def test_a_global_average_corresponds_to_the_centre_pixel():
    assert map_flattened(np.arange(2), (3, 3, 2), (1, 1, 2)).tolist() == [-1] * 8 + [0, 1] + [-1] * 8
    assert map_flattened(np.arange(2), (1, 1, 2), (3, 3, 2)).tolist() == [8, 9]


def test_a_dense_layer_copies_the_overlap():
    fresh, old = dense(3, 5, 0), dense(4, 2, 9)
    new = copy_layer_weights("Dense", fresh, old, np.array([3, -1, 0]), (1, 1))
    assert (new["kernel"][[0, 2], :2] == old["kernel"][[3, 0]]).all()
    assert (new["kernel"][1, :2] == 0).all()
    assert (new["kernel"][:, 2:] == fresh["kernel"][:, 2:]).all()
    assert (new["bias"] == [*old["bias"], *fresh["bias"][2:]]).all()


def test_copy_does_not_modify_its_arguments():
    fresh, old = dense(3, 5, 0), dense(4, 2, 9)
    copy_layer_weights("Dense", fresh, old, np.arange(3), (1, 1))
    assert (fresh["kernel"] == dense(3, 5, 0)["kernel"]).all()
    assert (old["kernel"] == dense(4, 2, 9)["kernel"]).all()


def test_kernels_are_aligned_at_their_centres():
    """That of two pixels is the first, as "same" padding puts no zeros before it."""
    small, large = {"kernel": numbers(3, 2, 2, 2)}, {"kernel": numbers(5, 5, 2, 2, seed=1)}
    grown = copy_layer_weights("Conv2D", large, small, np.arange(2), (1, 1))["kernel"]
    assert (grown[1:4, 2:4] == small["kernel"]).all()
    assert np.count_nonzero(grown) == small["kernel"].size
    cut = copy_layer_weights("Conv2D", small, large, np.arange(2), (1, 1))["kernel"]
    assert (cut == large["kernel"][1:4, 2:4]).all()


def test_a_bias_missing_in_the_parent_is_zero():
    new = copy_layer_weights("Dense", dense(2, 3, 0), {"kernel": numbers(2, 2)}, np.arange(2), (1, 1))
    assert new["bias"].tolist()[:2] == [0, 0]
    assert new["bias"][2] == dense(2, 3, 0)["bias"][2]


def test_statistics_are_copied_by_channel():
    fresh = {"gamma": np.ones(3), "moving_mean": np.zeros(3)}
    old = {"gamma": np.array([2.0, 3.0]), "moving_mean": np.array([4.0, 5.0])}
    new = copy_layer_weights("BatchNormalization", fresh, old, np.array([1, -1, 0]), (1, 1))
    assert new["gamma"].tolist() == [3, 1, 2]
    assert new["moving_mean"].tolist() == [5, 0, 4]


def test_a_depthwise_convolution_is_copied_by_input_channel():
    old = {"kernel": numbers(3, 3, 2, 2), "bias": numbers(4)}
    fresh = {"kernel": numbers(3, 3, 3, 3, seed=1), "bias": numbers(9, seed=2)}
    source = np.array([1, -1, 0])
    assert map_depthwise(source, fresh["kernel"], old["kernel"]).tolist() == [2, 3, -1, -1, -1, -1, 0, 1, -1]
    new = copy_layer_weights("DepthwiseConv2D", fresh, old, source, (1, 1))
    assert (new["kernel"][:, :, 0, :2] == old["kernel"][:, :, 1]).all()
    assert (new["kernel"][:, :, 1] == fresh["kernel"][:, :, 1]).all()
    assert new["bias"][[0, 1, 6, 7]].tolist() == old["bias"][[2, 3, 0, 1]].tolist()


def test_groups_of_another_size_are_not_copied():
    old = {"kernel": numbers(3, 3, 2, 4)}
    assert copy_layer_weights("Conv2D", {"kernel": numbers(3, 3, 1, 4)}, old, np.arange(4), (4, 2)) == {}
    assert (
        copy_layer_weights("Conv2D", {"kernel": numbers(3, 3, 2, 4)}, old, np.arange(4), (2, 2))["kernel"]
        == old["kernel"]
    ).all()


def test_layers_without_a_rule_are_copied_if_shapes_agree():
    old = {"0": numbers(2, 3), "1": numbers(3)}
    new = copy_layer_weights("LSTM", {"0": numbers(2, 3, seed=1), "1": numbers(3, seed=2)}, old, np.arange(2), (1, 1))
    assert new == old
    assert copy_layer_weights("LSTM", {"0": numbers(3, 3), "1": numbers(3)}, old, np.arange(2), (1, 1)) == {}


def test_channels_on_another_axis_are_mapped_by_index():
    fresh, old = dense(3, 2, 0), dense(3, 2, 9)
    assert (copy_layer_weights("Dense", fresh, old, np.arange(7), (1, 1))["kernel"] == old["kernel"]).all()
