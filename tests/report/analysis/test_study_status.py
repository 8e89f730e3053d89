"""State of a study, read while a search runs and afterwards."""

from pathlib import Path

import pytest

from metaopt.engine.callbacks import Callback
from metaopt.errors import UserError
from metaopt.report.analysis.study_status import find_studies, read_status, read_statuses
from tests.engine.synthetic import SyntheticExecutor, search


class Watcher(Callback):
    """Reads the status whenever a trial ends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, []

    def trial_ended(self, record, best):
        self.seen.append(read_status(self.folder))


def test_status_follows_a_search(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    watcher = Watcher(folder)
    search(folder, trials=3, callback=watcher)
    assert [status.state for status in watcher.seen] == ["running"] * 3
    assert [status.n_ended for status in watcher.seen] == [1, 2, 3]
    status = read_status(folder)
    assert (status.state, status.goal, status.trials) == ("completed", 3, {"completed": 3})
    assert status.bytes > 1000


def test_a_search_is_seen_without_its_lock_file(tmp_path: Path) -> None:
    class Remover(Watcher):
        def trial_ended(self, record, best):
            (self.folder / ".lock").unlink(missing_ok=True)
            super().trial_ended(record, best)

    watcher = Remover(tmp_path / "results")
    search(watcher.folder, trials=1, callback=watcher)
    assert watcher.seen[0].state == "running"


def test_interrupted_studies_and_failures_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    executor = SyntheticExecutor(fails=lambda job: job.trial == 0, interrupted_after=4)
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=5, executor=executor, constraints=("val_accuracy>=2",))
    status = read_status(folder)
    assert status.state == "interrupted"
    assert status.trials == {"failed": 1, "completed": 1, "interrupted": 1}
    assert (status.infeasible, status.best, status.score) == (1, None, None)


def test_trials_that_rungs_left_are_not_fully_trained(tmp_path: Path) -> None:
    search(tmp_path / "results", trials=9, scheduler="asha", epochs=9)
    status = read_status(tmp_path / "results")
    assert status.trials.keys() == {"completed", "not fully trained"}
    assert status.n_ended == status.n_scored == 9


def test_studies_are_found_below_a_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "deep" / "er" / "two"]
    for folder in folders:
        search(folder, trials=2)
    (tmp_path / "link").symlink_to(folders[0])
    (tmp_path / "too" / "deep" / "for" / "this").mkdir(parents=True)
    assert set(find_studies(tmp_path)) == set(folders)


def test_a_damaged_study_does_not_hide_the_others(tmp_path: Path) -> None:
    search(tmp_path / "good", trials=2)
    search(tmp_path / "bad", trials=2)
    journal = tmp_path / "bad" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], b"{damage}\n", *lines[4:]]))
    statuses, errors = read_statuses(tmp_path)
    assert [Path(status.folder).name for status in statuses] == ["good"]
    assert "damaged" in str(errors[0])


def test_a_folder_without_a_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no study in"):
        read_status(tmp_path)
