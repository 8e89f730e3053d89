"""Checkpoint directories and their quota."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from metaopt.engine import checkpoints
from metaopt.engine.checkpoints import Checkpoints, Keep, check_room
from metaopt.errors import QuotaTooSmall, ResultsNotWritable, UserError
from metaopt.storage.checkpoint_store import FolderStore


def folder_with(tmp_path: Path, sizes: dict[int, int]) -> Path:
    for trial, size in sizes.items():
        directory = tmp_path / "checkpoints" / f"{trial:06d}"
        directory.mkdir(parents=True)
        (directory / "state.npz").write_bytes(b"x" * size)
    return tmp_path


def kept(tmp_path: Path) -> list[int]:
    return sorted(int(directory.name) for directory in (tmp_path / "checkpoints").iterdir())


def test_checkpoints_that_are_not_needed_are_removed(tmp_path):
    folder = folder_with(tmp_path, {0: 10, 1: 10, 2: 10, 3: 10})
    Checkpoints(folder, "needed").clear(needed={1}, useful=[3])
    assert kept(tmp_path) == [1, 3]


def test_over_the_quota_the_first_useful_ones_are_removed(tmp_path):
    folder = folder_with(tmp_path, dict.fromkeys(range(5), 10))
    Checkpoints(folder, "needed", quota=30).clear(needed={0}, useful=[4, 2, 3, 1])
    assert kept(tmp_path) == [0, 1, 3]


def test_needed_checkpoints_stay_over_the_quota(tmp_path):
    folder = folder_with(tmp_path, {0: 10, 1: 10})
    Checkpoints(folder, "needed", quota=15).clear(needed={0, 1}, useful=[1])
    assert kept(tmp_path) == [0, 1]


def test_checkpoints_of_a_population_stay_together(tmp_path):
    folder = folder_with(tmp_path, dict.fromkeys(range(5), 4_000_000))
    Checkpoints(folder, "needed", quota=14_000_000).clear(needed={0}, useful=[4, 2, 3, 1], forkable={1, 2})
    assert kept(tmp_path) == [0, 1, 2]
    with pytest.raises(
        UserError, match=r"quota: 7MB\. Keeping the checkpoints of 2 trials that may be forked takes up"
    ):
        Checkpoints(folder, "needed", quota=7_000_000).clear(needed={0}, useful=[], forkable={1, 2})


def test_a_quota_below_one_checkpoint_is_refused(tmp_path):
    folder = folder_with(tmp_path, {7: 3_000_000})
    with pytest.raises(UserError, match=r"checkpoint_quota: 2MB. .* trial 7 takes up to 3 MB; expected at least 3MB"):
        Checkpoints(folder, "needed", quota=2_000_000).clear(needed={7}, useful=[])
    with pytest.raises(UserError, match=r"checkpoint_quota: 5 bytes\. "):
        Checkpoints(folder, "needed", quota=5).clear(needed={7}, useful=[])


def test_a_checkpoint_is_two_states_with_their_best_weights(tmp_path):
    """The first rung has but one of each, and the size that was said must do for the next one."""
    directory = tmp_path / "checkpoints" / "000001"
    directory.mkdir(parents=True)
    for name, size in (("state-000001-ab", 3_000_000), ("best-000001-cd", 1_000_000), (".state-000002", 9_000_000)):
        (directory / name).write_bytes(b"x" * size)
    Checkpoints(tmp_path, "needed", quota=8_000_000).clear(needed={1}, useful=[])
    with pytest.raises(UserError, match=r"7.5MB. .* takes up to 8 MB; expected at least 8MB"):
        Checkpoints(tmp_path, "needed", quota=7_500_000).clear(needed={1}, useful=[])


def test_a_quota_below_one_estimated_checkpoint_is_refused(tmp_path):
    """Two states with the best weights of each: the same size as of the files."""
    room = {"folder": tmp_path, "state": 3_000_000, "weights": 1_000_000, "what": "It"}
    check_room(quota=None, **room)
    check_room(quota=9_000_000, **room)
    with pytest.raises(
        QuotaTooSmall, match=r"checkpoint_quota: 8MB\. It takes up to 9 MB; expected at least 9MB"
    ) as one:
        check_room(quota=8_000_000, **room)
    assert one.value.exit_code == 2
    assert pickle.loads(pickle.dumps(one.value)).parameters == ("checkpoint_quota",)  # it crosses processes


def test_a_disk_without_room_for_a_state_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: SimpleNamespace(free=4_100_000))
    check_room(tmp_path / "new" / "study", None, 3_000_000, 900_000, "It")
    with pytest.raises(ResultsNotWritable, match=r"It takes at least 4.2 MB, but the disk of .* has 4.1 MB free"):
        check_room(tmp_path / "new" / "study", None, 3_000_000, 1_000_000, "It")


@pytest.mark.parametrize("keep", ["none", "all"])
def test_nothing_is_removed_unless_only_needed_ones_are_kept(tmp_path, keep: Keep):
    folder = folder_with(tmp_path, {0: 10, 1: 10})
    Checkpoints(folder, keep, quota=1).clear(needed=set(), useful=[])
    assert kept(tmp_path) == [0, 1]


def test_other_folders_are_not_removed(tmp_path):
    folder = folder_with(tmp_path, {0: 10})
    (folder / "checkpoints" / "notes").mkdir()
    Checkpoints(folder, "needed").clear(needed=set(), useful=[])
    assert (folder / "checkpoints" / "notes").is_dir()


def test_checkpoints_of_an_earlier_study_are_renamed(tmp_path):
    folder = folder_with(tmp_path, {0: 10})
    notes: list[str] = []
    Checkpoints(folder, "needed").set_aside(notes.append)
    assert not (folder / "checkpoints").exists()
    assert (folder / "checkpoints.old" / "000000" / "state.npz").stat().st_size == 10
    assert "of another study" in notes[0]
    assert "checkpoints.old" in notes[0]
    folder_with(tmp_path, {0: 20})
    Checkpoints(folder, "all").set_aside(notes.append)
    assert (folder / "checkpoints.old1" / "000000" / "state.npz").stat().st_size == 20


def test_a_linked_directory_is_refused_and_nothing_behind_it_deleted(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "state-000001-x.npz").write_bytes(b"precious")
    folder = folder_with(tmp_path / "study", {1: 10})
    (folder / "checkpoints" / "000000").symlink_to(elsewhere)
    checkpoints = Checkpoints(folder, "needed", quota=1)
    with pytest.raises(UserError, match="000000 is a link"):
        checkpoints.directory(0)
    checkpoints.clear(needed=[], useful=[])
    assert (elsewhere / "state-000001-x.npz").read_bytes() == b"precious"


def test_a_linked_folder_of_checkpoints_is_refused(tmp_path):
    elsewhere = folder_with(tmp_path / "elsewhere", {0: 10})
    study = tmp_path / "study"
    study.mkdir()
    (study / "checkpoints").symlink_to(elsewhere / "checkpoints")
    checkpoints = Checkpoints(study, "needed")
    for use in (
        lambda: checkpoints.directory(3),
        lambda: checkpoints.clear(needed=[], useful=[]),
        lambda: checkpoints.set_aside(print),
    ):
        with pytest.raises(UserError, match="checkpoints is a link"):
            use()
    assert kept(elsewhere) == [0]


def test_checkpoints_of_another_store_are_removed_there(tmp_path):
    """With the same rules as in the folder of the study."""

    store = FolderStore(folder_with(tmp_path, {0: 10, 1: 10, 2: 10}) / "checkpoints")
    Checkpoints(tmp_path / "study", "needed", quota=20, store=store).clear({1}, [2])
    assert kept(tmp_path) == [1, 2]
    Checkpoints(tmp_path / "study", "needed", quota=10, store=store).clear({1}, [2])
    assert kept(tmp_path) == [1]
