"""Study writer: replaced studies, constraints of a run, and journals that change while a search runs."""

import os
import shutil

import pytest

from metaopt.engine.callbacks import Callback
from metaopt.spaces import compile_space
from metaopt.storage.journal import JournalLost, read
from metaopt.storage.study import read_begun
from metaopt.storage.writer import StudyWriter
from tests.engine.synthetic import SPACE, SyntheticExecutor, findings, search


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
