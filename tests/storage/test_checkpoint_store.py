"""Stores of checkpoints: a folder, and a URL of a file system of pyarrow."""

import importlib.util
import pickle
from pathlib import Path

import pytest

from metaopt.errors import ResultsNotWritable, UserError
from metaopt.storage.checkpoint_store import FolderStore, UrlStore, check_url, checkpoint_directory

has_pyarrow = importlib.util.find_spec("pyarrow") is not None
needs_pyarrow = pytest.mark.skipif(not has_pyarrow, reason="pyarrow is not installed: pip install pyarrow")


@pytest.fixture
def store(tmp_path: Path) -> UrlStore:
    return UrlStore(f"file://{tmp_path}/store", "study")


@needs_pyarrow
def test_files_are_read_as_they_were_written(store: UrlStore, tmp_path: Path) -> None:
    assert store.read("000003") == {}
    assert store.sizes() == {}
    store.write("000003", {"state-1": b"abc", "sub/best": b""})
    assert store.read("000003") == {"state-1": b"abc", "sub/best": b""}
    assert store.sizes() == {"000003": {"state-1": 3, "sub/best": 0}}
    store.write("000003", {"state-2": b"d"}, removed=["state-1", "gone"])
    assert pickle.loads(pickle.dumps(store)).read("000003") == {"state-2": b"d", "sub/best": b""}
    found = sorted(path.relative_to(tmp_path / "store").as_posix() for path in (tmp_path / "store").rglob("*.*"))
    assert found == []  # nothing temporary is left


@needs_pyarrow
def test_a_removed_directory_is_gone(store: UrlStore) -> None:
    store.write("000001", {"state": b"1"})
    store.write("000002", {"state": b"2"})
    store.remove("000001")
    store.remove("000009")
    assert store.sizes() == {"000002": {"state": 1}}


@needs_pyarrow
def test_studies_at_one_url_do_not_mix(store: UrlStore, tmp_path: Path) -> None:
    store.write("000001", {"state": b"1"})
    assert store.of_study("other").sizes() == {}
    assert (tmp_path / "store" / "study" / "000001" / "state").read_bytes() == b"1"


@needs_pyarrow
def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(ResultsNotWritable, match=r"checkpoints in file:///.*/store/study/.* cannot be read or written"):
        UrlStore(f"file://{tmp_path}/store", "study").check()


@needs_pyarrow
def test_the_check_leaves_nothing_behind(store: UrlStore, tmp_path: Path) -> None:
    store.check()
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


@needs_pyarrow
@pytest.mark.parametrize("url", ["results", "/tmp/store", "nonsense://bucket/folder", ""])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="Invalid value for checkpoint_url"):
        check_url(url)


def test_keys_in_a_url_are_refused_and_not_shown() -> None:
    with pytest.raises(UserError, match=r"s3://…@bucket/folder\. .* Keys belong into the environment") as raised:
        check_url("s3://user:secret@bucket/folder")
    assert "secret" not in str(raised.value)


@pytest.mark.skipif(has_pyarrow, reason="pyarrow is installed")
def test_a_missing_pyarrow_is_told_with_the_command() -> None:
    with pytest.raises(UserError, match='pip install "pyarrow>=14"'):
        UrlStore("s3://bucket/folder")


def test_a_folder_store_lists_directories_of_trials(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "checkpoints")
    assert store.sizes() == {}
    for name in ("000001", "other"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / "state").write_bytes(b"123")
        (tmp_path / "checkpoints" / name / ".part").write_bytes(b"1")
    (tmp_path / "checkpoints" / "000002").symlink_to(tmp_path)
    assert store.sizes() == {"000001": {"state": 3}}
    store.remove("000001")
    assert store.sizes() == {}


@needs_pyarrow
def test_a_checkpoint_behind_a_url_is_given_as_a_directory(store: UrlStore, tmp_path: Path) -> None:
    store.write("000003", {"state": b"abc"})
    with checkpoint_directory(tmp_path, 3, f"file://{tmp_path}/store", "study") as directory:
        assert (directory / "state").read_bytes() == b"abc"
    assert not directory.exists()


def test_a_checkpoint_of_the_folder_is_given_in_place(tmp_path: Path) -> None:
    with checkpoint_directory(tmp_path, 3, None, "study") as directory:
        assert directory == tmp_path / "checkpoints" / "000003"
