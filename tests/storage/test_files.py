"""File operations: atomic writes, and the order of their steps."""

import re
from pathlib import Path
from typing import Any

import pytest

from metaopt.errors import ResultsNotWritable
from metaopt.storage.files import Files, Unsynced


class RecordingFiles(Files):
    """Real file operations that record their steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def _sync(self, file: Any) -> None:
        self.steps.append(f"sync {_without_digits(Path(file.name))}")
        super()._sync(file)

    def _rename(self, source: Path, target: Path) -> None:
        self.steps.append(f"rename {_without_digits(source)} {target.name}")
        super()._rename(source, target)

    def _sync_folder(self, folder: Path) -> None:
        self.steps.append(f"sync {folder.name}/")
        super()._sync_folder(folder)


def _without_digits(path: Path) -> str:
    """Return the name of a file without the random part of a temporary one."""
    return re.sub(r"\.[0-9a-f]{8}\.tmp", ".tmp", path.name)


def test_replace_syncs_before_it_renames(tmp_path: Path) -> None:
    files, path = RecordingFiles(), tmp_path / "a.json"
    path.write_bytes(b"old")
    files.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert files.steps == ["sync .a.json.tmp", "rename .a.json.tmp a.json", f"sync {tmp_path.name}/"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_path_may_depend_on_the_written_content(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        file.write(b"abc")

    path = Files().write_aside(tmp_path / "a", write, lambda file: tmp_path / file.read().decode())
    assert path == tmp_path / "abc"
    assert path.read_bytes() == b"abc"


def test_a_failed_write_does_not_touch_the_final_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Files().write_aside(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def append(files: Files, path: Path, data: bytes) -> None:
    """Append to a file as a journal is appended to."""
    file, is_new = files.open_journal(path)
    with file:
        files.append(file, data, is_new=is_new)


def test_append_syncs_the_folder_of_a_new_file_only(tmp_path: Path) -> None:
    files = RecordingFiles()
    append(files, tmp_path / "log", b"1\n")
    append(files, tmp_path / "log", b"2\n")
    assert (tmp_path / "log").read_bytes() == b"1\n2\n"
    assert files.steps == ["sync log", f"sync {tmp_path.name}/", "sync log"]


def test_make_folder_syncs_every_parent_of_a_new_folder(tmp_path: Path) -> None:
    files = RecordingFiles()
    files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert files.steps == ["sync a/", f"sync {tmp_path.name}/"]
    files.make_folder(tmp_path / "a" / "b")
    assert len(files.steps) == 2


def test_cut_and_remove_change_existing_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"12345")
    with Files().open_journal(path)[0] as file:
        Files().cut(file, 2)
    assert path.read_bytes() == b"12"
    Files().remove(path)
    Files().remove(path)
    assert not path.exists()


def test_a_file_that_cannot_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResultsNotWritable, match=r"file/a\.json"):
        Files().replace(tmp_path / "file" / "a.json", b"")


def test_unsynced_files_have_the_same_content(tmp_path: Path) -> None:
    Unsynced().replace(tmp_path / "a", b"1")
    append(Unsynced(), tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"12"
