"""Agreement of predictions of each kind."""

import numpy as np
import pytest

from metaopt.deployment.agreement import compare_predictions, measure_loss
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput

CLASSES = {"kind": ClassOutput.of(2)}
P = np.array([[0.8, 0.2], [0.3, 0.7]], np.float32)


def test_equal_predictions_are_exact() -> None:
    (found,) = compare_predictions(CLASSES, {"kind": P}, {"kind": P + 5e-5}).values()
    assert (found.same, found.images, found.is_exact) == (2, 2, True)
    assert found.largest == pytest.approx(5e-5, rel=1e-2)


@pytest.mark.parametrize("other", [P + 2e-4, P[::-1], np.full_like(P, np.nan)])
def test_other_predictions_are_not_exact(other: np.ndarray) -> None:
    (found,) = compare_predictions(CLASSES, {"kind": P}, {"kind": other}).values()
    assert not found.is_exact


def test_labels_agree_by_their_thresholds() -> None:
    outputs = {"tags": LabelOutput(("a", "b"), (0.75, 0.1))}
    (found,) = compare_predictions(outputs, {"tags": P}, {"tags": P - 0.1}).values()
    assert found.same == 1


def test_numbers_and_pixels_are_compared_in_their_units() -> None:
    outputs = {"age": NumberOutput(("age",), (0.0,), (50.0,)), "mask": ImageOutput((1, 1, 1))}
    original = {"age": np.zeros((2, 1)), "mask": np.zeros((2, 1, 1, 1))}
    exported = {"age": np.full((2, 1), 5.0), "mask": np.full((2, 1, 1, 1), 51.0)}
    found = compare_predictions(outputs, original, exported)
    assert (found["age"].largest, found["mask"].largest) == (pytest.approx(0.1), pytest.approx(0.2))
    assert found["age"].same is None


def test_loss_of_each_kind_is_positive_where_it_is_worse() -> None:
    outputs = {**CLASSES, "age": NumberOutput(("age",), (0.0,), (50.0,))}
    targets = {"kind": np.array([0, 1]), "age": np.zeros((2, 1))}
    original = {"kind": P, "age": np.zeros((2, 1))}
    found = measure_loss(outputs, original, {"kind": P[[0, 0]], "age": np.full((2, 1), 5.0)}, targets)
    assert (found["kind"].metric, found["kind"].loss) == ("accuracy", 0.5)
    assert (found["age"].metric, found["age"].loss) == ("mae", pytest.approx(0.1))


def test_numbers_of_different_units_count_the_same() -> None:
    outputs = {"size": NumberOutput(("metres", "grams"), (0.0, 0.0), (0.01, 1000.0))}
    targets = {"size": np.zeros((4, 2))}
    found = measure_loss(outputs, targets, {"size": np.array([[0.05, 0.0]] * 4)}, targets)
    assert found["size"].loss == pytest.approx(2.5)  # 5 and 0 standard deviations
