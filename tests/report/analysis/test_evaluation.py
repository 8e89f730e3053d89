import numpy as np
import pytest

from metaopt.report.analysis.evaluation import Judged, judge, measure, score_lines
from metaopt.report.analysis.statistics import wilson_interval
from metaopt.trials.constraints import parse_constraint, parse_constraints

RNG = np.random.default_rng(3)
LABELS = RNG.integers(0, 5, 200)


def answers(right: float, classes: int = 5) -> np.ndarray:
    values = RNG.random((200, classes))
    values[np.arange(200), LABELS] += np.where(RNG.random(200) < right, 2, 0)
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def test_the_first_head_has_every_score_and_the_others_their_accuracy() -> None:
    fine, coarse = answers(0.8), answers(0.9)
    scores = measure({"fine": fine, "coarse": coarse}, {"fine": LABELS, "coarse": LABELS})
    assert list(scores) == ["test_accuracy", "test_top3", "test_precision", "test_loss", "test_coarse_accuracy"]
    accuracy = float((fine.argmax(axis=1) == LABELS).mean())
    assert scores["test_accuracy"].value == pytest.approx(accuracy)
    assert (scores["test_accuracy"].low, scores["test_accuracy"].high) == wilson_interval(accuracy, 200)
    for score in scores.values():
        assert score.low <= score.value <= score.high
        assert score.low < score.high


def test_the_intervals_cover_the_truth_in_most_samples() -> None:
    """The cross-entropy's, for which a bootstrap is used, in 95 of 100 of them."""
    truth, covered = answers(0.8), 0
    each = -np.log(truth[np.arange(200), LABELS])
    for _ in range(40):
        rows = RNG.integers(0, 200, 200)
        score = measure({"label": truth[rows]}, {"label": LABELS[rows]})["test_loss"]
        covered += score.low <= each.mean() <= score.high
    assert covered >= 33


def test_few_classes_have_no_top3_and_one_image_has_scores() -> None:
    scores = measure({"label": np.array([[0.9, 0.1]])}, {"label": np.array([0])})
    assert list(scores) == ["test_accuracy", "test_precision", "test_loss"]
    assert scores["test_loss"].low == scores["test_loss"].high == pytest.approx(-np.log(0.9))


def test_a_class_without_images_or_answers_counts_as_in_the_search() -> None:
    score = measure({"label": answers(1.0, classes=10)}, {"label": LABELS})["test_precision"]
    assert score.high <= 1
    assert score.low <= score.value <= score.high


def test_limits_on_validation_are_judged_by_the_test() -> None:
    limits = parse_constraints(["params<=100", "val_precision>=0.39", "val_total_loss<=2"])
    judged = judge(limits, {"params": 120, "test_precision": 0.4})
    assert [(one.measured, one.broken) for one in judged] == [
        ("params", True),
        ("test_precision", False),
        ("test_total_loss", False),
    ]
    assert str(judged[0]) == "params<=100 is BROKEN: params is 120, 20 too much"
    assert str(judged[1]) == "val_precision>=0.39 is kept: test_precision is 0.4"
    assert "cannot be measured" in str(judged[2])
    assert judged[2].as_json() == {
        "limit": "val_total_loss<=2",
        "measured": "test_total_loss",
        "value": None,
        "distance": None,
    }


def test_a_lower_limit_that_is_missed_says_by_how_much() -> None:
    judged = Judged(parse_constraint("val_accuracy>=0.9"), "test_accuracy", 0.85)
    assert str(judged) == "val_accuracy>=0.9 is BROKEN: test_accuracy is 0.85, 0.05 too little"


def test_the_lines_are_aligned() -> None:
    lines = score_lines(measure({"label": answers(0.8)}, {"label": LABELS}))
    assert len({line.index("(95 %") for line in lines}) == 1
    assert lines[0].startswith("accuracy ")
