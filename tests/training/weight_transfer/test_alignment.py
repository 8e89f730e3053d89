import itertools
from dataclasses import replace

import numpy as np
import pytest

from metaopt.training.weight_transfer.alignment import LayerTraits, align_layers

pytestmark = pytest.mark.slow  # imports Keras

RELU = LayerTraits("Activation", has_weights=False, activation="relu", size=(16, 16))


def conv(width, taken=16, window=3, size=(16, 16)):
    return LayerTraits("Conv2D", True, window, 1, "linear", size, width, taken)


def blocks(*widths, windows=None):
    found, taken = [], 3
    for width, window in zip(widths, windows or [3] * len(widths), strict=True):
        found += [conv(width, taken, window), RELU]
        taken = width
    return found


def test_a_network_is_aligned_with_itself():
    stack = blocks(16, 32, 16, 16, 16, 8)
    assert align_layers(stack, stack) == [(i, i) for i in range(len(stack))]


def test_empty_networks_have_no_pairs():
    assert align_layers([], blocks(4)) == align_layers(blocks(4), []) == align_layers([], []) == []


@pytest.mark.parametrize("position", range(5))
def test_a_deleted_block_leaves_the_others_aligned(position):
    widths, windows = [16, 40, 24, 8, 64], [3, 5, 3, 7, 3]
    parent = blocks(*widths, windows=windows)
    child = parent[: 2 * position] + parent[2 * position + 2 :]
    kept = [i for i in range(10) if i // 2 != position]
    assert align_layers(child, parent) == list(zip(range(8), kept, strict=True))


@pytest.mark.parametrize("position", range(1, 6))
def test_an_inserted_block_is_unmatched(position):
    parent = blocks(16, 40, 24, 8, 64)
    child = [*parent[: 2 * position], conv(30, 31, 9), RELU, *parent[2 * position :]]
    pairs = align_layers(child, parent)
    assert [i for i in range(12) if i not in dict(pairs)] == [2 * position, 2 * position + 1]


def test_the_last_of_equal_blocks_is_unmatched():
    pairs = align_layers(blocks(16, 16, 16, 16), blocks(16, 16, 16))
    assert pairs == [(i, i) for i in range(6)]


def test_swapped_blocks_lose_at_most_one_pair():
    parent = blocks(16, 64, 8, 32, windows=[3, 7, 5, 3])
    child = [*parent[:2], *parent[4:6], *parent[2:4], *parent[6:]]
    pairs = dict(align_layers(child, parent))
    assert pairs[0] == 0
    assert pairs[6] == 6
    assert (pairs.get(2) == 4) != (pairs.get(4) == 2)


def test_only_layers_of_the_same_type_match():
    dense = LayerTraits("Dense")
    assert align_layers([conv(8), dense], [dense, conv(8)]) in ([(0, 1)], [(1, 0)])
    assert align_layers([replace(dense, has_weights=False)], [dense]) == []


def test_layers_with_a_low_score_do_not_match():
    assert (
        align_layers([conv(160, 3, window=1)], [replace(conv(4, 128, size=(4, 4)), strides=2, activation="relu")]) == []
    )


def test_pairs_are_ordered_and_unique():
    rng = np.random.default_rng(0)
    for _ in range(50):
        child, parent = (blocks(*rng.choice([8, 16, 24], n)) for n in rng.integers(1, 12, 2))
        pairs = align_layers(child, parent)
        assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(pairs))
        assert pairs
