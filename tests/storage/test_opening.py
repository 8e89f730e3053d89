"""Checks before a study is opened: its lock, and journals that do not fit their folder."""

import os
import pickle

import pytest
from hyperopt import Trials

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.spaces import compile_space
from metaopt.storage.deletion import delete, plan_deletion
from metaopt.storage.study import Study
from metaopt.storage.writer import StudyWriter
from tests.engine.synthetic import SPACE, search

HEADER = {"fingerprint": {}, "objective": "loss", "labels": []}


def contents(folder) -> dict[str, bytes]:
    """Name → content of all files of a study but its lock, and of its pickle."""
    paths = [*folder.rglob("*"), folder.with_name(folder.name + ".pkl")]
    return {str(path): path.read_bytes() for path in paths if path.is_file() and path.name != ".lock"}


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


@pytest.mark.skipif(os.name == "nt", reason="folders have no such permissions there")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsNotWritable, match="cannot be written"):
        search(tmp_path / "file" / "results")


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


@pytest.mark.parametrize("content", [b"no pickle", pickle.dumps(Trials())])
def test_a_pickle_without_its_journal_is_refused_unchanged(tmp_path, content):
    path = tmp_path / "results.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"results.pkl exists, but its journal"):
        search(tmp_path / "results")
    assert path.read_bytes() == content


def test_records_without_their_journal_are_refused_unchanged(tmp_path):
    folder = tmp_path / "results"
    search(folder, trials=2)
    folder.with_suffix(".pkl").unlink()
    (folder / "journal.jsonl").unlink()
    names = sorted(os.listdir(folder))
    with pytest.raises(UserError, match="but its journal"):
        search(folder)
    assert sorted(os.listdir(folder)) == names
