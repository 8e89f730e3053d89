"""Trials that plain hyperopt added to results.pkl, and pickles that cannot be used."""

import math
import os
import pickle

import numpy as np
import pytest
from hyperopt import Trials, fmin, rand, tpe

from metaopt.storage.results_pickle import read_documents
from metaopt.storage.study import Study
from tests.engine.synthetic import SPACE, SyntheticExecutor, accuracy, findings, search


@pytest.fixture
def folder(tmp_path):
    search(tmp_path / "results", trials=6, executor=SyntheticExecutor(fails=lambda job: job.trial == 2))
    return tmp_path / "results"


class Recorder:
    """A watcher's notes."""

    def __init__(self):
        self.notes = []

    def __getattr__(self, name):
        return self.notes.append if name == "note" else lambda *_: None


def test_trials_added_by_plain_hyperopt_are_imported(folder):
    path = folder.with_suffix(".pkl")
    trials = pickle.loads(path.read_bytes())
    fmin(
        lambda point: -accuracy(point, 3), SPACE, algo=tpe.suggest, max_evals=10, trials=trials,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    path.write_bytes(pickle.dumps(trials))
    watch = Recorder()
    study = search(folder, more=2, callback=watch)
    records = study.records
    assert [record["imported"] for record in records] == [False] * 6 + [True] * 4 + [False] * 2
    assert any("4 trials that plain hyperopt added" in note for note in watch.notes)
    assert len(read_documents(path)) == 12
    assert len(search(folder, more=1).records) == 13  # taken in once


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


def test_a_nan_loss_of_plain_hyperopt_is_a_failed_trial(folder):
    trials = pickle.loads(folder.with_suffix(".pkl").read_bytes())
    fmin(lambda point: math.nan, SPACE, algo=rand.suggest, max_evals=len(trials.trials) + 2, trials=trials,
         show_progressbar=False, rstate=np.random.default_rng(0))  # fmt: skip
    with folder.with_suffix(".pkl").open("wb") as file:
        pickle.dump(trials, file)
    study = search(folder, more=1)
    assert [record["status"] for record in study.records if record["imported"]] == ["fail", "fail"]
    assert len(search(folder, more=1).records) == len(study.records) + 1


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", pickle.dumps(Trials())[:-20], pickle.dumps([1]), pickle.dumps(Evil())]
)
def test_a_bad_pickle_is_renamed_and_written_anew(folder, content):
    path = folder.with_suffix(".pkl")
    before = findings(Study.load(folder))
    path.write_bytes(content)
    watch = Recorder()
    study = search(folder, more=1, callback=watch)
    assert findings(study)[:6] == before
    assert len(read_documents(path)) == 7
    assert path.with_name("results.pkl.old").read_bytes() == content
    assert any("is written from the journal" in note for note in watch.notes)


def test_the_pickle_of_another_study_is_renamed(folder, tmp_path):
    search(tmp_path / "other", trials=2)
    other = (tmp_path / "other.pkl").read_bytes()
    folder.with_suffix(".pkl").write_bytes(other)
    watch = Recorder()
    assert len(search(folder, more=1, callback=watch).records) == 7
    assert any("another study" in note for note in watch.notes)


def _changed(change):
    trials = Trials()
    fmin(lambda point: 0.5, SPACE, algo=rand.suggest, max_evals=2, trials=trials, show_progressbar=False,
         rstate=np.random.default_rng(0))  # fmt: skip
    change(trials)
    return pickle.dumps(trials)


MALFORMED = {
    "no trials": lambda trials: (delattr(trials, "_trials"), delattr(trials, "_dynamic_trials")),
    "trials are a number": lambda trials: setattr(trials, "_trials", 3),
    "a trial is a number": lambda trials: trials._trials.append(3),
    "no misc": lambda trials: trials._trials[0].pop("misc"),
    "no result": lambda trials: trials._trials[0].pop("result"),
    "tid is NaN": lambda trials: trials._trials[0].update(tid=math.nan),
    "tid is text": lambda trials: trials._trials[0].update(tid="0"),
    "vals is a list": lambda trials: trials._trials[0]["misc"].update(vals=[1]),
    "a value is NaN": lambda trials: trials._trials[0]["misc"]["vals"].update(x=[math.nan]),
    "a value is text": lambda trials: trials._trials[0]["misc"]["vals"].update(x=["a"]),
    "two values": lambda trials: trials._trials[0]["misc"]["vals"].update(x=[0.1, 0.2]),
    "a label is a number": lambda trials: trials._trials[0]["misc"]["vals"].update({3: [1]}),
    "the study is a number": lambda trials: trials._trials[0]["misc"].update(metaopt={"study": 3}),
    "the mark is text": lambda trials: trials._trials[0]["misc"].update(metaopt="x"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_trials_are_kept_aside_and_said(folder, name):
    path = folder.with_suffix(".pkl")
    content = _changed(MALFORMED[name])
    path.write_bytes(content)
    watch = Recorder()
    assert len(search(folder, trials=7, callback=watch).records) == 7
    assert path.with_name("results.pkl.old").read_bytes() == content
    (note,) = [note for note in watch.notes if "was renamed to results.pkl.old" in note]
    assert "\n" not in note
    search(folder, trials=8, callback=(again := Recorder()))
    assert not any("renamed" in note for note in again.notes)


def test_an_earlier_pickle_that_was_kept_aside_stays(folder):
    path = folder.with_suffix(".pkl")
    for content in (b"first", b"second", b"third"):
        path.write_bytes(content)
        search(folder, trials=1)
    kept = [path.with_name(f"results.pkl.old{number}").read_bytes() for number in ("", 1, 2)]
    assert kept == [b"first", b"second", b"third"]


@pytest.mark.parametrize("protocol", range(6))
def test_any_protocol_of_plain_hyperopt_is_taken_in(folder, protocol):
    path = folder.with_suffix(".pkl")
    trials = pickle.loads(path.read_bytes())
    fmin(lambda point: -accuracy(point, 3), SPACE, algo=rand.suggest, max_evals=8, trials=trials,
         rstate=np.random.default_rng(0), show_progressbar=False)  # fmt: skip
    path.write_bytes(pickle.dumps(trials, protocol))
    records = search(folder, trials=1).records
    assert sum(record.imported for record in records) == 2
