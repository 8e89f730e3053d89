"""Trials of Optuna storages."""

import math
from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.exchange.from_optuna import optuna_events
from metaopt.spaces import compile_space
from metaopt.trials.objective import find_objectives

optuna = pytest.importorskip("optuna", reason="needs Optuna: pip install -r requirements.txt")
SPACE = compile_space({"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["a", "b", None])})
LOSS, ACCURACY = find_objectives(["loss"]), find_objectives(["val_accuracy"])


def objective(trial) -> float:
    x, kind = trial.suggest_float("x", -3, 3), trial.suggest_categorical("kind", ["a", "b", None])
    if trial.number == 2:
        raise optuna.TrialPruned
    if trial.number == 3:
        raise ValueError
    return x**2 + (kind == "a")


def make_study(path: Path, journal: bool, name: str = "one", direction: str = "minimize"):
    if journal:
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(backend)
    else:
        storage = f"sqlite:///{path}"
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage=storage, study_name=name, sampler=sampler, direction=direction)
    study.optimize(objective, n_trials=6, catch=ValueError)
    return study


@pytest.mark.parametrize("journal", [pytest.param(False, marks=pytest.mark.slow), True], ids=["sqlite", "journal"])
def test_trials_of_both_storages_are_read_without_a_change(tmp_path: Path, journal: bool) -> None:
    path = tmp_path / "storage"
    study = make_study(path, journal)
    before = path.read_bytes()
    events = list(optuna_events(str(path), None, SPACE, LOSS, {}))
    assert path.read_bytes() == before
    kept = [trial for trial in study.trials if trial.number != 2]
    assert [event["point"] for event in events] == [trial.params for trial in kept]
    assert [event["status"] for event in events] == ["ok", "ok", "fail", "ok", "ok"]
    assert events[0]["result"] == {"loss": study.trials[0].value}


def test_a_value_that_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "storage"
    study = make_study(path, True)
    trial = study.trials[0]
    study.add_trial(optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=math.inf))
    last = list(optuna_events(str(path), None, SPACE, LOSS, {}))[-1]
    assert (last["status"], last["point"]) == ("fail", trial.params)


def test_one_of_several_studies_is_named(tmp_path: Path) -> None:
    path = tmp_path / "storage"
    make_study(path, True)
    make_study(path, True, "two")
    assert len(list(optuna_events(str(path), "two", SPACE, LOSS, {}))) == 5
    with pytest.raises(UserError, match=r"holds 2 studies: one, two\. Name the study that is meant"):
        list(optuna_events(str(path), None, SPACE, LOSS, {}))
    with pytest.raises(UserError, match=r"holds no study tow\. Did you mean two\?"):
        list(optuna_events(str(path), "tow", SPACE, LOSS, {}))


def test_the_direction_has_to_be_that_of_the_objective(tmp_path: Path) -> None:
    make_study(tmp_path / "storage", True)
    with pytest.raises(UserError, match=r"directions minimize, but the objectives are val_accuracy \(maximize\)"):
        list(optuna_events(str(tmp_path / "storage"), None, SPACE, ACCURACY, {}))


def test_a_parameter_outside_the_space_names_its_trial(tmp_path: Path) -> None:
    make_study(tmp_path / "storage", True)
    narrow = compile_space({"x": hp.uniform("x", 0, 0.01), "kind": hp.choice("kind", ["a", "b", None])})
    with pytest.raises(UserError, match=r"study one, trial 0: x is .* Expected a value of uniform"):
        list(optuna_events(str(tmp_path / "storage"), None, narrow, LOSS, {}))


@pytest.mark.parametrize("content", [b"SQLite format 3\0 and nothing else", b'{"op_code": 0, "worker', b""])
def test_a_damaged_storage_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "storage").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read as a storage of Optuna|holds 0 studies"):
        list(optuna_events(str(tmp_path / "storage"), None, SPACE, LOSS, {}))


def test_a_database_that_cannot_be_read_tells_the_cause(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'absent' / 'a.db'}"
    with pytest.raises(
        UserError, match=r"absent/a\.db cannot be read .* \(OperationalError: unable to open database file\)"
    ):
        list(optuna_events(url, None, SPACE, LOSS, {}))
