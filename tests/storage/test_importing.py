"""Imported trials: the ancestor's 42 on CIFAR-100, and own records and pickles."""

import json
import math
import os
import pickle

import numpy as np
import pytest
from hyperopt import Trials, fmin, hp, rand, trials_from_docs

from metaopt.errors import UserError
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.storage.importing import read_foreign, without_doubles
from metaopt.storage.study import Study
from metaopt.storage.writer import StudyWriter
from metaopt.trials.objective import find_objective
from metaopt.trials.result import Judge
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": "three"}, "epochs is 'three'. Expected an integer >= 0"),
        ({"epochs": -1}, "epochs is -1"),
        ({"trial": True}, "trial is True"),
        ({"status": "fine"}, "status is 'fine'. Expected \"ok\" or \"fail\""),
        ({"loss": [1]}, r"loss is \[1\]. Expected a finite number"),
        ({"loss": math.nan}, "loss is nan"),
        ({"loss": 10**400}, "loss is 1000"),
        ({"history": [1, 2]}, r"history is \[1, 2\]. Expected a JSON object"),
        ({"history": {"val_accuracy": "high"}}, "history.val_accuracy is no list"),
        ({"history": {"val_accuracy": [0.5, "high"]}}, "history.val_accuracy is 'high' at epoch 2"),
        ({"history": {"val_accuracy": [[0.5]]}}, "history.val_accuracy is .* at epoch 1"),
        ({"history": {"val_accuracy": [0.5], "seconds": [math.nan]}}, "history.seconds is nan at epoch 1"),
        ({"history": {"val_accuracy": [0.5], "seconds": {"a": 1}}}, "history.seconds is no list"),
        ({"complete": "yes"}, "complete is 'yes'. Expected true or false"),
        ({"versions": "3.12"}, "versions is '3.12'"),
        ({"constraints": {"params": "few"}}, "constraints is"),
        ({"visits": [{"to": 1}]}, "visits is"),
        ({"space": {"x": math.nan}}, "record.json"),
        ({"space": {"x": "a"}}, "record.json"),
        ({"space": {"x": 10**400}}, "record.json"),
        ({"space": {"x": [[[]]]}}, "record.json"),
        ({"space": None}, "no key space"),
    ],
)  # fmt: skip
def test_a_record_with_another_type_is_refused_by_its_field(tmp_path, change, message):
    space = {"x": hp.uniform("x", 0, 1)}
    record = {"space": {"x": 0.5}, "status": "ok", "loss": -0.5, "history": {"val_accuracy": [0.5], "seconds": [1.0]}}
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    assert len(read(path, space)) == 1
    path.write_text(json.dumps({**record, **change}))
    with pytest.raises(UserError, match=message) as caught:
        read(path, space)
    assert str(path) in str(caught.value)


def test_unreadable_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    os.mkfifo(tmp_path / "pipe.pkl")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe{}")
    for name in ("pipe.json", "pipe.pkl", "deep.json", "binary.json", "missing.json", "missing.pkl"):
        with pytest.raises(UserError, match=name):
            read(tmp_path / name)


def test_a_trial_in_several_files_is_imported_once(tmp_path):
    search(tmp_path / "results", trials=5)
    records = [read(path) for path in sorted((tmp_path / "results").glob("model_*.json"))]
    pickled = read(tmp_path / "results.pkl")
    judge = Judge((ACCURACY,))
    assert len(without_doubles([*records, pickled], [], judge)) == 5
    other = search(tmp_path / "other", trials=1, seed=1)
    with open_study_of(tmp_path / "other") as opened:
        for event in without_doubles([*records[:2], pickled], opened.state.trials, judge):
            opened.import_trial(event)
        assert len(opened.state.trials) == len(other.records) + 5
        assert without_doubles([pickled, *records], opened.state.trials, judge) == []
    own = Study.load(tmp_path / "results")
    assert without_doubles([pickled, *records], own.state.trials, own.state.judge) == []


def test_trials_of_files_of_the_same_name_are_told_apart(tmp_path):
    judge = Judge((ACCURACY,))
    for name, seed in (("one", 1), ("other", 2)):
        search(tmp_path / name / "results", trials=3, seed=seed)
    one, other = (read(tmp_path / name / "results.pkl") for name in ("one", "other"))
    other = [{**event, "source": twin["source"]} for event, twin in zip(other, one, strict=True)]
    search(tmp_path / "results", trials=1, seed=3)
    with open_study_of(tmp_path / "results") as opened:
        for event in without_doubles([one], opened.state.trials, judge):
            opened.import_trial(event)
        assert len(without_doubles([other], opened.state.trials, judge)) == 3
        assert without_doubles([one], opened.state.trials, judge) == []


def test_equal_trials_of_one_pickle_are_different_trials(tmp_path):
    trials = Trials()
    fmin(lambda point: 0.5, {"x": hp.choice("x", [1, 2])}, algo=rand.suggest, max_evals=6, trials=trials,
         rstate=np.random.default_rng(0), show_progressbar=False)  # fmt: skip
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(trials, 2))
    events = read(tmp_path / "old.pkl", {"x": hp.choice("x", [1, 2])})
    assert len(without_doubles([events, events], [], Judge((ACCURACY,)))) == 6


def test_a_pickle_with_whole_records_keeps_their_history(tmp_path):
    """The ancestor's objective function returns its record; its space lacks a key that was added later."""
    result = {"status": "ok", "loss": -0.75, "space": {"x": 0.5}, "history": {"val_fine_outputs_acc": [0.5, 0.75]}}
    trials = trials_from_docs([
        {"tid": 0, "state": 2, "result": result, "exp_key": None, "spec": None, "owner": None, "version": 0,
         "book_time": None, "refresh_time": None, "misc": {"tid": 0, "cmd": None, "idxs": {}, "vals": {"x": [0.5]}}},
    ], validate=False)  # fmt: skip
    (tmp_path / "results.pkl").write_bytes(pickle.dumps(trials, 3))
    space = {"x": hp.uniform("x", 0, 1), "new": hp.choice("new", [False, True])}
    (event,) = read(tmp_path / "results.pkl", space, defaults={"new": False})
    assert event["vals"] == {"x": 0.5, "new": 0}
    assert event["metrics"] == [{"val_accuracy": 0.5}, {"val_accuracy": 0.75}]
    assert event["status"] == "ok"


@pytest.mark.parametrize("objective", ["val_loss", "convergence"])
def test_values_outside_of_an_objective_are_refused(tmp_path, objective):
    history = {"val_loss": [-3.0 if objective == "convergence" else math.nan, 0.5], "seconds": [1.0, 1.0]}
    path = tmp_path / "record.json"
    path.write_text(json.dumps({"space": {"x": 0.5}, "status": "ok", "history": history}))
    if objective == "convergence":
        with pytest.raises(UserError, match=r"record\.json has values of which the objective convergence"):
            read(path, {"x": hp.uniform("x", 0, 1)}, find_objective(objective))
    else:  # epochs from the first NaN on are ignored, as of a training that diverged
        (event,) = read(path, {"x": hp.uniform("x", 0, 1)}, find_objective(objective))
        assert (event["status"], event["metrics"]) == ("fail", [])
