"""Opening a study: the lock, the fingerprint, what cannot be written, and journals that do not fit their folder."""

import os
import shutil

import pytest
from hyperopt import hp

from metaopt.engine.callbacks import Callback
from metaopt.errors import ResultsNotWritable, StudyMismatch, UserError
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import network_code
from metaopt.spaces import compile_space
from metaopt.storage.deletion import delete, plan_deletion
from metaopt.storage.journal import JournalLost, read
from metaopt.storage.study import Study, read_begun
from metaopt.storage.writer import StudyWriter
from tests.engine.synthetic import SPACE, SyntheticExecutor, findings, search


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


HEADER = {"fingerprint": {}, "objective": "loss", "labels": []}


def contents(folder) -> dict[str, bytes]:
    """Name → content of all files of a study but its lock, and of its pickle."""
    paths = [*folder.rglob("*"), folder.with_name(folder.name + ".pkl")]
    return {str(path): path.read_bytes() for path in paths if path.is_file() and path.name != ".lock"}


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be removed there")
def test_a_removed_lock_file_admits_no_second_search(tmp_path):
    space = compile_space(SPACE)
    with StudyWriter(tmp_path / "results", space, HEADER, note=print):
        (tmp_path / "results" / ".lock").unlink()
        with pytest.raises(UserError, match=r"Another search is running on .*results"):
            StudyWriter(tmp_path / "results", space, HEADER, note=print)
        (tmp_path / "results" / ".lock").unlink()
        with pytest.raises(UserError, match="A search is running"):
            delete(plan_deletion(tmp_path / "results"))


class Meddling(SyntheticExecutor):
    """Does something to the journal after some epochs."""

    def __init__(self, folder, change, after):
        super().__init__()
        self.folder, self.change, self.after = folder, change, after

    def wait(self, handle, timeout=None):
        if len(self.trained) == self.after:
            self.change(self.folder)
            self.before = contents(self.folder)
            self.after = None
        super().wait(handle, timeout)


def remove(folder):
    (folder / "journal.jsonl").unlink()


def empty(folder):
    (folder / "journal.jsonl").write_bytes(b"")


def replace(folder):
    shutil.copy(folder / "journal.jsonl", folder / "copy")
    os.replace(folder / "copy", folder / "journal.jsonl")


def remove_all(folder):
    shutil.rmtree(folder)
    folder.with_name("results.pkl").unlink()


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be removed there")
@pytest.mark.parametrize("change", [remove, empty, replace, remove_all])
@pytest.mark.parametrize("after", [4, 6])
def test_a_journal_lost_during_a_search_ends_it(tmp_path, change, after):
    folder = tmp_path / "results"
    executor = Meddling(folder, change, after)
    with pytest.raises(JournalLost, match="the search ends"):
        search(folder, executor=executor, trials=5)
    assert contents(folder) == executor.before


@pytest.mark.parametrize("content", [None, b"", b'{"seq":0,"group":0,"event":"st'])
def test_records_beside_a_lost_journal_are_never_replaced(tmp_path, content):
    folder = tmp_path / "results"
    search(folder, trials=3)
    (folder / "journal.jsonl").unlink()
    if content is not None:
        (folder / "journal.jsonl").write_bytes(content)
    before = contents(folder)
    for use in (search, Study.load):
        with pytest.raises(UserError, match=r"holds records of trials, but its journal .*metaopt repair"):
            use(folder)
    assert contents(folder) == before


@pytest.mark.parametrize("lines", [1, 2, 3, 6, 8])
def test_a_journal_older_than_its_records_is_refused(tmp_path, lines):
    """As after it was cut at a line end, or an older copy was restored."""
    folder = tmp_path / "results"
    search(folder, trials=3)
    journal = folder / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:lines]))
    before = contents(folder)
    with pytest.raises(UserError, match=r"lines at its end are missing.*metaopt repair"):
        search(folder, trials=3)
    assert contents(folder) == before


def test_the_note_names_the_trial_and_epoch_that_were_cut(tmp_path):
    folder, notes = tmp_path / "results", []
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=3, executor=SyntheticExecutor(interrupted_after=5))
    journal = folder / "journal.jsonl"
    os.truncate(journal, journal.stat().st_size - 9)
    noting = Callback()
    noting.note = notes.append
    search(folder, trials=3, callback=noting)
    assert "(epoch 2 of trial 1)" in notes[0]


def test_a_search_continues_a_journal_with_other_line_ends(tmp_path):
    whole = search(tmp_path / "whole" / "results", trials=6)
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=6, executor=SyntheticExecutor(interrupted_after=8))
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"\n", b"\r\n"))
    assert findings(search(folder, trials=6)) == findings(whole)
    assert journal.read_bytes().count(b"\r\n") == journal.read_bytes().count(b"\n")
