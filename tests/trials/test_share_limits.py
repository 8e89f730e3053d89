"""Shares behind constraints: counts of an epoch, and the value that they give."""

import pytest
from scipy import stats

from metaopt.trials.proportion_bounds import lower_bound
from metaopt.trials.share_limits import find_counts, is_count, judge_share, split_class_metric


def test_metrics_of_a_class_are_split() -> None:
    assert split_class_metric("precision[a]>=0.9]") == ("precision", "a]>=0.9")
    assert split_class_metric("val_precision") is None


def test_counts_are_found_by_metric() -> None:
    known = {"val_hits[a]": 3, "val_predicted[a]": 4, "val_images[a]": 6, "val_accuracy": 0.8, "val_images": 10}
    assert find_counts("precision[a]", known) == [(3, 4)]
    assert find_counts("recall[a]", known) == [(3, 6)]
    assert find_counts("val_accuracy", known) == [(8, 10)]
    assert find_counts("precision[b]", known) is None
    classes = {"val_hits_0": 1, "val_predicted_0": 2, "val_hits_1": 3, "val_predicted_1": 3}
    assert find_counts("val_precision", classes) == [(1, 2), (3, 3)]
    assert find_counts("val_balanced_accuracy", classes) is None
    assert find_counts("val_f1", classes) is None


def test_only_numbers_of_images_are_counts() -> None:
    assert all(map(is_count, ("val_images", "val_hits[a b]", "val_predicted_12")))
    assert not any(map(is_count, ("val_accuracy", "val_hits_loss", "val_images_loss", "loss")))


def test_bound_of_a_mean_corrects_for_the_classes() -> None:
    each = [stats.beta.ppf(0.05 / 2, hits, n - hits + 1) for hits, n in ((28, 30), (40, 40))]
    assert judge_share([(28, 30), (40, 40)], 0.95) == pytest.approx(sum(each) / 2)
    assert judge_share([(28, 30), (0, 0)], None) == pytest.approx(28 / 60)


def test_counts_of_repeats_are_not_rounded() -> None:
    """20 of 21 over two repeats are 10 of 10.5, whose share is not 10 of 10."""
    counts = find_counts("precision[rose]", {"val_hits[rose]": 10.0, "val_predicted[rose]": 10.5})
    assert counts is not None
    assert judge_share(counts, None) == pytest.approx(20 / 21)
    assert lower_bound(10, 11, 0.95) < judge_share(counts, 0.95) < lower_bound(10, 10, 0.95)
