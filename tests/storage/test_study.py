"""Study reader: a study as it is stored, whether or not a search is running on it."""

from pathlib import Path

import pytest

from metaopt.errors import NoneFeasible, NoTrialSucceeded, UserError
from metaopt.problems.source_digest import code_digest, network_code
from metaopt.storage.study import JOURNAL, Study, found_path, pickle_path, stored_path
from tests.engine.synthetic import SyntheticExecutor, findings, search
from tests.storage.events import ended, failed, header, imported, paused, proposed, run, state_of, trained


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(UserError, match="There is no study in"):
        Study.load(tmp_path)


def test_require_best_explains_why_there_is_none(tmp_path):
    failing = search(tmp_path / "a", trials=2, executor=SyntheticExecutor(fails=lambda job: True))
    with pytest.raises(NoTrialSucceeded, match=r"None of the 2 trials succeeded\. The last error: it was told"):
        failing.require_best()
    strict = search(tmp_path / "b", trials=3, constraints=("val_accuracy>=0.999",))
    with pytest.raises(
        NoneFeasible, match=r"No trial meets the constraints. The nearest is trial \d with val_accuracy 0\.\d+"
    ):
        strict.require_best()
    assert len(list((tmp_path / "b").glob("infeasible_*.json"))) == 3


def test_a_study_can_be_read_during_its_search(tmp_path):
    class Reading(SyntheticExecutor):
        def wait(self, handle, timeout=None):
            assert len(Study.load(tmp_path / "results").state.running) == 1
            super().wait(handle, timeout)

    search(tmp_path / "results", executor=Reading())


def study_of(folder, *events):
    return Study(folder, state_of(*events))


def test_a_study_is_loaded_as_it_was_searched(tmp_path):
    study = search(tmp_path / "results", trials=3, constraints=("val_loss<=0.5",))
    loaded = Study.load(str(tmp_path / "results"))
    assert findings(loaded) == findings(study)
    assert loaded.header == study.header
    assert loaded.settings["trials"] == 3
    assert (loaded.objective.name, list(map(str, loaded.constraints))) == ("val_accuracy", ["val_loss<=0.5"])
    assert loaded.best.to_json() == study.best.to_json()
    assert loaded.trials.losses() == [record.loss for record in loaded.records]


def test_loading_changes_nothing(tmp_path):
    search(tmp_path / "results", trials=2)
    journal = tmp_path / "results" / JOURNAL
    torn = journal.read_bytes()[:-9]
    journal.write_bytes(torn)
    assert len(Study.load(tmp_path / "results").records) == 2
    assert journal.read_bytes() == torn


def test_records_are_of_trials_that_ended_or_reached_a_rung(tmp_path):
    study = study_of(tmp_path, proposed(0, 9), [*trained(1, 1), paused(1)], proposed(2, 9), failed(2))
    assert [(record.trial, record.status, record.paused) for record in study.records] == [
        (1, "ok", True),
        (2, "fail", False),
    ]


def test_constraints_are_those_of_the_latest_run(tmp_path):
    study = study_of(tmp_path, run(constraints=["params<=9"]), run(constraints=["params<=5"], grow="macs=10,20"))
    assert list(map(str, study.constraints)) == ["params<=5", "macs<=20"]


def test_without_an_ended_trial_there_is_no_best(tmp_path):
    study = study_of(tmp_path, proposed(0, 9), imported({"x": 0.5}, 0.9))
    assert study.best is None
    with pytest.raises(NoTrialSucceeded, match=r"No trial of the study in .* has ended yet"):
        study.require_best()
    assert study_of(tmp_path, trained(0, 1), ended(0)).require_best().trial == 0


@pytest.mark.parametrize(
    ("folds", "images", "expected"),
    [
        ("1", {"train": 80, "validation": 20, "test": 10}, 20),
        ("5", {"train": 80, "validation": 20, "test": 10}, 100),
        ("5", {"validation": 20}, 20),
        ("1", {}, None),
    ],
)
def test_validation_images_are_those_that_compare_trials(tmp_path, folds, images, expected):
    study = Study(tmp_path, state_of(header(fingerprint={"folds": folds}, data={"images": images})))
    assert study.validation_images == expected


def test_a_network_is_known_by_its_code(tmp_path):
    source = "WIDTH = 3\ndef network(): return WIDTH\n"
    old = header(fingerprint={"network": "an older digest"}, problem={"source": source})
    study = Study(tmp_path, state_of(old))
    assert study.holds_network("an older digest")
    assert study.holds_network(code_digest(network_code(source)))
    assert not study.holds_network(code_digest(network_code(source.replace("3", "4"))))
    without = Study(tmp_path, state_of(header(fingerprint={"network": "a digest"})))
    assert not without.holds_network("another digest")


@pytest.mark.parametrize(("folder", "expected"), [("results", "results.pkl"), ("a/b.c", "a/b.c.pkl")])
def test_the_pickle_lies_beside_the_folder(tmp_path, folder, expected):
    assert pickle_path(tmp_path / folder) == tmp_path / expected


def test_the_pickle_of_the_working_directory_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert pickle_path(Path(".")) == tmp_path.with_name(tmp_path.name + ".pkl")


def test_paths_are_stored_relative_to_the_study(tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "mine"
    stored = stored_path(str(tmp_path / "data" / "pets"), folder)
    assert stored == "../../data/pets"
    assert found_path(stored, folder) == (tmp_path / "data" / "pets").resolve()
    assert found_path("/data/pets", folder) == Path("/data/pets")
    assert stored_path("/elsewhere/pets", folder) == "/elsewhere/pets"  # only the root is common
