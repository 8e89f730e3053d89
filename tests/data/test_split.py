import numpy as np
import pytest

from metaopt.data.split import hold_out, stratified_folds


@pytest.mark.parametrize(
    ("counts", "held_counts"),
    [
        ([100, 50, 10], [20, 10, 2]),
        ([2, 3, 4], [1, 1, 1]),  # every class is on both sides
        ([7, 8], [1, 2]),  # rounded
    ],
)
def test_hold_out_keeps_the_class_proportions(counts, held_counts) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    kept, held = hold_out(labels, 0.2, seed=1)
    assert np.bincount(labels[held]).tolist() == held_counts
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()


def test_hold_out_depends_on_labels_and_seed_only() -> None:
    labels = np.repeat(np.arange(5), 40)
    assert (hold_out(labels, 0.2, 1)[1] == hold_out(labels, 0.2, 1)[1]).all()
    assert (hold_out(labels, 0.2, 1)[1] != hold_out(labels, 0.2, 2)[1]).any()


def test_hold_out_never_changes() -> None:
    # Studies are resumed under other versions of the libraries: a validation image must stay a validation image.
    assert hold_out(np.repeat([0, 1], 10), 0.2, seed=1)[1].tolist() == [2, 9, 11, 14]


def test_folds_are_stratified_with_equal_training_sizes() -> None:
    labels = np.array([0] * 17 + [1] * 31 + [2] * 3)
    folds = stratified_folds(labels, 3, seed=0)
    held = np.concatenate([validation for _, validation in folds])
    assert sorted(held) == list(range(51))  # each image is validated on once
    for train, validation in folds:
        assert np.intersect1d(train, validation).size == 0
        counts = np.bincount(labels[validation])
        assert counts[0] in (5, 6)
        assert counts[1] in (10, 11)
        assert counts[2] == 1
    assert {len(train) for train, _ in folds} == {34}
    uneven = stratified_folds(labels[1:], 3, seed=0)
    assert {len(train) for train, _ in uneven} == {33}
    assert [len(validation) for _, validation in uneven] == [17, 17, 16]


def test_folds_depend_on_the_seed() -> None:
    labels = np.arange(60) % 3
    same, again, other = (stratified_folds(labels, 3, seed) for seed in (0, 0, 1))
    assert all((a[1] == b[1]).all() for a, b in zip(same, again, strict=True))
    assert not all((a[1] == b[1]).all() for a, b in zip(same, other, strict=True))
