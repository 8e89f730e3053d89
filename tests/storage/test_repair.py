"""Repair: a journal rebuilt from its undamaged lines and the records."""

import json
import random

import pytest

from metaopt.errors import StudyMismatch, UserError
from metaopt.spaces import compile_space
from metaopt.storage.journal import Scan
from metaopt.storage.repair import repair
from metaopt.storage.study import Study, pickle_path
from metaopt.storage.study_header import HEADER
from metaopt.storage.versions import NewerStudy
from metaopt.storage.writer import StudyWriter
from tests.engine.synthetic import SPACE, SyntheticExecutor, findings, search

STRATEGIES = [
    {"sampler": "random", "trials": 6},
    {"sampler": "tpe", "scheduler": "hyperband", "trials": 10, "epochs": 9},
    {"sampler": "evolution", "scheduler": "asha", "trials": 12, "epochs": 9, "mu": 3},
]


def fails_third(job) -> bool:
    return job.trial == 2


def records(folder) -> dict[str, bytes]:
    """Name → content of the records."""
    return {path.name: path.read_bytes() for path in folder.glob("*.json") if path.name != HEADER}


def without(record: dict, *names: str) -> dict:
    return {key: value for key, value in record.items() if key not in names}


@pytest.mark.parametrize("given", STRATEGIES)
@pytest.mark.parametrize("keeps_header", [True, False])
def test_a_lost_journal_is_rebuilt_from_records(tmp_path, given, keeps_header):
    folder = tmp_path / "results"
    study = search(folder, executor=SyntheticExecutor(fails=fails_third), **given)
    before = records(folder)
    (folder / "journal.jsonl").unlink()
    if not keeps_header:
        (folder / HEADER).unlink()
    done = repair(folder)
    assert (done.aside, done.kept, done.skipped) == (None, 0, ())
    assert len(done.rebuilt) == len(before)
    assert records(folder) == before
    rebuilt = Study.load(folder)
    names = ("visits",)  # their "spent" counts the epochs of trials that were running then
    for old, new in zip(study.records, rebuilt.records, strict=True):
        assert without(new.to_json(), *names) == without(old.to_json(), *names)
        assert [without(visit, "spent") for visit in new["visits"]] == [
            without(visit, "spent") for visit in old["visits"]
        ]
    assert rebuilt.best["trial"] == study.best["trial"]
    assert rebuilt.header["id"] == study.header["id"]


def test_a_search_continues_a_rebuilt_study(tmp_path):
    whole = search(tmp_path / "whole" / "results", trials=8)
    for keeps_header in (True, False):
        folder = tmp_path / str(keeps_header) / "results"
        search(folder, trials=5)
        (folder / "journal.jsonl").unlink()
        if not keeps_header:
            (folder / HEADER).unlink()
        repair(folder)
        assert findings(search(folder, trials=8)) == findings(whole)
        assert "rebuilt" not in Study.load(folder).header
        assert not list(tmp_path.rglob("*.old")), "results.pkl is of the same study"
        with pytest.raises(StudyMismatch):
            search(folder, trials=9, objective="val_loss")


def test_another_space_does_not_continue_a_rebuilt_study(tmp_path):
    folder = tmp_path / "results"
    search(folder, trials=3)
    (folder / "journal.jsonl").unlink()
    (folder / HEADER).unlink()
    repair(folder)
    with pytest.raises(StudyMismatch, match="rebuilt from records"):
        search(folder, space={"z": SPACE["x"]}, trials=4)


def test_a_damaged_journal_is_kept_aside(tmp_path):
    folder = tmp_path / "results"
    study = search(folder, trials=5)
    path = folder / "journal.jsonl"
    for number in range(3):
        lines = path.read_bytes().splitlines(keepends=True)
        damaged = b"".join([*lines[:7], b"\0" * len(lines[7]) + b"\n", *lines[8:]])
        path.write_bytes(damaged)
        done = repair(folder)
        assert done.kept == 7
        assert (
            done.aside.name == ("journal.jsonl.damaged", "journal.jsonl.damaged.2", "journal.jsonl.damaged.3")[number]
        )
        assert done.aside.read_bytes() == damaged
        assert findings(Study.load(folder)) == findings(study)
    assert repair(folder) is None


