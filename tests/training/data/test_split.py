import numpy as np
import pytest

from metaopt.training.data.split import hold_out


@pytest.mark.parametrize(
    ("counts", "held_counts"),
    [
        ([100, 50, 10], [20, 10, 2]),
        ([2, 3, 4], [1, 1, 1]),  # every class is on both sides
        ([7, 8], [1, 2]),  # rounded
    ],
)
def test_each_class_keeps_its_share(counts, held_counts) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    kept, held = hold_out(labels, 0.2, seed=1)
    assert np.bincount(labels[held]).tolist() == held_counts
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()


def test_the_split_is_a_function_of_labels_and_seed() -> None:
    labels = np.repeat(np.arange(5), 40)
    assert (hold_out(labels, 0.2, 1)[1] == hold_out(labels, 0.2, 1)[1]).all()
    assert (hold_out(labels, 0.2, 1)[1] != hold_out(labels, 0.2, 2)[1]).any()


def test_the_split_never_changes() -> None:
    # Studies are resumed under other versions of the libraries: what was validation must stay validation.
    assert hold_out(np.repeat([0, 1], 10), 0.2, seed=1)[1].tolist() == [2, 9, 11, 14]
