"""Repair: a journal rebuilt from its undamaged lines and the records."""

import json
import random
from dataclasses import replace

import pytest
from hyperopt import hp

from metaopt.engine.jobs import Epoch
from metaopt.errors import StudyMismatch, UserError
from metaopt.spaces import compile_space
from metaopt.storage.journal import Scan
from metaopt.storage.repair import repair
from metaopt.storage.state import StudyState
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


def damage(path, first: int, last: int) -> bytes:
    """Overwrite the lines from ``first`` to ``last`` with zeros, and return the content."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[first : last + 1] = [b"\0" * (len(line) - 1) + b"\n" for line in lines[first : last + 1]]
    path.write_bytes(b"".join(lines))
    return path.read_bytes()


def test_a_damaged_journal_is_kept_aside(tmp_path):
    folder = tmp_path / "results"
    study = search(folder, trials=5)
    path = folder / "journal.jsonl"
    for line, name in ((7, "journal.jsonl.damaged"), (8, "journal.jsonl.damaged.2"), (9, "journal.jsonl.damaged.3")):
        n_events = len(list(Scan(path)))
        damaged = damage(path, line, line)
        done = repair(folder)
        assert done.kept == n_events - 1
        assert (done.aside.name, done.rebuilt, done.lost, done.dropped) == (name, (1,), (), {})
        assert done.aside.read_bytes() == damaged
        assert findings(Study.load(folder)) == findings(study)
    assert repair(folder) is None


def facts(state: StudyState, *, without_trial: int | None = None) -> dict:
    """What a state holds, apart from the order in which trials of the same time came to rest."""
    trials = [each for each in state.trials if each.number != without_trial]
    arrivals = sorted(each for each in state.arrivals if each[0] != without_trial)
    return {"trials": trials, "signatures": state.signatures, "rejected": state.rejected, "arrivals": arrivals}


@pytest.mark.parametrize("given", STRATEGIES)
def test_lines_after_damage_are_taken_over(tmp_path, given):
    """Nothing is lost with an epoch or an end, which records hold too."""
    folder = tmp_path / "results"
    search(folder, **given)
    path = folder / "journal.jsonl"
    whole, expected = path.read_bytes(), Study.load(folder).state
    events = list(Scan(path))
    for place in range(2, len(events) - 1, 5):
        if events[place]["event"] == "proposed":
            continue
        path.write_bytes(whole)
        damage(path, place, place)
        done = repair(folder)
        found = Study.load(folder).state
        assert facts(found) == facts(expected), f"line {place + 1}"
        assert (found.total_epochs, found.finished) == (expected.total_epochs, True)
        assert set(done.rebuilt) <= {events[place].get("trial")}
        assert (done.lost, done.dropped) == ((), {})


def test_epochs_of_a_running_trial_survive_damage(tmp_path):
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=5, epochs=9, executor=SyntheticExecutor(interrupted_after=9 + 6))
    path = folder / "journal.jsonl"
    expected = Study.load(folder).state
    damage(path, 4, 6)
    repair(folder)
    assert facts(Study.load(folder).state) == facts(expected)
    assert Study.load(folder).state.trials[1].epochs == 6
    executor = SyntheticExecutor()
    study = search(folder, executor=executor)
    assert (1, 6) not in executor.trained
    assert findings(study) == findings(search(tmp_path / "whole" / "results", trials=5, epochs=9))


def test_epochs_behind_a_lost_one_are_trained_again(tmp_path):
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=5, epochs=9, executor=SyntheticExecutor(interrupted_after=9 + 6))
    path = folder / "journal.jsonl"
    n_events = len(list(Scan(path)))
    damage(path, n_events - 3, n_events - 3)  # epoch 4 of trial 1
    done = repair(folder)
    assert done.dropped == {1: 2}
    assert Study.load(folder).state.trials[1].epochs == 3
    assert findings(search(folder)) == findings(search(tmp_path / "whole" / "results", trials=5, epochs=9))


class Folds(SyntheticExecutor):
    """Reports the metrics of three folds."""

    def wait(self, handle, timeout=None):
        def with_folds(report):
            if isinstance(report, Epoch):
                folds = [{name: value + shift for name, value in report.metrics.items()} for shift in (-0.1, 0, 0.1)]
                report = replace(report, replicates=tuple(folds))
            return handle(report)

        super().wait(with_folds, timeout)


def test_metrics_of_folds_are_restored_as_far_as_they_are_known(tmp_path):
    folder = tmp_path / "results"
    study = search(folder, trials=3, executor=Folds())
    whole = (folder / "journal.jsonl").read_bytes()
    before = records(folder)
    assert all(len(record.replicates) == 3 for record in study.records)
    damage(folder / "journal.jsonl", 2, 4)  # proposal and two epochs of trial 0
    done = repair(folder)
    assert (done.rebuilt, done.partial_folds) == ((0,), (0,))
    repaired = Study.load(folder)
    assert [record.replicates for record in repaired.records] == [record.replicates for record in study.records]
    assert repaired.state.trials[1:] == study.state.trials[1:]
    search(folder, trials=3, constraints=("val_accuracy>=0.99",))  # judged at another epoch, where none are known
    (folder / "journal.jsonl").write_bytes(whole)
    search(folder, trials=3, executor=Folds())
    assert records(folder) == before


def test_a_lost_running_trial_keeps_its_number(tmp_path):
    folder = tmp_path / "results"
    with pytest.raises(KeyboardInterrupt):
        search(folder, trials=4, executor=SyntheticExecutor(slots=2, interrupted_after=2))
    damage(folder / "journal.jsonl", 2, 2)
    done = repair(folder)
    assert (done.lost, done.dropped) == ((0,), {0: 1})
    state = Study.load(folder).state
    assert [trial.status for trial in state.trials] == ["rejected", "running"]
    assert len(search(folder, trials=4).records) == 4


@pytest.mark.slow
def test_duplicates_of_a_rebuilt_study_are_found(tmp_path):
    """A record holds no signature: the search makes that of a trial's network from its point."""
    folder = tmp_path / "results"
    same_points = {"x": hp.choice("x", [0.1] * 9 + [0.5] * 9), "branch": "plain"}
    assert len(search(folder, space=same_points, trials=5).records) == 2
    (folder / "journal.jsonl").unlink()
    repair(folder)
    assert len(search(folder, space=same_points, trials=5).records) == 2


@pytest.mark.slow
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
        assert findings(Study.load(folder)) == expected
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