def test_any_damage_is_repaired_without_losing_a_finished_trial(tmp_path):
    folder = tmp_path / "results"
    study = search(folder, sampler="evolution", scheduler="asha", trials=8, epochs=9, mu=3)
    path, expected = folder / "journal.jsonl", findings(study)
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(60):
        start, length = rng.randrange(len(whole)), rng.choice([1, 50, 3000])
        path.write_bytes(whole[:start] + rng.choice([b"", bytes(length)]) + whole[start + length :])
        repair(folder)
        scan = Scan(path)
        assert len(list(scan)) > 0
        found = {record["trial"]: record for record in findings(Study.load(folder))}
        for record in expected:
            known = found[record["trial"]]
            assert (known["loss"], known["vals"], known["status"]) == (record["loss"], record["vals"], record["status"])
        with StudyWriter(folder, compile_space(SPACE), study.header, note=print):
            pass


def test_a_sound_study_is_not_changed(tmp_path):
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=5, executor=SyntheticExecutor(interrupted_after=7))
    before = (folder / "journal.jsonl").read_bytes()
    assert repair(folder) is None
    assert (folder / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        "{}",
        '{"trial": 1}',
        '{"trial": 1, "status": "ok", "objective": "val_accuracy", "space": 1, "vals": [], "epochs": 1}',
        '{"trial": 1, "status": "ok", "objective": "val_accuracy", "vals": {}, "epochs": "one"}',
        '{"trial": 0, "status": "ok", "objective": "val_accuracy", "vals": {}, "epochs": 1}',
        '{"trial": 1, "status": "ok", "objective": "val_accuracy", "vals": {}, "history": {"a": ["b"]}, "epochs": 1}',
        "[" * 100_000,
    ],
)
def test_an_unsound_record_is_skipped_and_named(tmp_path, content):
    folder = tmp_path / "results"
    study = search(folder, trials=3)
    (folder / "journal.jsonl").unlink()
    broken = next(folder.glob("*_000001.json"))
    broken.write_text(content)
    done = repair(folder)
    assert done.rebuilt == (0, 2)
    assert [path.name for path, _ in done.skipped] == [broken.name]
    expected = [record for record in findings(study) if record["trial"] != 1]
    assert findings(Study.load(folder)) == expected


def test_a_study_that_cannot_be_repaired_is_refused(tmp_path):
    folder = tmp_path / "results"
    with pytest.raises(UserError, match="There is no study"):
        repair(folder)
    folder.mkdir()
    with pytest.raises(UserError, match="There is no study"):
        repair(folder)
    (folder / "journal.jsonl").write_bytes(b"\0" * 100)
    with pytest.raises(UserError, match="Nothing can be rebuilt"):
        repair(folder)
    assert (folder / "journal.jsonl").read_bytes() == b"\0" * 100


def test_a_running_or_newer_study_is_not_repaired(tmp_path):
    folder = tmp_path / "results"
    study = search(folder, trials=2)
    with (
        StudyWriter(folder, compile_space(SPACE), study.header, note=print) as writer,
        pytest.raises(UserError, match="A search is running"),
    ):
        repair(folder)
    with StudyWriter(folder, compile_space(SPACE), study.header, note=print) as writer:
        writer.journal.append([{"event": "telepathy"}])
    with pytest.raises(NewerStudy):
        repair(folder)


def test_header_copy_follows_the_latest_run(tmp_path):
    folder = tmp_path / "results"
    search(folder, trials=2)
    search(folder, trials=3, constraints=("val_accuracy>=0.1",))
    stored = json.loads((folder / HEADER).read_bytes())
    assert stored["settings"]["constraints"] == ["val_accuracy>=0.1"]
    assert stored["header"]["id"] == Study.load(folder).header["id"]
    assert pickle_path(folder).exists()
