"""Evaluation on a test split: scores with their intervals, and constraints judged by test metrics."""

import numpy as np
import pytest

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.report.analysis.evaluation import evaluate, judge_constraints
from metaopt.report.analysis.statistics import wilson_interval
from metaopt.trials.constraints import parse_constraints

RNG = np.random.default_rng(3)
FIRST = ("accuracy", "top3", "precision", "loss", "balanced_accuracy", "f1")
LABELS = RNG.integers(0, 5, 200)


def predict(correct: float, classes: int = 5) -> np.ndarray:
    values = RNG.random((200, classes))
    values[np.arange(200), LABELS] += np.where(RNG.random(200) < correct, 2, 0)
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def test_first_head_has_every_score_others_accuracy() -> None:
    fine, coarse = predict(0.8), predict(0.9)
    scores = evaluate({"fine": fine, "coarse": coarse}, {"fine": LABELS, "coarse": LABELS})
    assert list(scores) == [f"test_{name}" for name in (*FIRST, "coarse_accuracy")]
    accuracy = float((fine.argmax(axis=1) == LABELS).mean())
    assert scores["test_accuracy"].value == pytest.approx(accuracy)
    assert (scores["test_accuracy"].low, scores["test_accuracy"].high) == wilson_interval(accuracy, 200)
    for score in scores.values():
        assert score.low <= score.value <= score.high
        assert score.low < score.high


@pytest.mark.slow
def test_interval_covers_the_truth_in_most_samples() -> None:
    """The bootstrap interval of the cross-entropy has a coverage of 95 %."""
    truth, covered = predict(0.8), 0
    each = -np.log(truth[np.arange(200), LABELS])
    for _ in range(40):
        rows = RNG.integers(0, 200, 200)
        score = evaluate({"label": truth[rows]}, {"label": LABELS[rows]})["test_loss"]
        covered += score.low <= each.mean() <= score.high
    assert covered >= 33


def test_few_classes_have_no_top3() -> None:
    scores = evaluate({"label": np.array([[0.9, 0.1]])}, {"label": np.array([0])})
    assert list(scores) == [f"test_{name}" for name in FIRST if name != "top3"]
    assert scores["test_loss"].low == scores["test_loss"].high == pytest.approx(-np.log(0.9))


def test_class_without_images_counts_as_in_the_search() -> None:
    score = evaluate({"label": predict(1.0, classes=10)}, {"label": LABELS})["test_precision"]
    assert score.high <= 1
    assert score.low <= score.value <= score.high


def test_validation_constraints_are_judged_by_the_test() -> None:
    constraints = parse_constraints(["params<=100", "val_precision>=0.39", "val_total_loss<=2"])
    judged = judge_constraints(constraints, {"params": 120, "test_precision": 0.4})
    assert [(each.measured, each.is_violated) for each in judged] == [
        ("params", True),
        ("test_precision", False),
        ("test_total_loss", False),
    ]
    assert judged[0].to_json() == {"limit": "params<=100", "measured": "params", "value": 120, "distance": 20}
    assert judged[2].to_json() == {
        "limit": "val_total_loss<=2",
        "measured": "test_total_loss",
        "value": None,
        "distance": None,
    }


@pytest.mark.slow
def test_other_outputs_have_their_metrics_with_intervals() -> None:
    ages = RNG.normal(40, 10, (200, 1))
    tags = RNG.integers(0, 2, (200, 2))
    images = RNG.integers(0, 256, (30, 8, 8, 1), np.uint8)
    cases = {
        "mae mse r2 loss": (NumberOutput(("age",)).fitted(ages), ages, ages + RNG.normal(0, 2, ages.shape)),
        "map f1 loss": (LabelOutput(("a", "b")), tags, 0.3 * tags + 0.7 * RNG.random((200, 2))),
        "mse mae psnr ssim loss": (ImageOutput((8, 8, 1)), images, images + RNG.normal(0, 9, images.shape)),
    }
    for names, (output, true, predicted) in cases.items():
        scores = evaluate({"label": predicted}, {"label": true}, {"label": output})
        assert set(scores) == {f"test_{name}" for name in names.split()}
        for score in scores.values():
            assert score.low <= score.value <= score.high
            assert score.low < score.high


def test_further_heads_of_other_kinds_have_all_metrics() -> None:
    ages = RNG.normal(40, 10, (200, 1))
    outputs = {"label": ClassOutput.of(5), "age": NumberOutput(("age",)).fitted(ages)}
    scores = evaluate({"label": predict(0.8), "age": ages + 1}, {"label": LABELS, "age": ages}, outputs)
    assert scores["test_age_mae"].value == pytest.approx(1)
    assert {"test_age_loss", "test_age_mse", "test_age_r2"} <= set(scores)


def test_limits_with_confidence_are_judged_by_counts_of_the_test() -> None:
    constraints = parse_constraints(["precision[a]>=0.9@95%", "val_accuracy>=0.9@95%", "recall[a]>=0.5"])
    counts = {"val_hits[a]": 30, "val_predicted[a]": 30, "val_images[a]": 50, "val_images": 100}
    precision, accuracy, recall = judge_constraints(constraints, {"test_accuracy": 0.95}, counts)
    assert (precision.measured, precision.counts, precision.is_violated) == ("test_precision[a]@95%", (30, 30), False)
    assert precision.value == pytest.approx(0.05 ** (1 / 30))
    assert (accuracy.counts, accuracy.is_violated) == ((95, 100), True)
    assert (recall.measured, recall.value) == ("test_recall[a]", 0.6)
    assert recall.to_json()["hits"] == 30
    (unknown,) = judge_constraints(constraints[:1], {}, {})
    assert (unknown.value, unknown.is_violated) == (None, False)


def test_a_class_that_is_never_predicted_keeps_its_precision() -> None:
    constraints = parse_constraints(["precision[a]>=0.9@95%", "recall[a]>=0.5@95%"])
    counts = {"val_hits[a]": 0, "val_predicted[a]": 0, "val_images[a]": 50}
    judged = judge_constraints(constraints, {}, counts, never=["precision[a]>=0.9@95%"])
    assert [(each.is_abstaining, each.is_violated) for each in judged] == [(True, False), (False, True)]
