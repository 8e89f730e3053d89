"""Predicted costs."""

import numpy as np
import pytest

from metaopt.strategies.points import Metric, Points
from metaopt.strategies.training_costs import Overheads, Seconds, TrainingCosts

METRIC = Metric(np.array([False, True]), np.array([0, 1]))


def points(*features: tuple[float, float]) -> Points:
    return Points(np.array(features), np.zeros((len(features), 0)))


def seconds(width: float, kernel: float) -> Seconds:
    later = 0.5 * 4**width * (1.5 if kernel > 0.5 else 1.0)
    return Seconds(2 + later, later)


def test_costs_of_new_points_are_learnt_from_others() -> None:
    rng = np.random.default_rng(0)
    seen = [(float(rng.random()), float(rng.choice([0.25, 0.75]))) for _ in range(40)]
    model = TrainingCosts.fit(points(*seen), [seconds(*one) for one in seen], METRIC, resource=10)
    new = [(0.1, 0.25), (0.9, 0.75)]
    found = model.costs(points(*new), np.zeros(2), np.array([10]), [None, None])[:, 0]
    true = np.array([seconds(*one).first + 9 * seconds(*one).later for one in new])
    assert found[1] / found[0] == pytest.approx((true[1] / true[0]) ** 0.5, rel=0.05), "charged by the square root"


def test_epochs_already_trained_are_not_charged() -> None:
    model = TrainingCosts.fit(points((0.5, 0.25)), [Seconds(3.0, 1.0)], METRIC, resource=9)
    costs = model.costs(points((0.5, 0.25)), np.array([3.0]), np.array([5, 9]), [Seconds(3.0, 1.0)])
    assert costs[0, 1] / costs[0, 0] == pytest.approx(3)
    assert costs[0, 0] == pytest.approx(2, rel=0.1)


def test_equal_costs_charge_epochs() -> None:
    costs = TrainingCosts.equal(9).costs(
        points((0.1, 0.25), (0.9, 0.75)), np.array([0.0, 3.0]), np.array([5, 9]), [None, None]
    )
    assert costs == pytest.approx(np.array([[9, 13], [2, 6]]))


def test_all_cost_the_same_before_any_epoch() -> None:
    model = TrainingCosts.fit(Points(np.zeros((0, 2)), np.zeros((0, 0))), [], METRIC, 4)
    costs = model.costs(points((0.1, 0.25), (0.9, 0.75)), np.zeros(2), np.array([2, 4]), [None, None])
    assert costs[0] == pytest.approx(costs[1])
    assert (costs > 0).all()


def test_seconds_are_predicted_in_full() -> None:
    model = TrainingCosts.fit(points((0.5, 0.25)), [Seconds(3.0, 1.0)], METRIC, 9, Overheads(2.0, 0.5))
    own = [Seconds(3.0, 1.0), Seconds(30.0, 10.0)]
    both = points((0.5, 0.25), (0.5, 0.25)), np.array([0.0, 3.0]), np.array([5, 9]), own
    assert model.seconds(*both) == pytest.approx(np.array([[9.0, 13.0], [20.5, 60.5]]))
    assert (model.costs(*both)[1] < model.seconds(*both)[1]).all(), "an expensive network is charged less"


@pytest.mark.parametrize(
    ("totals", "start", "resume"),
    [
        ([], 0.0, 0.0),
        ([(2.0, 1), (4.0, 1)], 3.0, 3.0),
        ([(2.0, 1), (4.0, 1), (3.5, 2), (5.0, 3)], 3.0, 0.75),
        ([(6.0, 3)], 2.0, 2.0),
        ([(-0.5, 1), (-1.0, 2)], 0.0, 0.0),  # clocks of two processes
    ],
)
def test_overheads_of_starts_and_resumes_are_told_apart(totals, start, resume) -> None:
    assert Overheads.measure(totals) == Overheads(start, resume)
