import json

import pytest

from metaopt.report.console.best_trial import describe_best, summarise_best
from tests.report.making import Record, make_failure, make_record


def test_the_best_with_what_its_score_is_worth(records: list[Record]) -> None:
    found = describe_best(records, 359)
    json.dumps(found)
    best = min((r for r in records if r["feasible"]), key=lambda r: r["loss"])
    assert found["space"] == best["space"]
    assert found["score"] == -best["loss"]
    assert found["interval"][0] < found["score"] < found["interval"][1]
    assert found["of_trials"] == 35
    assert 0 < found["within_one_standard_error"] < 35
    text = summarise_best(found)
    assert "optimistic" in text
    assert "the best of 35 trials" in text
    assert "359 validation images" in text
    assert "within one standard error" in text


def test_what_cannot_be_told_is_none_and_never_made_up() -> None:
    records = [make_record(i, objective="val_loss", loss=0.5 + i) for i in range(3)]
    found = describe_best(records, 359)
    assert (found["score"], found["standard_error"], found["interval"]) == (0.5, None, None)
    assert found["within_one_standard_error"] is None
    assert "±" not in summarise_best(found)
    assert describe_best([make_record(0)])["standard_error"] is None


def test_few_folds_tell_their_own_spread_badly() -> None:
    """By hand: mean 0.8, standard error 0.1/√2 of two folds 0.1·√2 apart … t₁ = 12.706, t₂ = 4.303."""
    two = make_record(0, loss=-0.8) | {"replicates": [0.75, 0.85]}
    found = describe_best([two], 100)
    assert found["standard_error"] == pytest.approx(0.05)
    assert found["interval"] == [pytest.approx(0.8 - 12.706 * 0.05, abs=1e-4), 1.0]
    three = make_record(0, loss=-0.5) | {"replicates": [0.49, 0.5, 0.51]}
    half = 4.3027 * 0.01 / 3**0.5
    assert describe_best([three], 100)["interval"] == pytest.approx([0.5 - half, 0.5 + half], abs=1e-4)


def test_one_trial_alone_is_not_the_best_of_many() -> None:
    assert "best of" not in describe_best([make_record(0)], 100)["note"]


def test_no_best() -> None:
    with pytest.raises(ValueError, match="none of the records"):
        describe_best([make_failure(0), make_record(1, imported=True)])
