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


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("precision[rose]>=0.95@95%", Constraint("precision[rose]", False, 0.95, 0.95)),
        ("recall[a b@c]>=0.9 @ 99.5 %", Constraint("recall[a b@c]", False, 0.9, 0.995)),
        ("precision[x]>=0.5]>=0.9", Constraint("precision[x]>=0.5]", False, 0.9)),
        ("val_precision>=0.39@90%", Constraint("val_precision", False, 0.39, 0.9)),
        ("val_kind_accuracy>=0.9@95%", Constraint("val_kind_accuracy", False, 0.9, 0.95)),
    ],
)
def test_limits_on_classes_and_confidences_are_parsed(text, limit):
    assert parse_constraint(text) == limit
    assert parse_constraint(str(limit)) == limit


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f1[rose]>=0.9", r"Of a class, precision\[CLASS\] and recall\[CLASS\] can be limited"),
        ("val_f1>=0.9@95%", "val_f1 is not a share of images"),
        ("params<=5@95%", "params is not a share of images"),
        ("precision[a]<=0.9", r"only be limited from below; write precision\[a\]>=0.9"),
        ("precision[a]>=95", "Expected a bound above 0 and at most 1"),
        ("recall[a]>=1@95%", "below 1, which no number of images confirms"),
        ("recall[a]>=0.9@100%", "Expected a confidence from 50 % to below 100 %"),
        ("recall[a]>=0.9@nan%", "Expected a confidence from 50 % to below 100 %"),
        ("recall[a]>=0.9@95", "Expected NAME<=NUMBER"),
        ("recall[]>=0.9", "Expected NAME<=NUMBER"),
    ],
)
def test_invalid_limits_on_classes_are_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_constraint(text)


def test_a_limit_with_confidence_is_beside_one_without():
    texts = ["val_accuracy>=0.9", "val_accuracy>=0.8@95%", "val_accuracy>=0.85@95%"]
    assert list(map(str, parse_constraints(texts))) == ["val_accuracy>=0.9", "val_accuracy>=0.85@95%"]
    with pytest.raises(UserError, match="contradict"):
        parse_constraints(["val_accuracy<=0.7", "val_accuracy>=0.8@95%"])


def test_a_limit_with_confidence_counts_by_its_lower_bound():
    limit = parse_constraint("precision[a]>=0.95@95%")
    known = {"val_hits[a]": 58, "val_predicted[a]": 58}
    assert limit.value(known) == pytest.approx(0.05 ** (1 / 58))
    assert total_violation([limit], known) > 0
    assert total_violation([limit], {"val_hits[a]": 59, "val_predicted[a]": 59}) == 0
    assert total_violation([limit], {"val_accuracy": 0.1}) == 0  # unknown, as of a trial of before
    assert limit.value({"precision[a]@95%": 0.7}) == 0.7  # by a training of the user
