"""A study that is followed: it equals one that is read anew, at every point of its journal."""

import os
from pathlib import Path

import pytest

from metaopt.errors import UserError
from metaopt.storage.followed_study import FollowedStudy
from metaopt.storage.study import JOURNAL, Study
from tests.engine.synthetic import search

ASSETS = Path(__file__).parents[1] / "assets" / "studies"


def stored(study: Study) -> list[dict]:
    return [record.to_json() for record in study.records]


@pytest.mark.parametrize("name", ["asha_paused", "evolution_measured", "imported", "folds"])
def test_at_each_line_it_equals_a_study_that_is_read_anew(tmp_path: Path, name: str) -> None:
    lines = (ASSETS / name / JOURNAL).read_bytes().splitlines(keepends=True)
    journal = tmp_path / JOURNAL
    journal.write_bytes(b"".join(lines[:2]))
    followed = FollowedStudy(tmp_path)
    for number, line in enumerate(lines[2:], start=3):
        with journal.open("ab") as file:
            file.write(line[: len(line) // 2])
            file.flush()
            assert followed.refresh() is None  # half of a line
            file.write(line[len(line) // 2 :])
        assert followed.refresh() is not None
        if number % 7 == 0 or number == len(lines):
            assert [record.to_json() for record in followed.records] == stored(Study.load(tmp_path))


def test_a_line_without_its_end_is_read_on(tmp_path: Path) -> None:
    whole = (ASSETS / "tpe" / JOURNAL).read_bytes()
    lines = whole.splitlines(keepends=True)
    journal = tmp_path / JOURNAL
    journal.write_bytes(b"".join(lines[:5]).removesuffix(b"\n"))
    followed = FollowedStudy(tmp_path)
    journal.write_bytes(whole)
    assert followed.refresh()
    assert [record.to_json() for record in followed.records] == stored(Study.load(tmp_path))


def test_changed_trials_are_named(tmp_path: Path) -> None:
    search(tmp_path / "results", trials=2)
    followed = FollowedStudy(tmp_path / "results")
    assert followed.refresh() is None
    search(tmp_path / "results", more=2)
    assert followed.refresh() == {2, 3}
    assert followed.generation == 0


def test_another_study_in_the_folder_is_another_generation(tmp_path: Path) -> None:
    search(tmp_path / "results", trials=3)
    search(tmp_path / "other", trials=1)
    followed = FollowedStudy(tmp_path / "results")
    os.replace(tmp_path / "other" / JOURNAL, tmp_path / "results" / JOURNAL)
    assert followed.refresh() == {0}
    assert followed.generation == 1
    assert len(followed.records) == 1


def test_a_study_that_replaces_another_in_its_file_is_another_generation(tmp_path: Path) -> None:
    lines = (ASSETS / "tpe" / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join(lines[:2]))
    followed = FollowedStudy(tmp_path)
    assert followed.refresh() is None
    whole = (ASSETS / "folds" / JOURNAL).read_bytes()
    with (tmp_path / JOURNAL).open("r+b") as file:  # the same file, which has outgrown what was read
        file.truncate(0)
        file.write(whole)
    assert followed.refresh() is not None
    assert followed.generation == 1
    assert [record.to_json() for record in followed.records] == stored(Study.load(tmp_path))


def test_constraints_of_a_new_run_judge_every_trial_again(tmp_path: Path) -> None:
    search(tmp_path / "results", trials=3)
    followed = FollowedStudy(tmp_path / "results")
    search(tmp_path / "results", more=1, constraints=("val_accuracy>=2",))
    assert followed.refresh() == {0, 1, 2, 3}
    assert not any(record.is_feasible for record in followed.records)


def test_a_link_out_of_the_study_is_not_read(tmp_path: Path) -> None:
    search(tmp_path / "results", trials=1)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / JOURNAL).symlink_to(tmp_path / "results" / JOURNAL)
    with pytest.raises(UserError, match="is a link: only files within a study are read"):
        FollowedStudy(tmp_path / "linked")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / JOURNAL)
    for read in (Study.load, FollowedStudy):
        with pytest.raises(UserError, match=r"cannot be read \(it is a named pipe, not a regular file\)"):
            read(tmp_path)


def test_a_study_that_is_gone_is_an_error(tmp_path: Path) -> None:
    search(tmp_path / "results", trials=1)
    followed = FollowedStudy(tmp_path / "results")
    (tmp_path / "results" / JOURNAL).unlink()
    with pytest.raises(UserError, match="No such file"):
        followed.refresh()
