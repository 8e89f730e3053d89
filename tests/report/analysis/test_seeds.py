"""Spread of scores over seeds."""

import pytest

from metaopt.report.analysis.seeds import spread_of_seeds


def test_deviation_is_that_of_a_sample() -> None:
    spread = spread_of_seeds([{"test_accuracy": value} for value in (0.90, 0.92, 0.94)])["test_accuracy"]
    assert (spread.mean, spread.deviation) == (pytest.approx(0.92), pytest.approx(0.02))
    assert spread.values == (0.90, 0.92, 0.94)
