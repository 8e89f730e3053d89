"""Checkpoint directories of a user's own function under a strategy that forks trials."""

from pathlib import Path

import pytest

from metaopt.engine.jobs import ForkOf, FromScratch, Job, Resume
from metaopt.training.forked_directory import prepare_directory


def prepare(folder: Path, trial: int, init, kept=()) -> Path:
    directory = folder / f"{trial:06d}"
    directory.mkdir(exist_ok=True)
    prepare_directory(Job(trial, {}, init, 8, kept_epochs=kept), directory)
    return directory


@pytest.fixture
def source(tmp_path) -> Path:
    """A trial that was trained for 4 epochs."""
    directory = prepare(tmp_path, 0, FromScratch())
    (directory / "nested").mkdir()
    (directory / "nested" / "weights").write_text("after 4")
    return directory


def weights(directory: Path) -> str:
    return (directory / "nested" / "weights").read_text()


def test_a_fork_begins_with_the_files_of_its_source(tmp_path, source):
    fork = prepare(tmp_path, 1, ForkOf(0, str(source), 4))
    assert weights(fork) == "after 4"
    (fork / "nested" / "weights").write_text("after 8")
    prepare(tmp_path, 1, ForkOf(0, str(source), 4))
    assert weights(fork) == "after 8", "files of its own stay"
    assert weights(source) == "after 4"


def test_a_source_that_trains_on_keeps_its_files_for_forks(tmp_path, source):
    prepare(tmp_path, 0, Resume(4), kept=(4,))
    (source / "nested" / "weights").write_text("after 6")
    prepare(tmp_path, 0, Resume(4), kept=(4,))  # after a crash
    fork = prepare(tmp_path, 1, ForkOf(0, str(source), 4))
    assert weights(fork) == "after 4"
    assert [path.name for path in fork.iterdir()] == ["nested"]


def test_files_are_removed_once_no_fork_needs_them(tmp_path, source):
    prepare(tmp_path, 0, Resume(4), kept=(4,))
    (source / "nested" / "weights").write_text("after 8")
    prepare(tmp_path, 0, Resume(8), kept=(4, 8))
    assert sorted(path.name for path in (source / ".forks").iterdir()) == ["000004", "000008"]
    prepare(tmp_path, 0, Resume(12), kept=(12,))
    assert [path.name for path in (source / ".forks").iterdir()] == ["000012"]


def test_a_fork_whose_source_is_gone_fails(tmp_path):
    with pytest.raises(RuntimeError, match="state of trial 7 after epoch 4 is gone"):
        prepare(tmp_path, 8, ForkOf(7, str(tmp_path / "000007"), 4))
