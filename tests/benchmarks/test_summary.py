from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.plots import plot_critical_difference
from benchmarks.peers.results import DIGITS, Result
from benchmarks.peers.simulation import Step
from benchmarks.peers.summary import mean_interval, rank_methods

# Number of methods → q at 0.05 of Nemenyi's test: table 5 (a) of J. Demšar (2006).
CRITICAL_VALUES = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}


@pytest.mark.parametrize(("methods", "q"), CRITICAL_VALUES.items())
def test_critical_difference_is_that_of_demsar(methods: int, q: float) -> None:
    ranks = rank_methods({str(number): [float(number)] * 14 for number in range(methods)})
    assert ranks.critical_difference == pytest.approx(q * np.sqrt(methods * (methods + 1) / (6 * 14)), abs=1e-3)


def test_mean_ranks_are_over_tables_in_ascending_order() -> None:
    ranks = rank_methods({"a": [3.0, 1.0, 2.0], "b": [1.0, 2.0, 1.0], "c": [2.0, 2.0, 9.0]})
    assert list(ranks.mean) == ["b", "a", "c"]
    assert ranks.mean == pytest.approx({"a": 2.0, "b": 4.5 / 3, "c": 7.5 / 3})
    assert ranks.p_value is not None


def test_one_table_has_ranks_without_tests() -> None:
    ranks = rank_methods({"a": [1.0], "b": [2.0], "c": [2.0]})
    assert ranks.mean == {"a": 1.0, "b": 2.5, "c": 2.5}
    assert ranks.p_value is None
    assert ranks.critical_difference is None


def test_critical_difference_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("scikit_posthocs")
    ranks = rank_methods({"a": [3.0, 1.0, 2.0], "b": [1.0, 2.0, 1.0], "c": [2.0, 2.0, 9.0]})
    assert plot_critical_difference(ranks, "cost", tmp_path / "ranks.png")
    assert (tmp_path / "ranks.png").stat().st_size > 5_000


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


def test_a_threshold_is_reached_by_the_network_that_sets_it() -> None:
    error = 1 - 0.5960784313725490  # stored with six digits, which is a little more
    steps = (Step(1.0, round(error, DIGITS), 0.5),)
    assert steps[0].error > 0.403921
    assert Result("p", "t", "d", 0, 10, steps, 1, 0.0, {}).cost_to(error, 10) == 1.0
