"""Opening a study: the lock, the fingerprint, and what cannot be written."""

import os

import pytest
from hyperopt import hp

from metaopt.errors import ResultsNotWritable, StudyMismatch, UserError
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import network_code
from metaopt.spaces import compile_space
from metaopt.storage.journal import read
from metaopt.storage.study import read_begun
from metaopt.storage.writer import StudyWriter
from tests.engine.synthetic import SPACE, search


def test_a_second_search_on_a_study_is_refused(tmp_path):
    header = {"fingerprint": {}, "objective": "loss", "labels": []}
    space = compile_space(SPACE)
    with (
        StudyWriter(tmp_path / "results", space, header, note=print),
        pytest.raises(UserError, match=r"Another search is running on .*results"),
    ):
        StudyWriter(tmp_path / "results", space, header, note=print)
    with StudyWriter(tmp_path / "results", space, header, note=print):
        pass


def test_another_space_network_or_objective_is_refused_by_name(tmp_path):
    folder = tmp_path / "results"
    search(folder)
    before = (folder / "journal.jsonl").read_bytes()
    with pytest.raises(StudyMismatch, match="another search space:"):
        search(folder, space={**SPACE, "z": hp.uniform("z", 0, 1)})
    with pytest.raises(StudyMismatch, match="another network:"):
        search(folder, problem=Problem(SPACE, code="def network(): …"))
    with pytest.raises(StudyMismatch, match="another objective:"):
        search(folder, objective="val_loss")
    assert (folder / "journal.jsonl").read_bytes() == before
    assert StudyMismatch.exit_code == 3


def test_a_study_with_an_older_digest_of_its_code_opens(tmp_path):
    folder, source = tmp_path / "results", "WIDTH = 3\ndef network(): return WIDTH\n"
    search(folder, problem=Problem(SPACE, code="def network(): return WIDTH", source=source))
    search(folder, problem=Problem(SPACE, code=network_code(source), source=source))
    with pytest.raises(StudyMismatch, match="another network:"):
        search(folder, problem=Problem(SPACE, code=network_code(source.replace("3", "4")), source=source))


@pytest.mark.skipif(os.name == "nt", reason="folders have no such permissions there")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsNotWritable, match="cannot be written"):
        search(tmp_path / "file" / "results")


def test_other_constraints_apply_to_earlier_trials(tmp_path):
    folder = tmp_path / "results"
    study = search(folder, trials=6)
    median = sorted(-record["loss"] for record in study.records)[3]
    again = search(folder, more=1, constraints=(f"val_accuracy>={median}",))
    kept = [record for record in again.records if record["feasible"]]
    assert 3 <= len(kept) <= 4
    assert len(list(folder.glob("infeasible_*.json"))) == 7 - len(kept)


def test_a_study_without_trials_is_replaced_by_another(tmp_path):
    folder, space = tmp_path / "results", compile_space(SPACE)

    def open_it(notes, seed=0, **fingerprint):
        header = {"fingerprint": fingerprint, "objective": "loss", "labels": [], "seed": seed}
        with StudyWriter(folder, space, header, note=notes.append) as study:
            return study.header["id"]

    notes: list[str] = []
    first = open_it(notes, data="cats")
    assert open_it(notes, data="cats") == first
    assert not notes
    second = open_it(notes, data="dogs")
    assert "none of whose trials was trained, and is replaced" in notes[0]
    third = open_it(notes, seed=1, data="dogs")
    assert len({first, second, third}) == 3
    assert [event["event"] for event in read(folder / "journal.jsonl").events] == ["study"]


def test_settings_of_a_study_without_trials_bind_nobody(tmp_path):
    folder = tmp_path / "results"
    header = {"fingerprint": {}, "objective": "loss", "labels": [], "seed": 3}
    with StudyWriter(folder, compile_space(SPACE), header, note=print) as study:
        study.begin({"trials": 5, "seed": 3})
    assert read_begun(folder).settings == {}
    assert read_begun(tmp_path / "nowhere").settings == {}
    search(tmp_path / "other")
    assert read_begun(tmp_path / "other").settings["trials"] > 0
