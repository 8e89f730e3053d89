"""Search loops with several objectives: what a study stores, resumes with and refuses."""

import json

import pytest

from metaopt.engine.settings import Settings, resolve
from metaopt.errors import StudyMismatch, UserError
from metaopt.storage.repair import repair
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, Study
from tests.engine.synthetic import SyntheticExecutor, findings, search

TWO = ("val_accuracy", "size:min")


def with_size(**changes):
    return SyntheticExecutor(further=lambda job: {"size": 10 ** (3 * job.point["x"])}, **changes)


def test_a_study_of_one_objective_stores_no_further_ones(tmp_path):
    study = search(tmp_path / "s", objective=["val_accuracy"])
    header, run, *_ = [
        json.loads(line.split(b" ", 1)[-1]) if line[:1] != b"{" else json.loads(line)
        for line in (tmp_path / "s" / JOURNAL).read_bytes().splitlines()
    ]
    assert "objectives" not in header
    assert "further_objectives" not in run["settings"]
    assert not any("losses" in record or "losses" in record["visits"][0] for record in study.records)
    assert study.front == [study.best] == [study.knee]


def test_the_front_has_no_trial_that_another_dominates(tmp_path):
    study = search(tmp_path / "s", objective=TWO, executor=with_size(), trials=20)
    values = {record.trial: record.result.values for record in study.records}
    expected = {
        trial
        for trial, own in values.items()
        if not any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in values.values())
    }
    assert {record.trial for record in study.front} == expected
    assert len(expected) > 1
    assert study.front[0].trial == study.best.trial
    assert study.knee.trial in expected


def test_records_hold_all_losses_and_read_them_back(tmp_path):
    study = search(tmp_path / "s", objective=TWO, executor=with_size(), scheduler="asha")
    for record in study.records:
        assert list(record["losses"]) == ["val_accuracy", "size:min"]
        again = type(record).from_json(record.to_json())
        assert again.result.values == record.result.values
        assert [each.values for each in again.results] == [each.values for each in record.results]
        assert again.to_json() == record.to_json()


def test_a_journal_is_rebuilt_from_records_of_two_objectives(tmp_path):
    study = search(tmp_path / "s", objective=TWO, executor=with_size())
    (tmp_path / "s" / JOURNAL).unlink()
    (tmp_path / "s" / "journal.header").unlink()
    repair(tmp_path / "s")
    again = Study.load(tmp_path / "s")
    assert [each.text for each in again.objectives] == list(TWO)
    assert [each.result.values for each in again.records] == [each.result.values for each in study.records]


def test_a_search_without_objectives_given_keeps_the_studys(tmp_path):
    search(tmp_path / "s", objective=TWO, executor=with_size())
    assert len(search(tmp_path / "s", executor=with_size(), more=2).objectives) == 2


@pytest.mark.parametrize("other", ["val_accuracy", ("val_accuracy", "size:max"), ("val_accuracy", "val_loss")])
def test_a_study_of_other_objectives_is_a_mismatch(tmp_path, other):
    search(tmp_path / "s", objective=TWO, executor=with_size())
    with pytest.raises(StudyMismatch, match=r"another objective \(val_accuracy size:min, not val_accuracy"):
        search(tmp_path / "s", objective=other, executor=with_size())


def test_a_training_without_a_further_objective_has_failed(tmp_path):
    study = search(tmp_path / "s", objective=TWO, executor=SyntheticExecutor(), trials=2)
    assert {record.failure["cause"] for record in study.records} == {"no size"}
    assert "has None as size, which is one of the objectives" in study.records[0].error
    assert study.front == []


def test_an_epoch_with_nan_in_a_further_objective_is_not_on_the_front(tmp_path):
    executor = SyntheticExecutor(further=lambda job: {"size": float("nan") if job.trial % 2 else 1.0 + job.trial})
    study = search(tmp_path / "s", objective=TWO, executor=executor)
    assert all(record.trial % 2 == 0 for record in study.front)
    assert {record.status for record in study.records} == {"ok"}


def test_the_objective_of_a_new_study_is_one_that_training_measures():
    with pytest.raises(UserError, match="Invalid first objective: params"):
        resolve({"objective": ["params", "val_accuracy"]}, {}, StudyState())
    resolved = resolve({"objective": ["val_accuracy", "params"]}, {}, StudyState())
    assert (resolved.objective, resolved.further_objectives) == ("val_accuracy", ("params",))
    assert [each.name for each in resolved.objectives] == ["val_accuracy", "params"]
    assert Settings().further_objectives == ()


@pytest.mark.parametrize(
    "strategy",
    ["evolution", "tpe", pytest.param("auto", marks=pytest.mark.slow), pytest.param("gp", marks=pytest.mark.slow)],
)
def test_an_interrupted_pareto_search_finds_the_same(tmp_path, strategy):
    given = {
        **{"sampler": strategy, "scheduler": "auto" if strategy == "auto" else "full", "objective": TWO, "trials": 10},
        **({"mu": 4} if strategy == "evolution" else {"startup": 4}),
        "deterministic": True,
    }
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "parts", executor=with_size(interrupted_after=17), **given)
    whole = search(tmp_path / "whole", executor=with_size(), **given)
    assert findings(search(tmp_path / "parts", executor=with_size())) == findings(whole)
    assert any(record.model_based for record in whole.records)


@pytest.mark.slow
def test_auto_gives_no_losses_of_a_weighted_objective_as_reasons(tmp_path):
    given = {"sampler": "auto", "scheduler": "auto", "objective": TWO, "trials": 8, "startup": 3}
    study = search(tmp_path / "s", executor=with_size(), **given)
    reasons = [each.reason for record in study.records for each in record.decisions if "chance_of_best" in each.reason]
    assert reasons
    assert not any("predicted_loss" in reason or "best_loss" in reason for reason in reasons)
    assert all(sum(reason[f"weight_{number}"] for number in (1, 2)) == pytest.approx(1, abs=1e-3) for reason in reasons)
