"""Checkpoint files that travel: changes of a directory, and their application in another one."""

from pathlib import Path

import pytest

from metaopt.errors import ResultsNotWritable
from metaopt.executors.checkpoint_files import FileChanges, WatchedDirectory, read_directory, write_directory


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    (folder / "sub").mkdir(parents=True)
    (folder / "state-1").write_bytes(b"one")
    (folder / "sub" / "log").write_bytes(b"a")
    return folder


def test_only_changed_files_travel(here: Path) -> None:
    watched = WatchedDirectory(here)
    assert watched.take_changes() == FileChanges()
    (here / "state-2").write_bytes(b"two")
    (here / "sub" / "log").write_bytes(b"ab")
    (here / "state-1").unlink()
    assert watched.take_changes() == FileChanges({"state-2": b"two", "sub/log": b"ab"}, ("state-1",))
    assert watched.take_changes() == FileChanges()


def test_a_file_replaced_by_one_of_equal_size_travels(here: Path) -> None:
    watched = WatchedDirectory(here)
    (here / "new").write_bytes(b"eno")
    (here / "new").rename(here / "state-1")
    assert watched.take_changes() == FileChanges({"state-1": b"eno"})


def test_temporary_files_and_links_stay(here: Path, tmp_path: Path) -> None:
    watched = WatchedDirectory(here)
    (here / ".state-2.tmp").write_bytes(b"tw")
    (here / "link").symlink_to(tmp_path / "here" / "state-1")
    assert watched.take_changes() == FileChanges()


def test_a_directory_that_does_not_exist_yet_is_watched(tmp_path: Path) -> None:
    watched = WatchedDirectory(tmp_path / "later")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "state").write_bytes(b"s")
    assert watched.take_changes() == FileChanges({"state": b"s"})


def test_changes_make_an_equal_directory(here: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    write_directory(there, read_directory(here))
    watched = WatchedDirectory(here)
    (here / "state-2").write_bytes(b"two")
    (here / "state-1").unlink()
    watched.take_changes().apply(there)
    assert read_directory(there) == read_directory(here) == {"state-2": b"two", "sub/log": b"a"}


def test_a_directory_is_replaced_as_a_whole(here: Path) -> None:
    write_directory(here, {"state-9": b"nine"})
    assert read_directory(here) == {"state-9": b"nine"}
    write_directory(here, {})
    assert read_directory(here) == {}


def test_changes_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResultsNotWritable, match="cannot be written"):
        FileChanges({"state": b"s"}).apply(tmp_path / "file")
