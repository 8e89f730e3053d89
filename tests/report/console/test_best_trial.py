"""Description of the best trial, and the summary at the end of a search."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from metaopt.report.analysis import StudyData
from metaopt.report.console.best_trial import describe_best, summarise_best, summarise_search
from metaopt.terminal.commands import command
from tests.report.making import make_failure, make_record, study_of


def test_best_with_its_uncertainty(study: StudyData) -> None:
    found = describe_best(replace(study, n_validation=359))
    json.dumps(found)
    best = min((record for record in study.records if record.is_eligible), key=lambda record: record.result.values)
    assert found["space"] == best.point
    assert found["score"] == -best.result.values[0]
    assert found["interval"][0] < found["score"] < found["interval"][1]
    assert found["of_trials"] == 35
    assert 0 < found["within_one_standard_error"] < 35
    text = summarise_best(found)
    assert "This is the best of 35 validation scores on 359 images and therefore optimistic" in text
    assert f"run `{command('retrain', results='results')}` for an unbiased test score" in text
    assert "within one standard error" in text


def test_unknown_values_are_none() -> None:
    records = [make_record(i, objective="val_loss", history={"val_loss": [0.5 + i]}) for i in range(3)]
    found = describe_best(study_of(records, objective="val_loss", n_validation=359))
    assert (found["score"], found["standard_error"], found["interval"]) == (0.5, None, None)
    assert found["within_one_standard_error"] is None
    assert "±" not in summarise_best(found)
    assert describe_best(study_of([make_record(0)]))["standard_error"] is None


def test_interval_of_few_folds_uses_students_t() -> None:
    """By hand: t₁ = 12.706 and t₂ = 4.303, with a standard error of 0.05 and of 0.01/√3."""
    two = replace(make_record(0, score=0.8), replicates=[0.75, 0.85])
    found = describe_best(study_of([two], n_validation=100))
    assert found["standard_error"] == pytest.approx(0.05)
    assert found["interval"] == [pytest.approx(0.8 - 12.706 * 0.05, abs=1e-4), 1.0]
    three = replace(make_record(0, score=0.5), replicates=[0.49, 0.5, 0.51])
    half = 4.3027 * 0.01 / 3**0.5
    found = describe_best(study_of([three], n_validation=100))
    assert found["interval"] == pytest.approx([0.5 - half, 0.5 + half], abs=1e-4)


def test_single_trial_is_not_the_best_of_many() -> None:
    note = describe_best(study_of([make_record(0)], n_validation=100))["note"]
    assert "best of" not in note
    assert "optimistic" in note


def test_a_function_is_not_advised_to_be_retrained() -> None:
    study = replace(study_of([make_record(0), make_record(1)]), is_of_function=True)
    for text in (describe_best(study)["note"], summarise_search(study, Path("results"))):
        assert "This is the best of 2 trials, and optimistic if the function is random" in text
        assert "retrain" not in text


def test_inherited_weights_are_noted() -> None:
    record = make_record(4, info={"inherited": {"trial": 3, "layers": 2, "of": 5}})
    assert "started from weights of trial 3" in describe_best(study_of([record]))["note"]


def test_study_without_eligible_trial_is_rejected() -> None:
    none = study_of([make_failure(0), make_record(1, imported=True)])
    with pytest.raises(ValueError, match="eligible trial"):
        describe_best(none)
    with pytest.raises(ValueError, match="eligible trial"):
        summarise_search(none, Path("results"))


def test_summary_of_a_search() -> None:
    made = study_of([make_record(0), make_record(7, score=0.9876)])
    assert summarise_search(made, Path("results")).splitlines() == [
        "best validation accuracy 0.9876, by trial 7 at epoch 12 of 12.",
        "This is the best of 2 validation scores and therefore optimistic;"
        f" run `{command('retrain', results='results')}` for an unbiased test score.",
        f"See also `{command('best', results='results')}` and `{command('report', results='results')}`.",
    ]
    assert "best --results 'my study'" in summarise_search(made, Path("my study"))


def test_preference_that_cannot_be_met_is_said() -> None:
    records = [make_record(i, objective="val_loss", history={"val_loss": [0.5 + i]}) for i in range(3)]
    study = replace(study_of(records, objective="val_loss", n_validation=359), preference="small")
    for text in (describe_best(study)["note"], summarise_search(study, Path("results"))):
        assert "rather than a small network, as the standard error of val_loss without folds is unknown." in text
    assert "small network" not in summarise_search(replace(study, preference="best"), Path("results"))


def test_smaller_network_names_the_better_one() -> None:
    from dataclasses import replace

    small = study_of([make_record(0, score=0.98, params=20_000), make_record(7, score=0.9876, params=3_000_000)])
    chosen = replace(small, preference="small", n_validation=4)
    assert chosen.best.trial == 0
    text = summarise_best(describe_best(chosen))
    assert text.startswith("Trial 0 has the fewest parameters, ")
    assert "(trial 7: 0.9876)" in text
    assert "by trial 0 at epoch 12 of 12, the smallest within" in summarise_search(chosen, Path("results"))
