"""Rungs of a search, on records of the real search loop and on made ones."""

import pytest

from metaopt.report.analysis.rungs import has_rungs, rung_levels, rung_results
from metaopt.report.analysis.study_data import StudyData
from metaopt.trials.result import Result
from metaopt.trials.trial_decision import TrialDecision
from tests.report.making import make_failure, make_paused, make_record, rung


def test_search_over_rungs(rung_study: StudyData) -> None:
    assert has_rungs(rung_study.records)
    assert rung_levels(rung_study.records) == [1, 3, 9]


def test_search_without_rungs(study: StudyData) -> None:
    assert not has_rungs(study.records)
    assert rung_levels(study.records) == [12]  # each trial has one result, at its end


def test_stopped_trial_adds_no_level() -> None:
    stopped = make_record(0, results=[rung(3), rung(5)], complete=False)
    paused = make_paused(1, 9, results=[rung(9)])
    assert rung_levels([stopped, paused]) == [3, 9]


def test_level_at_which_a_decision_ended_a_trial_is_a_rung() -> None:
    ended = TrialDecision("ended", 5, 40, 9.0, {"chance_of_best": 0.01})
    record = make_record(0, results=[rung(3), rung(5)], complete=False, decisions=[ended])
    assert rung_levels([record]) == [3, 5]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_result_without_finite_loss_is_ignored(loss: float) -> None:
    results = [Result(1, 0, returned={"loss": loss}), Result(3, 0, returned={"loss": 0.5})]
    record = make_record(0, history={}, objective="loss", results=results)
    assert [result.resource for result in rung_results(record)] == [3]
    assert rung_results(make_failure(0)) == []
