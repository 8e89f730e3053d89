"""Images of the worst predictions, of each kind of output."""

import numpy as np

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput
from metaopt.report.analysis.wrong_images import find_wrong_images


def test_wrong_classes_are_ordered_by_their_probability() -> None:
    p = np.array([[0.6, 0.4], [0.1, 0.9], [0.9, 0.1]], np.float32)
    found = find_wrong_images(ClassOutput(("cat", "dog")), p, np.array([1, 1, 1]))
    assert [(one.row, one.true, one.predicted) for one in found] == [(2, "dog", "cat 0.90"), (0, "dog", "cat 0.60")]
    assert [one.row for one in find_wrong_images(ClassOutput.of(2), p, np.array([1, 1, 1]), most=1)] == [2]


def test_wrong_labels_use_the_thresholds() -> None:
    output = LabelOutput(("sea", "boat"), (0.5, 0.2))
    p = np.array([[0.9, 0.3], [0.9, 0.1], [0.1, 0.1]], np.float32)
    found = find_wrong_images(output, p, np.array([[1, 1], [1, 1], [1, 0]]))
    assert [(one.row, one.true, one.predicted) for one in found] == [(1, "sea, boat", "sea"), (2, "sea", "–")]


def test_numbers_are_compared_in_standard_deviations() -> None:
    output = NumberOutput(("age", "mass"), (0.0, 0.0), (10.0, 0.1))
    found = find_wrong_images(output, np.array([[5.0, 0.0], [0.0, 0.2]]), np.zeros((2, 2)))
    assert [(one.row, one.true, one.predicted) for one in found] == [(1, "0, 0", "0, 0.2"), (0, "0, 0", "5, 0")]


def test_images_with_the_smallest_psnr_come_first() -> None:
    true = np.zeros((2, 4, 4, 1), np.uint8)
    predicted = np.stack([np.full((4, 4, 1), 10.0), np.full((4, 4, 1), 100.0)])
    found = find_wrong_images(ImageOutput((4, 4, 1)), predicted, true)
    assert [one.row for one in found] == [1, 0]
    assert found[0].predicted == "PSNR 8.1 dB"
