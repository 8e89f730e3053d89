"""Failed trials by cause: numbers in messages do not separate them."""

from metaopt.report.analysis.failures import group_failures
from tests.report.making import make_failure, make_record


def failure(trial: int, cause: str, error: str):
    return make_failure(trial, failure={"cause": cause, "error": error, "traceback": f"of {trial}"})


def test_alike_failures_are_one_group() -> None:
    records = [
        failure(7, "ValueError", "shape 3 of 4"),
        make_record(1),
        failure(2, "ValueError", "shape 5 of 4"),
        failure(3, "timeout", "took 1.5 h"),
    ]
    first, second = group_failures(records)
    assert (first.cause, first.error, first.traceback, first.trials) == ("ValueError", "shape 5 of 4", "of 2", (2, 7))
    assert second.trials == (3,)


def test_a_study_without_failures_has_no_group() -> None:
    assert group_failures([make_record(0)]) == []
