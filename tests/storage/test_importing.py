"""Imported trials: the ancestor's 42 on CIFAR-100, and own records and pickles."""

import json
import math

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.storage.importing import read_foreign
from metaopt.storage.study import Study
from metaopt.storage.writer import StudyWriter
from metaopt.trials.objective import find_objective
from tests.engine.synthetic import SPACE, search

ACCURACY = find_objective("val_accuracy")


def read(path, space=SPACE, objective=ACCURACY, defaults=None):
    return list(read_foreign(path, compile_space(space), objective, defaults or {}, ("fine", "coarse")))


def open_study_of(folder) -> StudyWriter:
    """A study as it is, to write to it."""
    return StudyWriter(folder, compile_space(SPACE), Study.load(folder).header, note=print)


def test_trials_of_the_ancestor_are_read(shared):
    problem = load_problem("cnn")
    paths = sorted((shared / "data" / "cifar100_trials").glob("*.json"))
    trials = [read(path, problem.space, defaults=problem.defaults) for path in paths]
    assert [len(found) for found in trials] == [1] * 42
    assert all(math.isfinite(value) for (trial,) in trials for epoch in trial["metrics"] for value in epoch.values())
    best = trials[-1][0]
    assert best["status"] == "ok"
    assert best["point"]["kernel_initializer"] == "glorot_uniform"
    assert max(epoch["val_accuracy"] for epoch in best["metrics"]) == pytest.approx(0.676100010872)
    assert best["metrics"][0].keys() >= {"val_accuracy", "val_loss", "val_total_loss", "val_coarse_accuracy", "loss"}
    with pytest.raises(UserError, match="has no val_top3"):
        read(paths[0], problem.space, find_objective("val_top3"), problem.defaults)


def test_own_records_and_pickles_are_read(tmp_path):
    study = search(tmp_path / "results", trials=4)
    from_records = [trial for path in sorted((tmp_path / "results").glob("model_*.json")) for trial in read(path)]
    from_pickle = read(tmp_path / "results.pkl")
    assert sorted(str(trial["vals"]) for trial in from_records) == sorted(str(r["vals"]) for r in study.records)
    assert [trial["result"]["loss"] for trial in from_pickle] == [record["loss"] for record in study.records]


def test_suspended_trials_of_a_pickle_are_skipped(tmp_path):
    study = search(tmp_path / "results", scheduler="halving", epochs=9, trials=9)
    complete = [record["loss"] for record in study.records if record["complete"]]
    assert 0 < len(complete) < 9
    assert [trial["result"]["loss"] for trial in read(tmp_path / "results.pkl")] == complete


def test_records_of_incomplete_trials_are_skipped(tmp_path):
    study = search(tmp_path / "results", scheduler="halving", epochs=9, trials=9)
    read_again = [trial for path in sorted((tmp_path / "results").glob("model_*.json")) for trial in read(path)]
    assert len(read_again) == sum(record["complete"] for record in study.records) < 9


def test_convergence_needs_the_seconds_of_a_record(tmp_path):
    study = search(tmp_path / "results", trials=1, objective="convergence")
    path = next((tmp_path / "results").glob("model_*.json"))
    (event,) = read(path, objective=find_objective("convergence"))
    assert event["seconds"] == [0.5, 0.5, 0.5]
    other = search(tmp_path / "other", trials=1, objective="convergence", seed=1)
    with open_study_of(tmp_path / "other") as opened:
        opened.import_trial(event)
        (imported,) = [record for record in opened.records if record["imported"]]
    assert imported["loss"] == pytest.approx(study.best["loss"])
    assert other.best["loss"] > 0
    record = json.loads(path.read_text())
    del record["history"]["seconds"]
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match="has no seconds, which the objective convergence needs"):
        read(path, objective=find_objective("convergence"))


@pytest.mark.parametrize("content", ["", "[]", '{"loss": 1}'])
def test_a_file_that_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"record\.json"):
        read(path)


def test_a_record_of_another_space_is_refused(tmp_path):
    search(tmp_path / "results", trials=1)
    path = next((tmp_path / "results").glob("model_*.json"))
    with pytest.raises(UserError, match=path.name):
        read(path, {"other": hp.uniform("other", 0, 1)})
