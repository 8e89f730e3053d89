import numpy as np
import pytest

from metaopt.data.labels import check_known, check_labels, count_classes
from metaopt.errors import UserError


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 1, 2]),
        np.array([[0], [1], [2]], np.uint8),  # as Keras' CIFAR
        np.array([0.0, 1.0, 2.0]),
    ],
)
def test_integers_of_any_type_become_int32(values) -> None:
    labels = check_labels(values, 3, "y")
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 4)), "argmax"),
        (np.zeros((3, 1, 1)), r"Invalid shape of y_train in a\.npz: \(3, 1, 1\)"),
        (np.zeros(4, int), "4 labels for 3 images"),
        (np.array(["cat", "dog", "cat"]), "into the array classes"),
        (np.array([0, 1, 1.5]), "some are not integers"),
        (np.array([0, 1, np.nan]), "some are not integers"),
        (np.array([0, 1, -1]), "label -1"),
        (np.array([0, 1, 2**40]), "label 1099511627776"),
    ],
)
def test_invalid_labels_raise(values, message) -> None:
    with pytest.raises(UserError, match=message):
        check_labels(values, 3, "y_train in a.npz")


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([1, 2, 3], None, r"Missing labels in y_train: 0\. Expected every label 0\.\.3;"),
        ([0, 1, 4, 6], None, "Missing labels in y_train: 2, 3, 5."),
        ([0, 2_000_000_000], None, "y_train: 1, 2, 3, 4, 5 and 1,999,999,994 more"),
        ([0, 0], None, "Found 1 class in y_train. Expected at least two"),
        ([0, 1, 2], ["cat", "dog"], "Found 2 class names, but labels up to 2"),
        ([0, 1], ["cat", "dog", "owl"], "Missing labels in y_train: 2."),
    ],
)
def test_missing_classes_raise(labels, names, message) -> None:
    with pytest.raises(UserError, match=message):
        count_classes(np.array(labels, np.int32), "y_train", names)


def test_classes_are_counted() -> None:
    assert count_classes(np.array([2, 0, 1, 1], np.int32), "y") == 3


def test_an_unknown_test_label_raises() -> None:
    check_known(np.array([0, 1], np.int32), 2, "y_test")
    with pytest.raises(UserError, match=r"Unknown label 2 in y_test\. The labels of the training split end at 1"):
        check_known(np.array([0, 2], np.int32), 2, "y_test")
