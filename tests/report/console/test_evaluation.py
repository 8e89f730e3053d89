"""Test scores, constraints and the warning about repeated tests as text."""

import pytest

from metaopt.report.analysis import JudgedConstraint, Score
from metaopt.report.console.evaluation import constraint_line, repeated_test_warning, score_lines
from metaopt.trials.constraints import parse_constraint

ENTRY = {"at": "2026-03-01T12:00:00", "scores": {"test_accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}}


def test_scores_are_aligned() -> None:
    scores = {"test_accuracy": Score(0.9, 0.8, 1.0), "test_precision": Score(0.8, 0.7, 0.9)}
    assert score_lines(scores) == [
        "accuracy           0.9000  (95 % interval 0.8000 to 1.0000)",
        "precision (macro)  0.8000  (95 % interval 0.7000 to 0.9000)",
    ]


@pytest.mark.parametrize(
    ("text", "measured", "value", "line"),
    [
        ("params<=100", "params", 12_000, "params<=100 is VIOLATED: params is 12,000, 11,900 above the bound"),
        ("val_precision>=0.39", "test_precision", 0.4, "val_precision>=0.39 is met: test_precision is 0.4"),
        (
            "val_accuracy>=0.9",
            "test_accuracy",
            0.85,
            "val_accuracy>=0.9 is VIOLATED: test_accuracy is 0.85, 0.05 below the bound",
        ),
        ("memory<=1.9551e10", "memory", 27_802_352, "memory<=19.6 GB is met: memory is 27.8 MB"),
        ("memory<=20MB", "memory", 27.5e6, "memory<=20.0 MB is VIOLATED: memory is 27.5 MB, 7.5 MB above the bound"),
        ("latency<=2", "latency", None, "latency<=2 cannot be measured on an exported model"),
    ],
)
def test_constraint_line(text: str, measured: str, value: float | None, line: str) -> None:
    assert constraint_line(JudgedConstraint(parse_constraint(text), measured, value)) == line


def test_repeated_tests_are_counted() -> None:
    assert repeated_test_warning([]) == ""
    assert "test images once before (last on 2026-03-01, accuracy 0.9000)" in repeated_test_warning([ENTRY])
    assert "test images 2 times before" in repeated_test_warning([ENTRY, ENTRY])


def test_limits_with_confidence_show_their_counts() -> None:
    limit = parse_constraint("precision[rose]>=0.95@95%")
    line = constraint_line(JudgedConstraint(limit, "test_precision[rose]@95%", 0.92, (58, 60)))
    assert line == (
        "precision[rose]>=0.95@95% is VIOLATED: the lower bound test_precision[rose]@95% is 0.92 (58 of 60 images),"
        " 0.03 below the bound"
    )
    line = constraint_line(JudgedConstraint(limit, "test_precision[rose]@95%", None, (0, 0), is_abstaining=True))
    assert line == "precision[rose]>=0.95@95% is met by abstaining only: the model never predicts class rose"
