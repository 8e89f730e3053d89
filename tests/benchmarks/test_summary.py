import numpy as np
import pytest
from scipy import stats

from benchmarks.peers.results import Result
from benchmarks.peers.simulation import Step
from benchmarks.peers.summary import mean_interval, rank_methods

# Areas under the ROC curve of four variants of C4.5 on 14 data sets: table 6 of J. Demšar (2006).
AREAS = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.975, 0.946],
    "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
}


def test_ranks_and_critical_difference_are_those_of_demsar() -> None:
    ranks = rank_methods({name: [-area for area in areas] for name, areas in AREAS.items()})
    assert {name: round(rank, 3) for name, rank in ranks.mean.items()} == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.0,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }
    assert ranks.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranks.p_value == pytest.approx(stats.chi2.sf(9.28, 3), abs=0.01)


def test_one_table_has_ranks_without_tests() -> None:
    ranks = rank_methods({"a": [1.0], "b": [2.0], "c": [2.0]})
    assert ranks.mean == {"a": 1.0, "b": 2.5, "c": 2.5}
    assert ranks.p_value is None
    assert ranks.critical_difference is None


def test_interval_of_equal_values_is_the_value() -> None:
    assert mean_interval([0.25, 0.25]) == (0.25, 0.25, 0.25)
    assert mean_interval([0.25]) == (0.25, 0.25, 0.25)


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(size=30).tolist()) for _ in range(60)]
    assert 50 <= sum(low <= 0 <= high for _, low, high in intervals) <= 60


def test_incumbent_and_costs_follow_the_steps() -> None:
    steps = (Step(1.0, 0.5, 0.55), Step(3.0, 0.3, 0.4))
    result = Result("p", "t", "d", 0, 10, steps, 2, 0.0, {})
    assert [result.incumbent(cost).error for cost in (0.5, 1.0, 2.9, 3.0)] == [1.0, 0.5, 0.5, 0.3]
    assert result.cost_to(0.4, 10) == 3.0
    assert result.cost_to(0.4, 2) is None
    assert result.cost_to(0.2, 10) is None
