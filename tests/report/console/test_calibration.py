"""Calibration of class thresholds as text."""

import numpy as np

from metaopt.outputs import ClassOutput
from metaopt.report.console import calibration_lines
from metaopt.trials.class_thresholds import Calibration, count_answers, tune_classes
from metaopt.trials.constraints import parse_constraints

NAMES = ("rose", "tu\nlip")


def test_every_limit_and_the_coverage_have_a_line() -> None:
    predictions = {"label": np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]], np.float32)}
    limits = parse_constraints(["precision[rose]>=0.9", "recall[rose]>=0.1@90%", "precision[tu\nlip]>=0.9"])
    outputs, found = tune_classes(limits, predictions, {"label": np.array([0, 0, 1, 0])}, {"label": ClassOutput(NAMES)})
    lines = calibration_lines(Calibration(4, count_answers(outputs, predictions), found))
    assert lines == [
        "thresholds of classes, tuned on 4 calibration images that are not used for training:",
        "  precision[rose]>=0.9: kept; precision 2 of 2 images; class rose is predicted above a probability of 0.7",
        "  recall[rose]>=0.1@90%: kept; recall 2 of 3 images, lower bound 0.1958; class rose is predicted above a"
        " probability of 0.7",
        "  WARNING: precision[tu\\nlip]>=0.9: no threshold keeps the limits on the precision of class tu\\nlip on the"
        " calibration images, so it is never predicted",
        "  coverage of label: 2 of 4 calibration images get an answer (50.0 %)",
    ]
