import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, precision_score, top_k_accuracy_score

from metaopt.training.metrics import (
    METRICS,
    accuracy,
    as_probabilities,
    cross_entropy,
    macro_precision,
    top_k,
    validation_metrics,
)

# Four images, four classes: right, second best, last but one, right.
PREDICTED = np.array(
    [[0.7, 0.1, 0.1, 0.1], [0.5, 0.3, 0.15, 0.05], [0.4, 0.3, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4]], dtype=np.float32
)
TRUE = np.array([0, 1, 2, 3])


@pytest.fixture
def random() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(7), size=200), rng.integers(0, 7, 200)


def test_metrics_of_a_small_example() -> None:
    assert accuracy(PREDICTED, TRUE) == 0.5
    assert top_k(PREDICTED, TRUE, 2) == 0.75
    assert top_k(PREDICTED, TRUE, 3) == 0.75
    assert top_k(PREDICTED, TRUE, 4) == 1.0
    expected = -(math.log(0.7) + math.log(0.3) + math.log(0.1) + math.log(0.4)) / 4
    assert cross_entropy(PREDICTED, TRUE) == pytest.approx(expected, rel=1e-6)
    # Class 0 is predicted three times and right once, class 3 once and right, classes 1 and 2 never.
    assert macro_precision(PREDICTED, TRUE) == pytest.approx((1 / 3 + 1) / 4)


def test_metrics_equal_those_of_scikit_learn(random: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, true = random
    classes = np.arange(7)
    assert cross_entropy(predicted, true) == pytest.approx(log_loss(true, predicted, labels=classes))
    assert top_k(predicted, true, 3) == pytest.approx(top_k_accuracy_score(true, predicted, k=3, labels=classes))
    expected = precision_score(true, predicted.argmax(1), average="macro", zero_division=0)
    assert macro_precision(predicted, true) == pytest.approx(expected)


def test_precision_counts_classes_without_labels() -> None:
    predicted = np.eye(4)[[0, 1, 0, 1]]
    assert macro_precision(predicted, np.array([0, 1, 0, 1])) == 0.5


def test_ties_do_not_count_as_hits() -> None:
    same = np.full((10, 10), 0.1)
    labels = np.arange(10)
    assert accuracy(same, labels) == 0.1
    assert top_k(same, labels, 3) == pytest.approx(0.3)


def test_a_label_of_probability_0_has_a_finite_loss() -> None:
    assert cross_entropy(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-math.log(1e-7))


def test_one_head_has_metric_names_without_head() -> None:
    metrics = validation_metrics({"label": PREDICTED}, {"label": TRUE})
    assert list(metrics) == list(METRICS[3:])
    assert set(metrics) <= set(METRICS)


def test_three_classes_have_no_top3() -> None:
    assert "val_top3" not in validation_metrics({"label": PREDICTED[:, :3]}, {"label": np.array([0, 1, 2, 0])})


def test_several_heads_also_have_metrics_of_their_own() -> None:
    coarse = np.array([[0.9, 0.1]] * 4, dtype=np.float32)
    metrics = validation_metrics(
        {"fine": PREDICTED, "coarse": coarse}, {"fine": TRUE, "coarse": np.array([0, 0, 0, 1])}
    )
    assert metrics["val_accuracy"] == metrics["val_fine_accuracy"] == 0.5
    assert metrics["val_loss"] == metrics["val_fine_loss"]
    assert metrics["val_coarse_accuracy"] == 0.75


def test_logits_become_probabilities() -> None:
    logits = np.log(PREDICTED) + 5
    np.testing.assert_allclose(as_probabilities(logits), PREDICTED, rtol=1e-5)
    assert (as_probabilities(PREDICTED) == PREDICTED).all()
    assert as_probabilities(PREDICTED.astype(np.float16)).dtype == np.float32
