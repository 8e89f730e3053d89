"""Ticks, limits and jitter of a hyperparameter's axis."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.analysis.features import NONE_POSITION, Feature
from metaopt.report.plots.feature_axis import axis_limits, axis_ticks, jitter, set_ticks

CHOICE = Feature("pool", ["max", "avg", None], levels=[None, "avg", "max"])
NUMBER = Feature("rate", [0.1, None, 0.5], low=0.1, high=0.5)


def test_ticks_of_levels() -> None:
    assert axis_ticks(CHOICE) == ([0.0, 1.0, 2.0], ["none", "avg", "max"])
    assert axis_limits(CHOICE) == (-0.6, 2.6)


def test_ticks_of_numbers_with_none() -> None:
    positions, texts = axis_ticks(NUMBER)
    assert texts == ["none", "0.1", "0.2", "0.3", "0.4", "0.5"]
    assert positions == pytest.approx([NONE_POSITION, 0, 0.25, 0.5, 0.75, 1])
    assert axis_limits(NUMBER)[0] < NONE_POSITION


def test_ticks_of_a_logarithmic_axis() -> None:
    feature = Feature("rate", [1e-4, 1e-2], low=1e-4, high=1e-2, is_logarithmic=True)
    positions, texts = axis_ticks(feature, 4)
    assert texts == ["0.0001", "0.001", "0.01"]
    assert positions == pytest.approx([0, 0.5, 1])


def test_crowded_ticks_are_rotated() -> None:
    axes = Figure().add_subplot()
    set_ticks(axes.xaxis, CHOICE, max_ticks=4)
    assert axes.get_xticklabels()[0].get_rotation() == 0
    set_ticks(axes.xaxis, CHOICE, max_ticks=4, max_letters=5)
    assert axes.get_xticklabels()[0].get_rotation() == 25


def test_jitter_moves_options_without_an_order_only() -> None:
    sizes = Feature("size", [1, 2, None, 2], levels=[None, 1, 2])
    for feature in (NUMBER, sizes):
        assert np.array_equal(jitter(feature, feature.positions()), feature.positions())
    positions = CHOICE.positions()
    moved = jitter(CHOICE, positions)
    assert (moved != positions).all()
    assert np.array_equal(jitter(CHOICE, positions), moved)
    assert np.all(np.abs(moved - positions) <= 0.22)
