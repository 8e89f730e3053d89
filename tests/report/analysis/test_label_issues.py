"""Suspicious labels, against the numbers of cleanlab, and on digits of which some labels are wrong."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from metaopt.report.analysis.label_issues import find_label_issues


def test_issues_are_those_of_cleanlab():
    """``cleanlab`` 2.9.0: ``find_label_issues(labels, p, return_indices_ranked_by="self_confidence",
    filter_by="confident_learning", n_jobs=1)`` returned [18, 0].
    """
    rng = np.random.default_rng(0)
    n, n_classes = 40, 3
    labels = rng.integers(0, n_classes, n)
    logits = rng.normal(0, 1, (n, n_classes))
    logits[np.arange(n), labels] += 1.5
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert [issue.row for issue in find_label_issues(labels, probabilities)] == [18, 0]


@pytest.mark.slow
def test_wrong_labels_of_digits_are_found():
    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(labels))[: len(labels) // 20]
    flipped = labels.copy()
    flipped[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(max_iter=200)
    probabilities = cross_val_predict(model, images / 16, flipped, cv=folds, method="predict_proba")
    issues = find_label_issues(flipped, probabilities)
    rows, true = {issue.row for issue in issues}, set(wrong.tolist())
    assert len(rows & true) > 0.7 * len(true)
    assert len(rows & true) > 0.9 * len(rows)
    assert [issue.self_confidence for issue in issues] == sorted(issue.self_confidence for issue in issues)
    first = issues[: len(true) // 2]  # the ranking puts the wrong ones first
    assert np.mean([issue.row in true for issue in first]) > 0.97
    assert np.mean([issue.likely == labels[issue.row] for issue in first]) > 0.97


def test_class_that_no_label_has_is_never_likely():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
    assert all(issue.likely != 2 for issue in find_label_issues(np.array([0, 1, 1]), probabilities))
