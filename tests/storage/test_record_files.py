"""Record files: their names, and a folder that agrees with the journal."""

import json
from dataclasses import replace

import pytest

from metaopt.storage.files import Files
from metaopt.storage.record_files import RecordFolder, file_name, record_files
from metaopt.trials.objective import OBJECTIVES
from metaopt.trials.record import Record
from metaopt.trials.result import Result
from tests.engine.synthetic import search

GOOD = Record(3, "ok", "val_accuracy", Result(values=(-0.75,)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_best_record_sorts_last(name):
    losses = [-0.9, -0.5, -0.05] if OBJECTIVES[name].maximised else [0.01, 0.5, 3.0, 1000.0]
    records = [Record(i, "ok", name, Result(values=(loss,))) for i, loss in enumerate(losses)]
    best = records[0]
    others = [
        replace(best, result=replace(best.result, violation=1.0)),
        replace(best, status="fail"),
        replace(best, imported=True),
    ]
    names = [file_name(record) for record in (*records, *others)]
    names += ["journal.jsonl", "figures", "cache", "checkpoints"]
    assert sorted(names)[-1] == names[0]
    assert len({len(name) for name in names[: len(losses)]}) == 1


def test_a_resumed_search_restores_its_files_and_no_others(tmp_path):
    folder = tmp_path / "results"
    search(folder, trials=3)
    (folder / "model_mine.json").write_text("{}")
    whole = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    removed, changed = sorted(folder.glob("model_0*.json"))[:2]
    removed.rename(folder / "model_0.9999999999_000077.json")
    changed.write_text("{}")
    search(folder, more=1)
    after = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert whole.items() <= after.items()
    assert len(after) == len(whole) + 1


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (GOOD, "model_0.7500000000_000003.json"),
        (replace(GOOD, objective="val_loss", result=Result(values=(3.0,))), "model_0.2500000000_000003.json"),
        (replace(GOOD, result=Result(values=(-0.75,), violation=0.1)), "infeasible_0.7500000000_000003.json"),
        (replace(GOOD, imported=True), "imported_0.7500000000_000003.json"),
        (replace(GOOD, result=Result()), "failed_000003.json"),
        (replace(GOOD, status="fail"), "failed_000003.json"),
        (replace(GOOD, trial=1234567), "model_0.7500000000_1234567.json"),
    ],
)
def test_a_name_tells_outcome_score_and_trial(tmp_path, record, name):
    assert file_name(record) == name
    (tmp_path / name).write_text("{}")
    assert record_files(tmp_path) == [(record.trial, tmp_path / name)]


@pytest.mark.parametrize("name", ["model_mine.json", "model_0.75_000003.json", "failed_3.json", "notes.json", "a.txt"])
def test_files_of_other_names_are_the_user_s(tmp_path, name):
    (tmp_path / name).write_text("{}")
    assert record_files(tmp_path) == []
    RecordFolder(tmp_path, Files()).restore([])
    assert (tmp_path / name).exists()


class Counting(Files):
    """Counts the files that are written and removed."""

    def __init__(self):
        self.written, self.removed = [], []

    def replace(self, path, data):
        self.written.append(path.name)
        super().replace(path, data)

    def remove(self, path):
        self.removed.append(path.name)
        super().remove(path)


def test_a_trial_has_one_file_under_its_latest_name(tmp_path):
    files = Counting()
    folder = RecordFolder(tmp_path, files)
    better = replace(GOOD, result=Result(values=(-0.8,)))
    folder.write(GOOD)
    folder.write(better)
    assert [path.name for _, path in record_files(tmp_path)] == [file_name(better)]
    assert files.removed == [file_name(GOOD)]
    assert json.loads((tmp_path / file_name(better)).read_text())["loss"] == -0.8


def test_an_equal_record_is_not_written_again(tmp_path):
    files = Counting()
    folder = RecordFolder(tmp_path, files)
    folder.write(GOOD)
    folder.write(GOOD)
    RecordFolder(tmp_path, files).write(GOOD)
    assert files.written == [file_name(GOOD)]
    folder.write(replace(GOOD, seconds=2.0))
    assert files.written == [file_name(GOOD)] * 2


def test_restore_removes_second_files_and_unknown_trials(tmp_path):
    other = replace(GOOD, trial=4)
    old = replace(GOOD, result=Result(values=(-0.1,)))
    for record in (old, GOOD, other):
        (tmp_path / file_name(record)).write_text("{}")
    RecordFolder(tmp_path, Files()).restore([GOOD])
    assert record_files(tmp_path) == [(3, tmp_path / file_name(GOOD))]
    assert json.loads((tmp_path / file_name(GOOD)).read_text())["trial"] == 3
