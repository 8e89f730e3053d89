"""Ranking of results: feasible ones by value, then infeasible ones by violation."""

import math

from metaopt.trials.ranking import WORST, is_better, rank_key
from metaopt.trials.result import Result

GOOD, BAD = Result(values=(0.1,)), Result(values=(0.9,))
NEAR, FAR = Result(values=(0.0,), violation=0.1), Result(values=(0.0,), violation=0.5)


def test_feasible_results_rank_by_value_before_infeasible_ones():
    assert sorted([FAR, BAD, NEAR, GOOD], key=rank_key) == [GOOD, BAD, NEAR, FAR]
    assert is_better(GOOD, BAD)
    assert is_better(BAD, NEAR)
    assert not is_better(BAD, BAD)


def test_results_without_a_value_rank_last():
    for result in (None, Result(), Result(values=(math.nan,))):
        assert rank_key(result) == WORST
        assert is_better(FAR, result)
