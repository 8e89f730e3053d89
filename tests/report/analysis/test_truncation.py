"""Trials as they were after equally many epochs, against the values that the loop found at the rungs."""

import pytest

from metaopt.report.analysis.truncation import after, at_equal_epochs
from metaopt.trials.constraints import parse_constraints
from tests.report.making import Record, make_failure, make_record


def test_a_search_without_rungs_stays_as_it_is(records: list[Record]) -> None:
    assert at_equal_epochs(records) == (records, None)


def test_a_search_over_rungs_is_compared_where_half_of_it_has_been(rung_records: list[Record]) -> None:
    compared, epochs = at_equal_epochs(rung_records)
    lengths = sorted(record["epochs"] for record in rung_records)
    assert epochs is not None
    assert len(compared) == sum(length >= epochs for length in lengths) >= len(lengths) / 2
    by_number = {record["trial"]: record for record in rung_records}
    for record in compared:
        assert record["epochs"] == epochs
        for visit in by_number[record["trial"]]["visits"]:
            if visit["to"] == epochs:
                assert record["loss"] == visit["loss"]


def test_it_says_what_the_record_says_where_nothing_is_cut_off(rung_records: list[Record]) -> None:
    for record in rung_records:
        whole = after(record, record["epochs"], ())
        assert {key: whole[key] for key in ("loss", "best_epoch", "feasible", "epochs", "history")} == {
            key: record[key] for key in ("loss", "best_epoch", "feasible", "epochs", "history")
        }


def test_a_measured_limit_is_judged_as_in_the_record() -> None:
    history = {"val_accuracy": [0.5, 0.6, 0.7, 0.8], "val_precision": [0.3, 0.5, 0.39, 0.6], "seconds": [1.0] * 4}
    record = make_record(0, history=history, epochs=4)
    limits = parse_constraints(["val_precision>=0.4"])
    keeps = after(record, 3, limits)
    assert (keeps["best_epoch"], keeps["loss"], keeps["feasible"]) == (2, -0.6, True)
    assert keeps["scores"]["best"] == {"val_accuracy": 0.6, "val_precision": 0.5}
    misses = after(record, 1, limits)
    assert (misses["best_epoch"], misses["feasible"]) == (1, False)
    assert not after(record | {"params": 9}, 3, parse_constraints(["params<=5"]))["feasible"]


def test_what_stopped_early_or_failed_is_kept() -> None:
    visits = [{"to": to, "epochs": to, "loss": -0.1, "feasible": True, "ended": 1.0, "spent": 1} for to in (3, 12)]
    long = [make_record(trial, visits=visits, complete=True) for trial in range(3)]
    early = make_record(5, epochs=4, complete=True)
    short = make_record(6, epochs=3, complete=False)
    failed = make_failure(7)
    compared, epochs = at_equal_epochs([*long, early, short, failed])
    assert epochs == 12
    assert [record["trial"] for record in compared] == [0, 1, 2, 5, 7]


@pytest.mark.parametrize("history", [{}, None])
def test_trainings_that_report_no_epochs_stay_as_they_are(history: dict | None) -> None:
    visits = [{"to": to, "epochs": to, "loss": -0.1, "feasible": True, "ended": 1.0, "spent": 1} for to in (3, 12)]
    made = [make_record(0, visits=visits, history=history, best_epoch=None)]
    assert at_equal_epochs(made) == (made, None)
