"""Truncated histories, against the results that the search loop found at the rungs."""

import pytest

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.truncation import reports_epochs, truncate_record, truncate_study
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.objective import OBJECTIVES
from metaopt.trials.result import Judge
from tests.report.making import make_failure, make_record, rung, study_of

ACCURACY = OBJECTIVES["val_accuracy"]


def test_study_without_rungs_is_unchanged(study: StudyData) -> None:
    assert truncate_study(study) == (study, None)


def test_study_is_truncated_to_the_median_epochs(rung_study: StudyData) -> None:
    truncated, epochs = truncate_study(rung_study)
    lengths = sorted(record.epochs for record in rung_study.records)
    assert epochs is not None
    assert len(truncated.records) == sum(length >= epochs for length in lengths) >= len(lengths) / 2
    by_number = {record.trial: record for record in rung_study.records}
    for record in truncated.records:
        assert record.epochs == epochs
        for result in by_number[record.trial].results:
            assert result.epochs != epochs or record.loss == result.loss


def test_whole_history_gives_the_same_result(rung_study: StudyData) -> None:
    for record in rung_study.records:
        whole = truncate_record(record, record.epochs, rung_study.judge)
        for name in ("loss", "best_epoch", "is_feasible", "constraints", "epochs", "history"):
            assert getattr(whole, name) == getattr(record, name)


def test_constraints_choose_the_best_epoch() -> None:
    history = {"val_accuracy": [0.5, 0.6, 0.7, 0.8], "val_precision": [0.3, 0.5, 0.39, 0.6]}
    record = make_record(0, history=history, counts={"params": 9})
    judge = Judge((ACCURACY,), parse_constraints(["val_precision>=0.4"]))
    met = truncate_record(record, 3, judge)
    assert (met.best_epoch, met.loss, met.is_feasible) == (2, -0.6, True)
    assert met["scores"]["best"] == {"val_accuracy": 0.6, "val_precision": 0.5}
    violated = truncate_record(record, 1, judge)
    assert (violated.best_epoch, violated.is_feasible) == (1, False)
    counted = Judge((ACCURACY,), parse_constraints(["params<=5"]))
    assert not truncate_record(record, 3, counted).is_feasible


def test_early_stopped_and_failed_trials_are_kept() -> None:
    long = [make_record(trial, results=[rung(3), rung(12)]) for trial in range(3)]
    early = make_record(5, history={"val_accuracy": [0.1] * 4})
    short = make_record(6, history={"val_accuracy": [0.1] * 3}, complete=False)
    failed = make_failure(7)
    truncated, epochs = truncate_study(study_of([*long, early, short, failed]))
    assert epochs == 12
    assert [record.trial for record in truncated.records] == [0, 1, 2, 5, 7]


def test_study_of_a_function_is_unchanged(function_study: StudyData) -> None:
    assert not any(map(reports_epochs, function_study.records))
    assert truncate_study(function_study) == (function_study, None)


@pytest.mark.parametrize(("record", "expected"), [(make_record(0), True), (make_failure(0), False)])
def test_reports_epochs(record, expected: bool) -> None:
    assert reports_epochs(record) == expected
