"""Rank correlations between budgets, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from metaopt.report.analysis.fidelity_correlation import agreement
from tests.report.making import Record, make_record


def climber(trial: int, losses: dict[int, float], **changes) -> Record:
    """A trial with these losses at its rungs."""
    visits = [
        {"to": to, "epochs": to, "loss": loss, "feasible": True, "ended": 1.0, "spent": 1}
        for to, loss in losses.items()
    ]
    known = {"history": {}, "best_epoch": None, "epochs": max(losses), "complete": True}
    return make_record(trial, visits=visits, **{**known, **changes})


def test_ranks_by_hand() -> None:
    # Ranks 1 2 3 4 against 1 3 2 4: ρ = 1 − 6·2/(4·15) = 0.8.
    losses = ((-0.4, -0.9), (-0.3, -0.7), (-0.2, -0.8), (-0.1, -0.6))
    found = agreement([climber(trial, {1: one, 3: three}) for trial, (one, three) in enumerate(losses)])
    assert found.budgets == [1, 3]
    assert found.correlation == pytest.approx(np.array([[1, 0.8], [0.8, 1]]))
    assert found.trials.tolist() == [[4, 4], [4, 4]]


def test_fewer_than_three_or_all_equal_tell_nothing() -> None:
    made = [climber(trial, {1: -0.1 * trial, 3: -0.5}) for trial in range(3)]
    made += [climber(3, {1: -0.9, 9: -1.0}), climber(4, {1: -0.8, 9: -0.7})]
    found = agreement(made)
    assert found.budgets == [1, 3, 9]
    assert found.trials.tolist() == [[5, 3, 2], [3, 3, 0], [2, 0, 2]]
    off_diagonal = found.correlation[np.triu_indices(3, 1)]
    assert all(math.isnan(value) for value in off_diagonal)


def test_who_was_trained_beyond_a_budget_has_reached_it() -> None:
    pausing = [climber(trial, {1: -0.1, 3: -0.2}) for trial in range(2)]
    history = {"val_accuracy": [0.3, 0.2, 0.6], "seconds": [1.0] * 3}
    found = agreement([*pausing, climber(5, {3: -0.6}, history=history, best_epoch=3)])
    assert found.trials.tolist() == [[3, 3], [3, 3]]
    # The third is better than both at 1 and at 3, the two are equal.
    assert found.correlation[0, 1] == pytest.approx(1.0)


def test_a_real_search(rung_records: list[Record]) -> None:
    found = agreement(rung_records)
    assert found.budgets == [1, 3, 9]
    for row, budget in enumerate(found.budgets):
        assert found.trials[row, row] == sum(record["epochs"] >= budget for record in rung_records)
    # A synthetic trial's order is that of its point at every epoch.
    assert found.correlation[found.trials >= 3] == pytest.approx(1.0)
