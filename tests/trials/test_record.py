"""Records: their keys, their best, and their reader and writer."""

import json

import pytest

from metaopt.spaces import Vals
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.objective import find_objective
from metaopt.trials.record import Record, best_record, make_record, nearest_record
from metaopt.trials.record_fields import InvalidField
from metaopt.trials.result import Judge, Result
from metaopt.trials.trial import Trial
from metaopt.trials.trial_decision import TrialDecision
from tests.engine.synthetic import search

KEYS = {
    "schema", "trial", "parent", "status", "loss", "objective", "model_based", "space", "vals", "epochs", "history",
    "scores", "best_epoch", "replicates", "params", "macs", "blueprint", "constraints", "feasible", "seconds", "seed",
    "device", "threads", "versions",
}  # fmt: skip


STUDY = {"event": "study", "objective": "val_accuracy"}


def trial(metrics, **changes) -> Trial:
    return Trial(0, Vals({"x": 1.0}), {"x": 1.0}, len(metrics), "ok", True, metrics, [1.0] * len(metrics), **changes)


def record_of(trial, objective="val_accuracy", constraints=()):
    judge = Judge((find_objective(objective),), parse_constraints(constraints))
    trial.results = [trial.judged(judge, result) for result in trial.results]
    return make_record(trial, 0, judge)


def test_a_record_has_every_key_that_users_rely_on(tmp_path):
    search(tmp_path / "results", trials=2)
    for path in (tmp_path / "results").glob("model_*.json"):
        record = json.loads(path.read_text())
        assert record.keys() >= KEYS
        assert record["history"]["val_accuracy"][record["best_epoch"] - 1] == -record["loss"]
        assert record["scores"]["best"]["val_accuracy"] == -record["loss"]


def test_the_best_epoch_counts_from_1():
    record = record_of(trial([{"val_accuracy": a} for a in (0.1, 0.6, 0.5)]))
    assert record["best_epoch"] == 2
    assert record["loss"] == -0.6
    assert record["scores"]["end"] == {"val_accuracy": 0.5}


def test_measured_constraints_choose_the_best_epoch():
    metrics = [{"val_accuracy": a, "val_precision": p} for a, p in ((0.5, 0.3), (0.6, 0.5), (0.7, 0.39))]
    keeps = record_of(trial(metrics), constraints=["val_precision>=0.4"])
    assert (keeps["best_epoch"], keeps["feasible"]) == (2, True)
    assert keeps["constraints"] == {"val_precision>=0.4": pytest.approx(-0.1)}
    misses = record_of(trial(metrics), constraints=["val_precision>=0.6"])
    assert (misses["best_epoch"], misses["feasible"]) == (3, False)
    assert misses["constraints"] == {"val_precision>=0.6": pytest.approx(0.21)}


def test_convergence_is_taken_at_the_last_epoch():
    record = record_of(trial([{"val_loss": v} for v in (0.1, 0.5)]), "convergence")
    assert record["best_epoch"] == 2


def test_only_feasible_own_trials_can_be_the_best():
    records = [
        Record(0, "ok", "val_accuracy", Result(values=(-0.5,))),
        Record(1, "ok", "val_accuracy", Result(values=(-0.9,)), imported=True),
        Record(2, "ok", "val_accuracy", Result(values=(-0.8,), violation=0.3)),
        Record(3, "fail", "val_accuracy", Result()),
        Record(4, "ok", "val_accuracy", Result(values=(-0.5,))),
    ]
    assert best_record(records).trial == 4  # the later one of two equals, as their names sort
    assert best_record(records[1:4]) is None
    assert nearest_record(records[1:4]).trial == 2


def test_a_stored_record_is_read_as_it_was(tmp_path):
    study = search(tmp_path / "results", scheduler="hyperband", trials=5, constraints=("val_loss<=0.4",))
    for record in study.records:
        stored = json.loads(json.dumps(record.to_json()))
        assert Record.from_json(stored).to_json() == stored


def test_stored_keys_can_be_read_like_a_dict(tmp_path):
    record = search(tmp_path / "results", trials=1).records[0]
    assert record["loss"] == record.loss
    assert record.get("nothing", 3) == 3
    assert "space" in record
    assert dict(record) == record.to_json()


def test_visits_have_each_rung_and_its_time(tmp_path):
    study = search(tmp_path / "results", scheduler="hyperband", trials=5)
    visits = [visit for record in study.records for visit in record["visits"]]
    assert max(len(record["visits"]) for record in study.records) == 2
    for record in study.records:
        assert [[visit["to"], visit["epochs"]] for visit in record["visits"]] == record["rungs"]
        for visit in record["visits"]:
            assert visit["loss"] == -max(record["history"]["val_accuracy"][: visit["epochs"]])
        assert record["visits"][-1]["ended"] == record["ended"]
    # With one worker the epochs of one rung after the other make up what was spent.
    assert max(visit["spent"] for visit in visits) == sum(record["epochs"] for record in study.records)
    assert len({visit["spent"] for visit in visits}) == len(visits)


@pytest.mark.parametrize("change", [{"epochs": "three"}, {"visits": [1]}, {"vals": {"x": "a"}}])
def test_a_stored_record_of_other_types_is_refused(change):
    record = make_record(
        Trial(0, Vals({"x": 0.5}), {"x": 0.5}, 1), 0, Judge((find_objective("val_accuracy"),))
    ).to_json()
    assert Record.from_json(record).trial == 0
    with pytest.raises(ValueError, match=next(iter(change))):
        Record.from_json({**record, **change})


def test_decisions_are_stored_where_a_strategy_gave_figures():
    decision = TrialDecision("left", 3, 12, 4.5, {"chance_of_best": 0.25})
    stored = json.loads(json.dumps(record_of(trial([{"val_accuracy": 0.5}], decisions=[decision])).to_json()))
    assert stored["decisions"] == [
        {"decision": "left", "to": 3, "spent": 12, "clock": 4.5, "reason": {"chance_of_best": 0.25}}
    ]
    assert Record.from_json(stored).decisions == (decision,)
    assert "decisions" not in record_of(trial([{"val_accuracy": 0.5}])).to_json()
    for wrong in ({"decision": "dropped"}, {"spent": -1}, {"clock": None}, {"reason": {"chance_of_best": "high"}}):
        with pytest.raises(InvalidField, match="decisions is"):
            Record.from_json({**stored, "decisions": [stored["decisions"][0] | wrong]})
