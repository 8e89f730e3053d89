import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, log_loss

from metaopt.outputs.label_metrics import (
    binary_cross_entropy,
    macro_f1,
    mean_average_precision,
    tune_thresholds,
)

RNG = np.random.default_rng(0)
TARGETS = (RNG.random((150, 3)) < (0.1, 0.4, 0.7)).astype(np.uint8)
PROBABILITIES = np.clip(0.3 * TARGETS + RNG.random((150, 3)) * 0.7, 0, 1).astype(np.float32)


def test_metrics_are_those_of_scikit_learn() -> None:
    expected = average_precision_score(TARGETS, PROBABILITIES, average="macro")
    assert mean_average_precision(PROBABILITIES, TARGETS) == pytest.approx(expected)
    losses = [log_loss(TARGETS[:, k], PROBABILITIES[:, k].astype(float)) for k in range(3)]
    assert binary_cross_entropy(PROBABILITIES, TARGETS) == pytest.approx(np.mean(losses), rel=1e-4)
    thresholds = (0.3, 0.5, 0.6)
    predicted = (np.array(thresholds) <= PROBABILITIES).astype(int)
    assert macro_f1(PROBABILITIES, TARGETS, thresholds) == pytest.approx(f1_score(TARGETS, predicted, average="macro"))


@pytest.mark.slow
def test_tuned_thresholds_have_the_largest_f1() -> None:
    tuned = tune_thresholds(PROBABILITIES, TARGETS)
    for k, threshold in enumerate(tuned):
        best = max(
            f1_score(TARGETS[:, k], PROBABILITIES[:, k] >= candidate) for candidate in np.unique(PROBABILITIES[:, k])
        )
        assert f1_score(TARGETS[:, k], PROBABILITIES[:, k] >= threshold) == pytest.approx(best)


def test_equal_probabilities_are_predicted_together() -> None:
    (threshold,) = tune_thresholds(np.full((4, 1), 0.5), np.array([[1], [0], [0], [1]]))
    assert threshold == 0.25


def test_a_label_that_does_not_occur_has_threshold_one_half() -> None:
    assert tune_thresholds(np.array([[0.9], [0.1]]), np.zeros((2, 1), np.uint8)) == (0.5,)
    assert mean_average_precision(np.array([[0.9], [0.1]]), np.zeros((2, 1))) == 0.0
