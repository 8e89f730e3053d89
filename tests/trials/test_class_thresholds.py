"""Thresholds of classes: tuning by hand-made scores, and the promise over resampled splits."""

import numpy as np
import pytest
from scipy import stats

from metaopt.outputs import ClassOutput
from metaopt.outputs.class_output import NEVER
from metaopt.trials.class_counts import count_classes
from metaopt.trials.class_thresholds import count_answers, is_calibrated, tune_classes, tune_threshold
from metaopt.trials.constraints import parse_constraint, parse_constraints

FLOWERS = {"label": ClassOutput(("rose", "tulip", "daisy"))}
SPLITS = 200


def tune(scores, is_true, *texts: str):
    return tune_threshold(np.array(scores, np.float32), np.array(is_true, bool), parse_constraints(texts))


def test_the_smallest_threshold_that_keeps_a_precision() -> None:
    scores, is_true = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0, 0], [1, 1, 1, 0, 1, 0, 1, 0]
    threshold, (limit,) = tune(scores, is_true, "precision[a]>=0.8")
    assert threshold == np.float32(0.4)  # 4 of the 5 images above it
    assert (limit.hits, limit.total, limit.value, limit.is_kept) == (4, 5, 0.8, True)
    assert tune(scores, is_true, "precision[a]>=0.81")[0] == np.float32(0.6)
    assert tune(scores, is_true, "precision[a]>=0.6")[0] == 0  # every image


def test_equal_probabilities_are_on_one_side() -> None:
    threshold, (limit,) = tune([0.9, 0.8, 0.8, 0.8], [1, 1, 0, 0], "precision[a]>=0.6")
    assert (threshold, limit.hits, limit.total) == (np.float32(0.8), 1, 1)


@pytest.mark.parametrize("scores", [[0.9, 0.8], [0.0, 0.0]])
def test_a_class_is_never_predicted_where_nothing_keeps_its_limit(scores: list[float]) -> None:
    threshold, (precision, recall) = tune(scores, [0, 1], "precision[a]>=0.9", "recall[a]>=0.5")
    assert threshold == NEVER
    assert (precision.value, precision.is_kept) == (None, True)
    assert (recall.hits, recall.total, recall.is_kept) == (0, 1, False)


def test_a_precision_is_corrected_for_its_candidates() -> None:
    is_true = np.ones(100, bool)
    is_true[[60, 70]] = False  # of the least probable ones
    scores = np.linspace(0.99, 0.4, 100)
    threshold, (limit,) = tune(scores, is_true, "precision[a]>=0.9@95%")
    # 8 candidates from 49 images on, as 0.9 needs 49 at 1 − 0.05/8; 98 of 100 are enough for the first of them.
    assert (threshold, limit.hits, limit.total) == (0.0, 98, 100)
    assert limit.value == pytest.approx(stats.beta.ppf(0.05 / 8, 98, 3))
    is_true[[80, 82, 84, 86, 88]] = False
    threshold, (limit,) = tune(scores, is_true, "precision[a]>=0.9@95%")
    assert (limit.hits, limit.total) == (60, 60)
    assert threshold == np.float32(scores[60])
    assert limit.value == pytest.approx((0.05 / 8) ** (1 / 60))


def test_a_recall_alone_needs_no_abstaining() -> None:
    threshold, (limit,) = tune([0.9, 0.4, 0.3, 0], [1, 1, 0, 1], "recall[a]>=0.1@95%")
    assert (threshold, limit.hits, limit.total) == (0, 2, 3)
    assert limit.value == pytest.approx(stats.beta.ppf(0.05, 2, 2))


def test_thresholds_are_those_of_the_named_classes() -> None:
    predictions = {"label": np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], np.float32)}
    targets = {"label": np.array([0, 1, 1])}
    limits = parse_constraints(["precision[rose]>=0.9", "recall[tulip]>=0.4", "params<=5"])
    assert is_calibrated(limits)
    assert not is_calibrated(parse_constraints(["val_precision>=0.5@95%"]))
    outputs, calibrated = tune_classes(limits, predictions, targets, FLOWERS)
    assert outputs["label"].thresholds == (pytest.approx(0.6), 0.0, 0.0)
    assert outputs["label"].answer(predictions["label"]).tolist() == [0, -1, 1]
    assert count_answers(outputs, predictions) == {"label": 2}
    assert count_answers(FLOWERS, predictions) == {}
    assert [str(each.constraint) for each in calibrated] == ["precision[rose]>=0.9", "recall[tulip]>=0.4"]
    # What the tuning counts is what the test counts.
    counts = count_classes(limits, predictions, targets, outputs)
    assert [each.constraint.value(counts) for each in calibrated] == [each.value for each in calibrated]


def test_a_promised_precision_holds_in_at_least_the_promised_share_of_splits() -> None:
    """The hardest case: at every threshold the precision is just below the bound, so that any answer breaks it."""
    rng = np.random.default_rng(1)
    limit = parse_constraint("precision[a]>=0.9@95%")
    is_broken = is_broken_uncorrected = 0
    for _ in range(SPLITS):
        scores = rng.uniform(0.4, 1, 400).astype(np.float32)
        is_true = rng.random(400) < 0.899
        threshold, _ = tune_threshold(scores, is_true, [limit])
        is_broken += threshold < NEVER
        hits = np.cumsum(is_true[np.argsort(-scores)])
        bounds = stats.beta.ppf(0.05, hits, np.arange(1, 401) - hits + 1)
        is_broken_uncorrected += bool((bounds[28:] >= 0.9).any())
    assert is_broken <= 0.05 * SPLITS
    assert is_broken_uncorrected > 0.05 * SPLITS  # choosing the best of all thresholds breaks the promise


@pytest.mark.parametrize("confidence", [80, 95])
def test_promises_of_resampled_splits_hold_with_their_confidence(confidence: int) -> None:
    """One set of predictions of three classes, split again and again into calibration images and the rest."""
    rng = np.random.default_rng(2)
    n = 5_000
    labels = rng.integers(0, 3, n)
    logits = 1.3 * rng.normal(size=(n, 3)) + 3.0 * np.eye(3)[labels]
    probabilities = np.exp(1.5 * logits)  # overconfident
    probabilities = (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32)
    recall = (probabilities[labels == 1].argmax(axis=1) == 1).mean()
    texts = [f"precision[rose]>=0.95@{confidence}%", f"recall[tulip]>={recall + 0.002:.3f}@{confidence}%"]
    limits = parse_constraints(texts)
    is_broken, n_answered, n_kept = np.zeros(2), 0, 0
    for _ in range(SPLITS):
        order = rng.permutation(n)
        drawn, rest = order[:900], order[900:]
        outputs, calibrated = tune_classes(limits, {"label": probabilities[drawn]}, {"label": labels[drawn]}, FLOWERS)
        counts = count_classes(limits, {"label": probabilities[rest]}, {"label": labels[rest]}, outputs)
        hits, predicted = counts["val_hits[rose]"], counts["val_predicted[rose]"]
        n_answered += predicted > 0
        n_kept += calibrated[1].is_kept
        is_broken += [
            predicted > 0 and hits / predicted < 0.95,
            calibrated[1].is_kept and counts["val_hits[tulip]"] / counts["val_images[tulip]"] < recall + 0.002,
        ]
    assert (is_broken <= (1 - confidence / 100) * SPLITS).all()
    assert n_answered > 0.9 * SPLITS  # the promise is not kept by silence
    assert 0 < n_kept < SPLITS
