"""Numbers and metric names as text."""

import pytest

from metaopt.report.formatting import format_count, format_duration, metric_label


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (99, "99 s"), (100, "2 min"), (3569, "59 min"), (3600, "1 h 00 min"), (100_000, "27 h 47 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(12, "12"), (7_061_116, "7.06 M"), (1234, "1.23 k"), (2.3e9, "2.3 G")])
def test_count(number: float, text: str) -> None:
    assert format_count(number) == text


def test_metric_label() -> None:
    assert metric_label("val_accuracy") == "validation accuracy"
    assert metric_label("val_coarse_loss") == "val coarse loss"
