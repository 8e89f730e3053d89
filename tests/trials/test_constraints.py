"""Constraints: parsing, distances and violations."""

import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.trials.constraints import Constraint, is_number, parse_constraint, parse_constraints, total_violation


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("params<=2e7", Constraint("params", True, 2e7)),
        (" macs <= 100000000 ", Constraint("macs", True, 1e8)),
        ("val_precision>=0.39", Constraint("val_precision", False, 0.39)),
        ("params<=200k", Constraint("params", True, 2e5)),
        ("macs <= 50 M", Constraint("macs", True, 5e7)),
        ("memory<=1GB", Constraint("memory", True, 1e9)),
        ("memory<=2GiB", Constraint("memory", True, 2.0**31)),
        ("seconds<=1h30m", Constraint("seconds", True, 5400)),
    ],
)
def test_constraints_are_parsed(text, limit):
    assert parse_constraint(text) == limit


@pytest.mark.parametrize(
    "text", ["params", "params=3", "params<5", "<=3", "params<=many", "params<=nan", "params<=1e6 x"]
)
def test_malformed_constraints_are_refused(text):
    with pytest.raises(UserError, match="Expected NAME<=NUMBER"):
        parse_constraint(text)


def test_cheap_lower_bounds_are_refused():
    with pytest.raises(UserError, match="params can only be limited from above"):
        parse_constraint("params>=5")


def test_the_tighter_of_two_constraints_counts():
    assert parse_constraints(["params<=5", "params<=3", "params<=4"]) == (Constraint("params", True, 3),)
    assert parse_constraints(["val_accuracy>=0.5", "val_accuracy>=0.7"]) == (Constraint("val_accuracy", False, 0.7),)


def test_contradictions_are_refused():
    with pytest.raises(UserError, match=r"val_loss<=0.2 and val_loss>=0.3 contradict"):
        parse_constraints(["val_loss<=0.2", "val_loss>=0.3"])


def test_distances_and_violations():
    upper, lower = Constraint("params", True, 100), Constraint("val_precision", False, 0.5)
    assert upper.distance(90) == -10
    assert lower.distance(0.4) == pytest.approx(0.1)
    assert total_violation((upper, lower), {"params": 150, "val_precision": 0.4}) == pytest.approx(0.5 + 0.2)
    assert total_violation((upper, lower), {"params": 100, "val_precision": 0.5}) == 0
    assert total_violation((upper, lower), {}) == 0


@pytest.mark.parametrize("value", [0, 1.5, True, np.float32(2), np.bool_(True), np.array(3.0), np.array([4])])
def test_numbers_of_any_library_are_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [None, "3", np.nan, -np.inf, np.array([1, 2]), [1], 1j])
def test_other_values_are_not_numbers(value):
    assert not is_number(value)


@pytest.mark.parametrize(
    ("bound", "text"),
    [(2e6, "2e+06"), (2000001.0, "2000001"), (1234567.0, "1234567"), (0.39, "0.39"), (0.1234567, "0.1234567")],
)
def test_the_bound_is_written_exactly(bound, text):
    assert str(Constraint("params", True, bound)) == f"params<={text}"
    assert parse_constraint(str(Constraint("params", True, bound))).bound == bound
