"""Decisions in words."""

from dataclasses import replace

import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.analysis.decisions import find_savings, left_trials
from metaopt.report.console import describe_decisions
from metaopt.trials.trial_decision import TrialDecision
from tests.report.making import make_paused, make_record, rung, study_of

FIGURES = {"chance_of_best": 0.004, "predicted_loss": -0.7123, "deviation": 0.0412, "best_loss": -0.834}


def of(*records) -> list[str]:
    return describe_decisions(replace(study_of(records), settings={"epochs": 27}, strategy="auto"))


@pytest.mark.slow
def test_a_real_search_is_described(auto_study: StudyData) -> None:
    saved, left = find_savings(auto_study), left_trials(auto_study)
    first, *lines = describe_decisions(auto_study)
    assert first.startswith(f"auto trained {saved.trained} of the 117 epochs that full trainings of 13 trials take (")
    assert lines[0] == "The best trials:"
    assert lines[1].startswith(f"  trial {auto_study.best.trial}: ")
    position = lines.index("Left with the highest chance to become the best:")
    assert lines[position + 1].startswith(f"  trial {left[0][0].trial} was left at epoch {left[0][0].epochs} of 9: ")
    assert len(lines[position + 1 :]) == min(len(left), 6)


def test_a_trial_that_is_left_has_its_reason_in_a_sentence() -> None:
    left = TrialDecision("left", 5, 80, 9.0, {**FIGURES, "improvement_rate": 0.001, "taken_rate": 0.0125})
    ended = TrialDecision("ended", 5, 300, 9.0, {**FIGURES, "chance_of_best": 0.00002})
    assert of(make_paused(17, 5, decisions=[left, ended]))[-1] == (
        "  trial 17 was left at epoch 5 of 27: 0.4 % chance to become the best; predicted 0.712 ± 0.041, best then"
        " 0.834; another training promised 12.5 times as much per second; under 0.01 % at the end of the search."
    )


def test_a_rate_that_was_not_computed_is_less_than_many_others() -> None:
    left = TrialDecision("left", 5, 80, 9.0, {**FIGURES, "taken_rate": 0.0125})
    assert of(make_paused(17, 5, decisions=[left]))[-1].endswith(
        "best then 0.834; many others promised more per second."
    )


def test_the_best_trial_has_what_it_was_trained_on_for() -> None:
    known = [
        TrialDecision("started", 3, 0, 0.0, {"first_trials": 8.0}),
        TrialDecision(
            "resumed", 12, 30, 9.0, {**FIGURES, "chance_of_best": 0.31, "chance_feasible": 0.9, "seconds": 42.0}
        ),
    ]
    record = make_record(2, score=0.9, results=[rung(3), rung(12)], decisions=known)
    assert of(record)[2] == (
        "  trial 2: 0.9000, trained to epoch 12 of 27; trained on from epoch 3 with 31 % chance to become the best;"
        " predicted 0.712 ± 0.041, best then 0.834; 90 % chance to meet the constraints; 42 s of training expected."
    )
    record = make_record(2, score=0.9, decisions=known[:1])
    assert (
        of(record)[2]
        == "  trial 2: 0.9000, trained to epoch 12 of 27; one of the first 8, which are spread over the space."
    )


def test_other_strategies_are_not_described(rung_study: StudyData) -> None:
    assert describe_decisions(rung_study) == []
