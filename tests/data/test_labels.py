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
def test_whole_numbers_of_any_type_become_int32(values) -> None:
    labels = check_labels(values, 3, "y")
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 4)), "argmax"),
        (np.zeros((3, 1, 1)), r"shape \(3, 1, 1\)"),
        (np.zeros(4, int), "4 labels for 3 images"),
        (np.array(["cat", "dog", "cat"]), "array classes"),
        (np.array([0, 1, 1.5]), "no whole numbers"),
        (np.array([0, 1, np.nan]), "no whole numbers"),
        (np.array([0, 1, -1]), "label -1"),
        (np.array([0, 1, 2**40]), "label 1099511627776"),
    ],
)
def test_what_is_wrong_is_said(values, message) -> None:
    with pytest.raises(UserError, match=message):
        check_labels(values, 3, "y_train in a.npz")


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([1, 2, 3], None, r"0\.\.3, but lacks 0;"),
        ([0, 1, 4, 6], None, "lacks 2, 3, 5;"),
        ([0, 2_000_000_000], None, "lacks 1, 2, 3, 4, 5 and 1,999,999,994 more"),
        ([0, 0], None, "1 class; at least two"),
        ([0, 1, 2], ["cat", "dog"], "only 2 names"),
        ([0, 1], ["cat", "dog", "owl"], "lacks 2;"),
    ],
)
def test_every_class_must_be_there(labels, names, message) -> None:
    with pytest.raises(UserError, match=message):
        count_classes(np.array(labels, np.int32), "y_train", names)


def test_classes_are_counted() -> None:
    assert count_classes(np.array([2, 0, 1, 1], np.int32), "y") == 3


def test_a_test_label_must_be_known() -> None:
    check_known(np.array([0, 1], np.int32), 2, "y_test")
    with pytest.raises(UserError, match="y_test has the label 2, but the training labels end at 1"):
        check_known(np.array([0, 2], np.int32), 2, "y_test")
