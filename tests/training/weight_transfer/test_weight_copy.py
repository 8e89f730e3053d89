import numpy as np

from metaopt.training.weight_transfer.weight_copy import centred, copied, joined, multiplied, straight


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def dense(rows, columns, seed):
    return {"kernel": numbers(rows, columns, seed=seed), "bias": numbers(columns, seed=seed + 1)}


def test_straight():
    assert straight(4, 2).tolist() == [0, 1, -1, -1]
    assert straight(2, 4).tolist() == [0, 1]


def test_the_parts_of_a_concatenation_are_found_again():
    source = joined([straight(3, 2), straight(1, 3), np.array([1, 0])], [2, 3, 2])
    assert source.tolist() == [0, 1, -1, 2, 6, 5]


def test_a_flattened_image_is_cut_around_its_centre():
    """The centre of 5×3 pixels becomes that of 3×3; the first channel was the parent's second."""
    source = centred(np.array([1, -1]), (3, 3, 2), (5, 3, 2)).reshape(3, 3, 2)
    places = np.arange(5 * 3 * 2).reshape(5, 3, 2)
    assert (source[..., 0] == places[1:4, :, 1]).all()
    assert (source[..., 1] == -1).all()


def test_a_flattened_image_is_padded_around_its_centre():
    source = centred(np.arange(1), (4, 4, 1), (2, 2, 1)).reshape(4, 4)
    assert source[1:3, 1:3].tolist() == [[0, 1], [2, 3]]
    assert (source == -1).sum() == 12


def test_the_centre_of_an_image_takes_the_place_of_its_mean_and_back():
    assert centred(np.arange(2), (3, 3, 2), (1, 1, 2)).tolist() == [-1] * 8 + [0, 1] + [-1] * 8
    assert centred(np.arange(2), (1, 1, 2), (3, 3, 2)).tolist() == [8, 9]


def test_a_dense_layer_takes_the_overlap_and_nothing_from_new_inputs():
    fresh, old = dense(3, 5, 0), dense(4, 2, 9)
    new = copied("Dense", fresh, old, np.array([3, -1, 0]), (1, 1))
    assert (new["kernel"][[0, 2], :2] == old["kernel"][[3, 0]]).all()
    assert (new["kernel"][1, :2] == 0).all()
    assert (new["kernel"][:, 2:] == fresh["kernel"][:, 2:]).all()
    assert (new["bias"] == [*old["bias"], *fresh["bias"][2:]]).all()


def test_what_is_read_stays_as_it_is():
    fresh, old = dense(3, 5, 0), dense(4, 2, 9)
    copied("Dense", fresh, old, np.arange(3), (1, 1))
    assert (fresh["kernel"] == dense(3, 5, 0)["kernel"]).all()
    assert (old["kernel"] == dense(4, 2, 9)["kernel"]).all()


def test_kernels_are_aligned_at_their_centres():
    """That of two pixels is the first, as "same" padding puts no zeros before it."""
    small, large = {"kernel": numbers(3, 2, 2, 2)}, {"kernel": numbers(5, 5, 2, 2, seed=1)}
    grown = copied("Conv2D", large, small, np.arange(2), (1, 1))["kernel"]
    assert (grown[1:4, 2:4] == small["kernel"]).all()
    assert np.count_nonzero(grown) == small["kernel"].size
    cut = copied("Conv2D", small, large, np.arange(2), (1, 1))["kernel"]
    assert (cut == large["kernel"][1:4, 2:4]).all()


def test_a_bias_that_the_parent_lacks_is_zero():
    new = copied("Dense", dense(2, 3, 0), {"kernel": numbers(2, 2)}, np.arange(2), (1, 1))
    assert new["bias"].tolist()[:2] == [0, 0]
    assert new["bias"][2] == dense(2, 3, 0)["bias"][2]


def test_statistics_follow_their_channels():
    fresh = {"gamma": np.ones(3), "moving_mean": np.zeros(3)}
    old = {"gamma": np.array([2.0, 3.0]), "moving_mean": np.array([4.0, 5.0])}
    new = copied("BatchNormalization", fresh, old, np.array([1, -1, 0]), (1, 1))
    assert new["gamma"].tolist() == [3, 1, 2]
    assert new["moving_mean"].tolist() == [5, 0, 4]


def test_each_input_of_a_depthwise_convolution_keeps_its_outputs():
    old = {"kernel": numbers(3, 3, 2, 2), "bias": numbers(4)}
    fresh = {"kernel": numbers(3, 3, 3, 3, seed=1), "bias": numbers(9, seed=2)}
    source = np.array([1, -1, 0])
    assert multiplied(source, fresh["kernel"], old["kernel"]).tolist() == [2, 3, -1, -1, -1, -1, 0, 1, -1]
    new = copied("DepthwiseConv2D", fresh, old, source, (1, 1))
    assert (new["kernel"][:, :, 0, :2] == old["kernel"][:, :, 1]).all()
    assert (new["kernel"][:, :, 1] == fresh["kernel"][:, :, 1]).all()
    assert new["bias"][[0, 1, 6, 7]].tolist() == old["bias"][[2, 3, 0, 1]].tolist()


def test_groups_of_other_sizes_are_not_copied():
    old = {"kernel": numbers(3, 3, 2, 4)}
    assert copied("Conv2D", {"kernel": numbers(3, 3, 1, 4)}, old, np.arange(4), (4, 2)) == {}
    assert (
        copied("Conv2D", {"kernel": numbers(3, 3, 2, 4)}, old, np.arange(4), (2, 2))["kernel"] == old["kernel"]
    ).all()


def test_layers_of_which_nothing_is_known_are_taken_whole_or_not():
    old = {"0": numbers(2, 3), "1": numbers(3)}
    new = copied("LSTM", {"0": numbers(2, 3, seed=1), "1": numbers(3, seed=2)}, old, np.arange(2), (1, 1))
    assert new == old
    assert copied("LSTM", {"0": numbers(3, 3), "1": numbers(3)}, old, np.arange(2), (1, 1)) == {}


def test_channels_that_are_not_the_last_axis_correspond_one_by_one():
    fresh, old = dense(3, 2, 0), dense(3, 2, 9)
    assert (copied("Dense", fresh, old, np.arange(7), (1, 1))["kernel"] == old["kernel"]).all()
