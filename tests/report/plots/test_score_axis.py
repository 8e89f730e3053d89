"""Axis of a score: limits, logarithmic ticks of losses, and the note on outliers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from metaopt.report.plots.score_axis import ScoreAxis, logarithmic_ticks, note_outliers, score_limits
from metaopt.trials.objective import OBJECTIVES


def test_outliers_are_outside_the_limits() -> None:
    scores = [0.9 + 0.001 * i for i in range(20)]
    low, _ = score_limits([*scores, 0.01], maximised=True)
    assert low > 0.8
    _, high = score_limits([*scores, 1e6], maximised=False)
    assert high < 1.1
    low, high = score_limits([0.5, 0.5], maximised=True)
    assert low < 0.5 < high


@pytest.mark.parametrize(
    ("n", "maximised", "notes"), [(2, True, ["↓ 2 lower"]), (3, False, ["↑ 3 higher"]), (0, True, [])]
)
def test_note_on_outliers(n: int, maximised: bool, notes: list[str]) -> None:
    axes = Figure().add_subplot()
    note_outliers(axes, n, maximised)
    assert [text.get_text() for text in axes.texts] == notes


def test_loss_is_logarithmic_and_accuracy_is_not() -> None:
    axes = Figure().add_subplot()
    ScoreAxis.of(OBJECTIVES["val_loss"], [0.01, 0.1, 2.0]).apply(axes)
    assert axes.get_yscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.01", "0.03", "0.1", "0.3", "1"]
    axes = Figure().add_subplot()
    ScoreAxis.of(OBJECTIVES["val_accuracy"], [0.01, 0.1, 0.9]).apply(axes)
    assert axes.get_yscale() == "linear"


@pytest.mark.parametrize("losses", [[-1.0, 2.0], [0.0, 2.0], [float("nan")], []])
def test_losses_that_are_not_positive_are_linear(losses: list[float]) -> None:
    axis = ScoreAxis.of_metric("loss", losses, maximised=False)
    assert not axis.is_logarithmic
    assert axis.limits[0] < axis.limits[1]


@pytest.mark.parametrize("values", [[1e-300, 1e300], [0.5, 0.5], [1e-12, 1.0], [2.0, 2.0001], [3e8, 5e8]])
def test_extreme_losses_have_finite_limits_and_ticks(values: list[float]) -> None:
    axis = ScoreAxis.of_metric("loss", values, maximised=False)
    low, high = axis.limits
    assert 0 < low < high < np.inf
    assert 1 <= len(logarithmic_ticks(low, high)) <= 8


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.09, 1.1, [0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0]),
        (1e-4, 1e-2, [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2]),
        (1e-4, 1.0, [1e-4, 1e-3, 1e-2, 0.1, 1.0]),
        (1.3e-4, 0.096, [3e-4, 1e-3, 3e-3, 0.01, 0.03]),
        (1e-12, 1.0, [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0]),
        (0.31, 0.34, [0.31, 0.32, 0.33, 0.34]),
    ],
)
def test_logarithmic_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert logarithmic_ticks(low, high) == pytest.approx(ticks)


def test_outliers_are_counted_on_a_logarithmic_axis() -> None:
    axis = ScoreAxis.of_metric("loss", [0.1 + 0.01 * i for i in range(20)] + [1e6, 1e7], maximised=False)
    assert axis.n_outside == 2
    axes = Figure().add_subplot()
    axis.note_outside(axes)
    assert [text.get_text() for text in axes.texts] == ["↑ 2 higher"]
