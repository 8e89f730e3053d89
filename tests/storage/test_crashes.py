"""Crash tests: every write, sync and rename fails once, and the resumed search finds the same."""

import pytest

from metaopt.errors import ResultsNotWritable
from metaopt.storage import journal
from metaopt.storage.results_pickle import read_documents
from metaopt.storage.state import StudyState
from metaopt.storage.study import pickle_path
from tests.engine.synthetic import SyntheticExecutor, findings, search
from tests.storage.crashing_files import CrashingFiles, PowerCut

TRIALS = 5


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "results"
    files = CrashingFiles(folder)
    study = search(folder, files=files, trials=TRIALS)
    return files.steps, findings(study)


def journalled(folder) -> StudyState:
    """Return the state that the journal holds after the power cut."""
    return StudyState(journal.read(folder / "journal.jsonl").events)


@pytest.mark.slow
@pytest.mark.parametrize("survival", ["lost", "torn", "kept"])
def test_a_power_cut_at_any_step_loses_no_finished_trial(tmp_path, uninterrupted, survival):
    steps, expected = uninterrupted
    assert steps > 80
    for step in range(steps):
        folder = tmp_path / str(step) / "results"
        folder.parent.mkdir()
        files = CrashingFiles(folder, fail_at=step)
        executor = SyntheticExecutor()
        with pytest.raises(PowerCut):
            search(folder, files=files, executor=executor, trials=TRIALS)
        files.settle(survival)
        before = journalled(folder)
        again = SyntheticExecutor()
        study = search(folder, executor=again, trials=TRIALS)
        assert findings(study) == expected, f"step {step}"
        ended = {trial.number for trial in before.trials if trial.status == "ok"}
        assert not ended & {trial for trial, _ in again.trained}, f"a finished trial was trained again, step {step}"
        assert len(study.records) == len(list(folder.glob("model_*.json"))) == TRIALS
        assert len(read_documents(pickle_path(folder))) == TRIALS
    assert before.finished == (survival == "kept"), "the very last step is the line that says that the goal is reached"


@pytest.mark.slow
def test_a_full_disk_at_any_step_loses_nothing(tmp_path, uninterrupted):
    steps, expected = uninterrupted
    for step in range(0, steps - 1, 3):  # after the last one the goal is known to be reached
        folder = tmp_path / str(step) / "results"
        folder.parent.mkdir()
        with pytest.raises(ResultsNotWritable, match="cannot be written"):
            search(folder, files=CrashingFiles(folder, fail_at=step, error=OSError), trials=TRIALS)
        assert findings(search(folder, trials=TRIALS)) == expected, f"step {step}"


def test_two_power_cuts_in_a_row_lose_nothing(tmp_path, uninterrupted):
    steps, expected = uninterrupted
    for step in range(0, steps - 1, 7):
        folder = tmp_path / str(step) / "results"
        folder.parent.mkdir()
        for fail_at in (step, 3):  # the second one while the first is being mended
            files = CrashingFiles(folder, fail_at=fail_at)
            with pytest.raises(PowerCut):
                search(folder, files=files, trials=TRIALS)
            files.settle("torn")
        assert findings(search(folder, trials=TRIALS)) == expected, f"step {step}"


def test_a_model_based_search_survives_power_cuts(tmp_path):
    whole = search(tmp_path / "whole" / "results", sampler="tpe", trials=12)
    assert [record["model_based"] for record in whole.records] == [False] * 5 + [True] * 7
    files = CrashingFiles(tmp_path / "results")
    steps = CrashingFiles(tmp_path / "count" / "results")
    search(tmp_path / "count" / "results", sampler="tpe", trials=12, files=steps)
    for step in range(steps.steps // 2, steps.steps, 40):
        folder = tmp_path / str(step) / "results"
        folder.parent.mkdir()
        files = CrashingFiles(folder, fail_at=step)
        with pytest.raises(PowerCut):
            search(folder, sampler="tpe", trials=12, files=files)
        files.settle("lost")
        assert findings(search(folder)) == findings(whole), f"step {step}"


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "scheduler"), [("tpe", "hyperband"), ("evolution", "asha")])
def test_a_search_with_rungs_survives_power_cuts(tmp_path, sampler, scheduler):
    given = {"sampler": sampler, "scheduler": scheduler, "epochs": 9, "trials": 16}
    given.update({"mu": 3} if sampler == "evolution" else {})
    steps = CrashingFiles(tmp_path / "whole" / "results")
    whole = search(tmp_path / "whole" / "results", files=steps, **given)
    assert max(len(record["rungs"]) for record in whole.records) == 3
    for step in range(5, steps.steps, 23):
        folder = tmp_path / str(step) / "results"
        folder.parent.mkdir()
        files = CrashingFiles(folder, fail_at=step)
        with pytest.raises(PowerCut):
            search(folder, files=files, **given)
        files.settle("lost")
        executor = SyntheticExecutor()
        assert findings(search(folder, executor=executor)) == findings(whole), f"step {step}"
        assert len(set(executor.trained)) == len(executor.trained), "an epoch was trained twice"
