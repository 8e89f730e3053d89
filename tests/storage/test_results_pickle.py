"""results.pkl: its documents, and reading it executes nothing."""

import os
import pickle

import pytest

from metaopt.storage.results_pickle import UnreadablePickle, read_documents
from metaopt.storage.study import Study
from tests.engine.synthetic import SyntheticExecutor, search


@pytest.fixture
def folder(tmp_path):
    search(tmp_path / "results", trials=6, executor=SyntheticExecutor(fails=lambda job: job.trial == 2))
    return tmp_path / "results"


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


def test_documents_have_the_trials_and_losses_of_the_records(folder):
    with open(folder.with_suffix(".pkl"), "rb") as file:
        trials = pickle.load(file)
    assert trials.tids == list(range(6))
    assert trials.statuses() == ["ok", "ok", "fail", "ok", "ok", "ok"]
    assert trials.losses() == [record["loss"] for record in Study.load(folder).records]
    assert all("history" not in doc["result"] for doc in trials.trials)


def test_a_malicious_pickle_is_refused_unexecuted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results.pkl"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UnreadablePickle, match=r"(posix|nt)\.system"):
        read_documents(path)
    assert not (tmp_path / "evil").exists()
