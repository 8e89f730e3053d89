"""Choice of a trial: the best, or a smaller one that is as good within its standard error."""

import math
from dataclasses import replace

import pytest

from metaopt.errors import UserError
from metaopt.trials.choice import (
    BEST,
    SMALL,
    binomial_standard_error,
    check_preference,
    choose_record,
    explain_choice,
    score_standard_error,
    within_one_standard_error,
)
from metaopt.trials.discard import Discard
from metaopt.trials.record import Record
from metaopt.trials.result import Result
from tests.report.making import make_failure, make_record


def with_folds(scores: list[float]) -> Record:
    """A record whose replicates are these scores."""
    record = make_record(0, history={"val_accuracy": [sum(scores) / len(scores)]})
    return replace(record, replicates=scores)


def make(trial: int, score: float, params: int | None, **more) -> Record:
    return Record(trial, "ok", "val_accuracy", Result(values=(-score,)), params=params, **more)


def test_small_is_the_smallest_within_one_standard_error():
    # The standard error of 0.9 on 400 images is 0.015.
    records = [make(0, 0.90, 5000), make(1, 0.89, 900), make(2, 0.886, 700), make(3, 0.88, 10), make(4, 0.895, 8000)]
    assert choose_record(records, BEST, 400).trial == 0
    assert choose_record(records, SMALL, 400).trial == 2


def test_of_equally_small_ones_the_better_counts():
    records = [make(0, 0.90, 5000), make(1, 0.89, 900), make(2, 0.895, 900)]
    assert choose_record(records, SMALL, 400).trial == 2


def test_small_is_the_best_where_error_or_size_is_unknown():
    records = [make(0, 0.90, 5000), make(1, 0.899, None), make(2, 0.899, 10)]
    assert choose_record(records, SMALL, None).trial == 0
    assert choose_record(records[:2], SMALL, 400).trial == 0
    assert choose_record([make(0, 0.9, None), records[2]], SMALL, 400).trial == 0
    assert choose_record([], SMALL, 400) is None


def test_trial_that_a_race_ended_is_never_chosen():
    discard = Discard(3, 10, 5, 0, -0.95, 0.001)
    records = [make(0, 0.90, 5000), make(1, 0.95, 10, discard=discard)]
    assert choose_record(records, BEST, 400).trial == 0
    assert choose_record(records, SMALL, 400).trial == 0


def test_function_may_return_the_variance_of_its_loss():
    record = Record(0, "ok", "loss", Result(values=(1.0,)), returned={"loss_variance": 0.04})
    assert score_standard_error(record, None) == pytest.approx(0.2)


def test_unknown_preference_is_refused():
    with pytest.raises(UserError, match=r"Invalid value for prefer: large\. Expected best or small\."):
        check_preference("large")


def test_binomial_standard_error() -> None:
    assert binomial_standard_error(0.5, 100) == 0.05
    assert binomial_standard_error(1.0, 10) == 0.0
    with pytest.raises(ValueError, match="at least one image"):
        binomial_standard_error(0.5, 0)


def test_standard_error_of_a_score() -> None:
    assert score_standard_error(make_record(0, score=0.9), 900) == pytest.approx(0.01)
    assert score_standard_error(make_record(0, score=0.9), None) is None
    assert score_standard_error(make_record(0, objective="val_loss"), 900) is None
    assert score_standard_error(with_folds([0.8, 0.9, 1.0]), 900) == pytest.approx(0.1 / math.sqrt(3))


def test_trials_within_one_standard_error() -> None:
    limits = ["params<=1e6"]
    records = [make_record(i, score=score, constraints=limits) for i, score in enumerate([0.9, 0.895, 0.88, 0.91])]
    records.append(make_record(4, score=0.905, constraints=limits, counts={"params": 2_000_000}))
    records.append(make_failure(5))
    near = within_one_standard_error(records, records[3], 0.012)
    assert near is not None
    assert [record.trial for record in near] == [0]
    assert within_one_standard_error(records, records[3], None) is None


def test_a_choice_of_the_best_instead_of_a_small_network_is_explained():
    records = [make(0, 0.90, 5000), make(1, 0.899, 10)]
    assert explain_choice(records, SMALL, 400) == ""
    assert explain_choice(records, BEST, None) == ""
    assert explain_choice([], SMALL, None) == ""
    assert "as the standard error of val_accuracy without folds is unknown." in explain_choice(records, SMALL, None)
    unknown = [make(0, 0.9, None), make(1, 0.899, 10)]
    assert "as the number of parameters of trial 0 is unknown." in explain_choice(unknown, SMALL, 400)
