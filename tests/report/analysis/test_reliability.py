"""Calibration error and its distribution by chance."""

import numpy as np
import pytest

from metaopt.outputs import ClassOutput, LabelOutput, NumberOutput
from metaopt.report.analysis.reliability import judge_probabilities, measure_reliability

RNG = np.random.default_rng(0)


def test_error_is_that_of_the_definition() -> None:
    """Two bins: 0.9 comes true in 1 of 2, 0.5 in 1 of 1: (2·|0.5 − 0.9| + 1·|1 − 0.5|) / 3."""
    found = judge_probabilities(np.array([0.9, 0.9, 0.5]), np.array([True, False, True]))
    assert found.ece == pytest.approx((2 * 0.4 + 0.5) / 3)
    assert [(each.count, each.share) for each in found.bins] == [(1, 1.0), (2, 0.5)]


@pytest.mark.slow
def test_perfect_probabilities_exceed_chance_in_five_percent() -> None:
    exceeded = 0
    for _ in range(200):
        probabilities = RNG.uniform(0.3, 1, 300)
        exceeded += judge_probabilities(probabilities, RNG.random(300) < probabilities).is_miscalibrated
    assert 2 <= exceeded <= 20


def test_overconfidence_is_found() -> None:
    found = judge_probabilities(np.full(500, 0.99), RNG.random(500) < 0.8)
    assert found.is_miscalibrated
    assert found.ece == pytest.approx(0.19, abs=0.04)


def test_certain_probabilities_are_in_the_last_bin() -> None:
    assert judge_probabilities(np.ones(3), np.ones(3, bool)).bins[0].confidence == 1


def test_heads_without_probabilities_have_no_reliability() -> None:
    outputs = {"kind": ClassOutput.of(2), "tags": LabelOutput(("a", "b")), "age": NumberOutput(("age",))}
    p = np.array([[0.8, 0.2], [0.3, 0.7]], np.float32)
    targets = {"kind": np.array([0, 1]), "tags": np.array([[1, 0], [0, 1]]), "age": np.zeros((2, 1))}
    found = measure_reliability(outputs, {"kind": p, "tags": p, "age": np.zeros((2, 1))}, targets)
    assert list(found) == ["kind", "tags"]
    assert sum(each.count for each in found["tags"].bins) == 4
    assert found["kind"].to_json()["bins"][0] == {"count": 1, "confidence": pytest.approx(0.7), "share": 1.0}
