"""Deletion of a study: its own files, and nothing else."""

import itertools
import pickle
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hyperopt import Trials

from metaopt.errors import UserError
from metaopt.storage import deletion
from metaopt.storage.deletion import delete, holds_study, plan_deletion


def remove(folder: Path) -> None:
    delete(plan_deletion(folder))


def test_only_the_folder_and_its_pickle_are_deleted(studies: Path) -> None:
    for path in (
        "figures/pairs.png",
        "logs/worker.log",
        "checkpoints/000001/state.npz",
        "final_test_1.npz",
        "best.keras",
        "best_card/README.md",
    ):
        (studies / "tpe" / path).parent.mkdir(parents=True, exist_ok=True)
        (studies / "tpe" / path).touch()
    before = set(studies.rglob("*"))
    remove(studies / "tpe")
    gone = before - set(studies.rglob("*"))
    assert not (studies / "tpe").exists()
    assert all(path.is_relative_to(studies / "tpe") or path.name == "tpe.pkl" for path in gone)


def test_foreign_files_stay_and_are_named(studies: Path) -> None:
    for path in ("notes.txt", "model_notes.json", "figures/mine.svgz", "checkpoints/backup.tar"):
        (studies / "tpe" / path).parent.mkdir(exist_ok=True)
        (studies / "tpe" / path).write_text("mine")
    plan = plan_deletion(studies / "tpe")
    assert len(plan.foreign) == 4
    delete(plan)
    assert {path for path in (studies / "tpe").rglob("*") if path.is_file()} == set(plan.foreign)
    with pytest.raises(UserError, match="not a study"):
        plan_deletion(studies / "tpe")


def test_nothing_behind_a_link_is_deleted(studies: Path) -> None:
    target = studies / "disk" / "000001"
    target.mkdir(parents=True)
    (target / "state.npz").touch()
    shutil.rmtree(studies / "tpe" / "checkpoints")
    (studies / "tpe" / "checkpoints").symlink_to(studies / "disk")
    (studies / "tpe" / "figures").mkdir()
    (studies / "tpe" / "figures" / "pairs.png").symlink_to(target / "state.npz")
    shutil.move(studies / "tpe.pkl", studies / "disk" / "tpe.pkl")
    (studies / "tpe.pkl").symlink_to(studies / "disk" / "tpe.pkl")
    (studies / "link").symlink_to(studies / "tpe")
    with pytest.raises(UserError, match="is a link"):
        plan_deletion(studies / "link")
    remove(studies / "tpe")
    assert (target / "state.npz").exists()
    assert (studies / "disk" / "tpe.pkl").exists()
    assert not (studies / "tpe" / "journal.jsonl").exists()


def test_a_study_being_searched_is_not_deleted(studies: Path) -> None:
    with FileLock(studies / "tpe" / ".lock"), pytest.raises(UserError, match="running"):
        remove(studies / "tpe")
    assert (studies / "tpe" / "journal.jsonl").exists()
    remove(studies / "tpe")  # no process holds the lock file that is left behind
    assert not (studies / "tpe").exists()


@pytest.mark.parametrize("name", ["cat.jpg", "journal.jsonl", "model_0.5000000000_000001.json", "failed_000001.json"])
def test_a_folder_without_a_study_is_not_deleted(tmp_path: Path, name: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / name).write_text('{"mood": "fine"}\n')
    (tmp_path / "photos" / "diary.txt").touch()
    assert not holds_study(tmp_path / "photos")
    with pytest.raises(UserError, match="not a study"):
        plan_deletion(tmp_path / "photos")


def test_records_without_their_journal_are_deleted(studies: Path) -> None:
    (studies / "tpe" / "journal.jsonl").unlink()
    assert holds_study(studies / "tpe")
    remove(studies / "tpe")
    assert not (studies / "tpe").exists()


@pytest.mark.parametrize("lost", [None, "journal.jsonl", "folder"])
def test_an_interrupted_deletion_is_completed_by_the_next(tmp_path: Path, studies: Path, monkeypatch, lost) -> None:
    """It is interrupted before each step: what is left can always be deleted, and nothing of the study stays."""
    for number in itertools.count():
        folder = tmp_path / f"{number}" / "tpe"
        shutil.copytree(studies / "tpe", folder)
        for name in ("figures/pairs.png", "logs/worker.log", "cache/pets-0123456789abcdef/images.npy"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        for name in ("tpe.pkl", "tpe.pkl.old"):
            shutil.copy(studies / "tpe.pkl", folder.parent / name)
        if lost == "folder":
            shutil.rmtree(folder)
        elif lost is not None:
            (folder / lost).unlink()
        steps = itertools.count()

        def remove_until(path: Path, steps=steps, number=number, _remove=deletion._remove) -> None:
            if next(steps) == number:
                raise KeyboardInterrupt
            _remove(path)

        with monkeypatch.context() as patched:
            patched.setattr(deletion, "_remove", remove_until)
            try:
                remove(folder)
            except KeyboardInterrupt:
                pass
            else:
                break
        remove(folder)
        assert not list(folder.parent.iterdir())
    assert number >= (2 if lost == "folder" else 10)


def test_a_pickle_alone_is_deleted_only_if_of_a_study(studies: Path) -> None:
    shutil.rmtree(studies / "tpe")
    assert holds_study(studies / "tpe")
    remove(studies / "tpe")
    assert not (studies / "tpe.pkl").exists()
    (studies / "prices.pkl").write_bytes(pickle.dumps(Trials()))
    with pytest.raises(UserError, match="not of a study: delete it by hand"):
        plan_deletion(studies / "prices")
    (studies / "prices").mkdir()  # a search that ended before its first line
    remove(studies / "prices")
    assert (studies / "prices.pkl").exists()
