"""Rank correlations between budgets, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from metaopt.report.analysis.fidelity_correlation import MIN_TRIALS, correlate_fidelities, spearman_interval
from metaopt.report.analysis.study_data import StudyData
from metaopt.trials.record import Record
from metaopt.trials.result import Result
from tests.report.making import make_record, rung, study_of


def promoted(trial: int, losses: dict[int, float]) -> Record:
    """A trial of a function with these losses at its rungs."""
    results = [Result(resource, returned={"loss": loss}) for resource, loss in losses.items()]
    return make_record(trial, history={}, objective="loss", results=results, returned=results[-1].returned)


def test_ranks_by_hand() -> None:
    # Ranks 1 … 10, of which two neighbours are swapped five times: ρ = 1 − 6·10/(10·99).
    swapped = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]
    found = correlate_fidelities(study_of(promoted(trial, {1: trial, 3: swapped[trial]}) for trial in range(10)))
    assert found.budgets == [1, 3]
    assert found.correlation == pytest.approx(np.array([[1, 1 - 60 / 990], [1 - 60 / 990, 1]]))
    assert found.n_trials.tolist() == [[10, 10], [10, 10]]


def test_nine_trials_have_no_correlation() -> None:
    found = correlate_fidelities(study_of(promoted(trial, {1: trial, 3: trial}) for trial in range(9)))
    assert np.isnan(found.correlation).all()


def test_interval_of_spearmans_rho() -> None:
    # Bonett and Wright's standard error for ρ = 0.5 and n = 30: √(1.125/27) = 0.2041, about atanh 0.5 = 0.5493.
    assert spearman_interval(0.5, 30) == pytest.approx((np.tanh(0.5493 - 0.4001), np.tanh(0.5493 + 0.4001)), abs=1e-4)
    assert spearman_interval(-1.0, 12) == (-1.0, -1.0)


def test_nan_with_few_or_equal_trials() -> None:
    made = [promoted(trial, {1: -0.1 * trial, 3: -0.5}) for trial in range(3)]
    made += [promoted(3, {1: -0.9, 9: -1.0}), promoted(4, {1: -0.8, 9: -0.7})]
    found = correlate_fidelities(study_of(made))
    assert found.budgets == [1, 3, 9]
    assert found.n_trials.tolist() == [[5, 3, 2], [3, 3, 0], [2, 0, 2]]
    off_diagonal = found.correlation[np.triu_indices(3, 1)]
    assert all(math.isnan(value) for value in off_diagonal)


def beyond_a_budget() -> list[Record]:
    """Eleven equal trials with a pause after one epoch, and one without."""
    paused = {"history": {"val_accuracy": [0.1, 0.1, 0.2]}, "results": [rung(1), rung(3)]}
    straight = make_record(5, history={"val_accuracy": [0.3, 0.2, 0.6]}, results=[rung(3)])
    return [*(make_record(trial, **paused) for trial in range(11)), straight]


def test_training_beyond_a_budget_reaches_it() -> None:
    found = correlate_fidelities(study_of(beyond_a_budget()))
    assert found.n_trials.tolist() == [[12, 12], [12, 12]]
    # The last is better than the others at 1 and at 3, which are equal.
    assert found.correlation[0, 1] == pytest.approx(1.0)


def test_epochs_do_not_reach_a_budget_in_seconds() -> None:
    found = correlate_fidelities(study_of(beyond_a_budget(), budget_unit="seconds"))
    assert found.n_trials.tolist() == [[11, 11], [11, 12]]


def test_real_search(rung_study: StudyData) -> None:
    found = correlate_fidelities(rung_study)
    assert found.budgets == [1, 3, 9]
    for row, budget in enumerate(found.budgets):
        assert found.n_trials[row, row] == sum(record.epochs >= budget for record in rung_study.records)
    # The order of synthetic trials is that of their points at every epoch.
    assert found.correlation[found.n_trials >= MIN_TRIALS] == pytest.approx(1.0)
