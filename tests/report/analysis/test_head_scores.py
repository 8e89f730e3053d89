"""Numbers behind the figures of predictions, compared with scikit-learn."""

import csv
import io

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    mean_absolute_error,
    precision_recall_fscore_support,
    r2_score,
    root_mean_squared_error,
)

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.report.analysis.head_predictions import (
    ClassPredictions,
    ImagePredictions,
    LabelPredictions,
    NumberPredictions,
)
from metaopt.report.analysis.head_scores import count_confusion, score_labels, score_numbers, table_of

N = 60
RNG = np.random.default_rng(1)


@pytest.fixture
def classes() -> ClassPredictions:
    return ClassPredictions("kind", ClassOutput(("a", "b", "c")), RNG.integers(0, 3, N), RNG.integers(-1, 3, N))


@pytest.fixture
def labels() -> LabelPredictions:
    output = LabelOutput(("x", "y", "never"), thresholds=(0.4, 0.7, 0.5))
    true = np.column_stack([RNG.integers(0, 2, (N, 2)), np.zeros(N, int)])
    return LabelPredictions("tags", output, true, RNG.random((N, 3)) * [1, 1, 0.4])


@pytest.fixture
def numbers() -> NumberPredictions:
    true = RNG.normal(size=(N, 2))
    return NumberPredictions("size", NumberOutput(("height", "width")), true, true + RNG.normal(0.2, 0.5, (N, 2)))


def rows_of(table: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(table)))


def test_confusion_equals_that_of_scikit_learn(classes) -> None:
    counts = count_confusion(classes)
    answered = classes.predicted >= 0
    wanted = confusion_matrix(classes.true[answered], classes.predicted[answered], labels=range(3))
    assert np.array_equal(counts[:, :3], wanted)
    assert counts[:, 3].sum() == (~answered).sum()
    header, *rows = rows_of(table_of(classes))
    assert header == ["true", "a", "b", "c", "no answer"]
    assert [[int(cell) for cell in row[1:]] for row in rows] == counts.tolist()


def test_scores_of_labels_equal_those_of_scikit_learn(labels) -> None:
    scores = score_labels(labels)
    found = labels.predicted >= labels.output.thresholds
    precision, recall, f1, images = precision_recall_fscore_support(labels.true, found, zero_division=0)
    for k in range(2):
        assert scores[k].precision.value == pytest.approx(precision[k])
        assert scores[k].recall.value == pytest.approx(recall[k])
        assert scores[k].f1 == pytest.approx(f1[k])
        assert scores[k].images == images[k]
        average = average_precision_score(labels.true[:, k], labels.predicted[:, k])
        assert scores[k].average_precision == pytest.approx(average)
        low, high = scores[k].recall.interval
        assert low < recall[k] < high


def test_a_label_that_never_occurs_has_no_scores(labels) -> None:
    never = score_labels(labels)[2]
    assert (never.images, never.f1) == (0, 0.0)
    assert np.isnan(never.precision.value)
    assert np.isnan(never.average_precision)
    row = rows_of(table_of(labels))[3]
    assert row[:4] == ["never", "0", "0.5", ""]


def test_errors_of_numbers_equal_those_of_scikit_learn(numbers) -> None:
    for k, score in enumerate(score_numbers(numbers)):
        true, predicted = numbers.true[:, k], numbers.predicted[:, k]
        assert score.mae == pytest.approx(mean_absolute_error(true, predicted))
        assert score.rmse == pytest.approx(root_mean_squared_error(true, predicted))
        assert score.r2 == pytest.approx(r2_score(true, predicted))
        assert score.bias == pytest.approx((predicted - true).mean())
    header, *rows = rows_of(table_of(numbers))
    assert header == ["image", "true_height", "predicted_height", "true_width", "predicted_width"]
    assert len(rows) == N


def test_r2_of_equal_targets_is_not_defined() -> None:
    (score,) = score_numbers(NumberPredictions("a", NumberOutput(("a",)), np.ones((3, 1)), np.zeros((3, 1))))
    assert np.isnan(score.r2)


@pytest.mark.parametrize("has_input_psnr", [True, False])
def test_table_of_images_has_the_psnr_of_each(has_input_psnr) -> None:
    empty = np.zeros((0, 2, 2, 1), np.uint8)
    psnr, other = np.array([20.0, 30.0]), np.array([10.0, 11.0])
    output = ImageOutput((2, 2, 1))
    kept = other if has_input_psnr else np.zeros(0)
    table = table_of(ImagePredictions("a", output, empty, empty, empty, np.zeros(0, int), psnr, kept))
    assert table == ("image,psnr,input_psnr\n0,20,10\n1,30,11\n" if has_input_psnr else "image,psnr\n0,20\n1,30\n")
