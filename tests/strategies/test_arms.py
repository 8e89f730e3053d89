"""Rates of arms through their checks."""

import numpy as np

from metaopt.strategies.arms import Arms, rates_through_checks
from metaopt.strategies.learning_curve_process import LearningCurveProcess, Observed, prior_medians
from metaopt.strategies.points import Metric, Points

RUNGS = np.array([3, 9, 27])
TIMES = np.log(RUNGS) / np.log(27)
METRIC = Metric(np.array([False]), np.array([0]))
COSTS = np.tile(RUNGS.astype(float), (2, 1))


def rates(margin: float, resources=(0, 0)) -> np.ndarray:
    """Rates of a point that nothing is known about, and of one beside a bad trial."""
    points = Points(np.array([[0.1], [0.9]]), np.zeros((2, 0)))
    seen = Observed(points, np.array([0, 1]), np.array([1.0, 1.0]), np.array([1.0, -0.5]))
    model = LearningCurveProcess(seen, METRIC, prior_medians(METRIC) - 0.5)
    arms = Arms(Points(np.array([[0.6], [0.12]]), np.zeros((2, 0))), np.array([-1, -1]), np.array(resources))
    return rates_through_checks(model, np.ones(2), arms, RUNGS, TIMES, COSTS, 0.0, -0.5, margin)


def test_a_check_is_worth_more_than_training_on_unless_the_margin_is_large() -> None:
    assert rates(1.0)[0].argmax() < 2
    assert rates(100.0)[0].argmax() == 2
    assert rates(1.3)[:, 2].tolist() == rates(1.0)[:, 2].tolist(), "the margin is on checks alone"


def test_the_better_prospect_has_the_larger_rate() -> None:
    best, beside_a_bad_one = rates(1.0).max(axis=1)
    assert best > 2 * beside_a_bad_one


def test_rungs_that_were_reached_are_closed() -> None:
    found = rates(1.0, resources=(9, 0))
    assert found[0, :2].tolist() == [-1, -1]
    assert found[0, 2] > 0
    assert (found[1] > 0).all()
