"""Checkpoint retention: which trials keep their checkpoints while a search runs."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from hyperopt import hp

from metaopt.engine import checkpoint_retention
from metaopt.engine.checkpoint_retention import FEW, CheckpointRetention
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import Failed
from metaopt.engine.view import StudyView
from metaopt.spaces import compile_space
from metaopt.storage.study import Study
from tests.engine.synthetic import InOneGo, search
from tests.storage.events import continued, ended, failed, paused, proposed, state_of, trained

SPACE = compile_space({"x": hp.uniform("x", 0, 1)})


@dataclass
class Noting:
    """Checkpoints that note what they are asked to keep."""

    clears: bool = True
    calls: list[tuple[set[int], list[int]]] = field(default_factory=list)

    def clear(self, needed, useful, forkable=()):
        self.calls.append((set(needed), list(useful)))


def kept(*events, inherit=False, forkable=()):
    """The trials whose checkpoints are needed, and those that are useful, the worst first."""
    study = Study(Path(), state_of(*events))
    checkpoints = Noting()
    view = StudyView(study.state, SPACE, 0, None)
    retention = CheckpointRetention(study, view, checkpoints, resource=9, inherit=inherit, forkable=lambda: forkable)
    retention.clear(study.best)
    return checkpoints.calls[0]


def test_running_trials_and_the_best_one_keep_their_checkpoints():
    needed, useful = kept(trained(0, 9), ended(0), trained(1, 9), ended(1), proposed(2, 9))
    assert needed == {1, 2}
    assert useful == []


def test_paused_trials_are_useful_and_the_worst_come_first():
    events = [[*trained(number, 3), paused(number)] for number in (0, 1, 2)]
    needed, useful = kept(*events, trained(3, 9), ended(3))
    assert needed == {3}
    assert useful == [0, 1, 2]


def test_the_best_ended_trial_stays_beside_a_paused_best_one():
    events = trained(0, 9), ended(0), trained(1, 9), ended(1), trained(2, 3), paused(2)
    assert kept(*events)[0] == {1, 2}
    assert kept(*events, continued(2, 9))[0] == {1, 2}
    assert kept(*events, continued(2, 9), failed(2))[0] == {1}


def test_without_a_feasible_trial_only_running_ones_are_needed():
    assert kept(proposed(0, 9), failed(0), proposed(1, 9)) == ({1}, [])


def test_with_inherited_weights_parents_and_complete_trials_stay():
    events = trained(0, 9), ended(0), trained(1, 9), ended(1), proposed(2, 9, parent=0)
    assert kept(*events) == ({1, 2}, [])
    assert kept(*events, inherit=True) == ({0, 1, 2}, [0, 1])


def test_the_source_of_a_running_fork_keeps_its_checkpoint():
    events = trained(0, 9), ended(0), trained(1, 9), ended(1), proposed(2, 12, fork={"trial": 0, "epochs": 9})
    assert kept(*events)[0] == {0, 1, 2}
    assert kept(*events, ended(2))[0] == {1}, "the fork has ended"


def test_the_mate_of_a_running_fork_keeps_its_checkpoint():
    fork = {"trial": 0, "epochs": 9, "mate": {"trial": 1, "epochs": 9}}
    events = [trained(0, 9), ended(0), trained(1, 9), ended(1), trained(2, 9), ended(2), proposed(3, 12, fork=fork)]
    assert kept(*events)[0] == {0, 1, 2, 3}


def test_trials_that_the_strategy_may_fork_keep_their_checkpoints():
    events = trained(0, 9), ended(0), trained(1, 9), ended(1)
    assert kept(*events)[0] == {1}
    assert kept(*events, forkable=[0])[0] == {0, 1}


def test_nothing_is_compared_where_no_checkpoint_is_removed():
    study = Study(Path(), state_of(trained(0, 9), ended(0)))
    checkpoints = Noting(clears=False)
    CheckpointRetention(study, None, checkpoints, resource=9, inherit=False).clear(study.best)
    assert checkpoints.calls == []


@pytest.fixture
def calls(monkeypatch) -> list[tuple[set[int], list[int]]]:
    """Trials that a search asks to keep after each trial: needed ones, useful ones."""
    calls: list[tuple[set[int], list[int]]] = []
    monkeypatch.setattr(Checkpoints, "clears", True)
    monkeypatch.setattr(
        Checkpoints, "clear", lambda _, needed, useful, forkable: calls.append((set(needed), list(useful)))
    )
    return calls


def test_the_best_ended_trial_stays_while_the_best_may_fail(tmp_path, calls):
    """The first bracket trains a trial to the end; one of the second leads at its first rung, resumes, and fails."""

    class Failing(InOneGo):
        def metrics(self, job, epoch):
            return {"val_accuracy": {2: 0.5, 3: 0.9}.get(job.trial, 0.1)}

        def wait(self, handle, timeout=None):
            if self.jobs[0].trial == 3 and self.jobs[0].start > 0:
                handle(Failed(self.jobs.popleft().trial, "diverged", "The loss is nan."))
            else:
                super().wait(handle, timeout)

    study = search(tmp_path / "results", scheduler="halving", epochs=3, trials=6, executor=Failing())
    assert [record["complete"] for record in study.records] == [False, False, True, True, False, False]
    assert study.records[3]["status"] == "fail"
    assert study.best["trial"] == 2
    needed = [needed for needed, _ in calls]
    assert any({2, 3} <= each for each in needed)
    assert all(2 in each for each in needed[2:]), "from its first rung on"


def test_under_the_quota_the_worst_paused_trials_go_first(tmp_path, calls):
    study = search(tmp_path / "results", scheduler="asha", epochs=9, trials=12)
    first = {record["trial"]: record["visits"][0]["loss"] for record in study.records}
    lists = [useful for _, useful in calls if len(useful) > 3]
    assert lists
    for useful in lists:
        lowest = [trial for trial in useful if len(study.records[trial]["rungs"]) == 1]
        assert [first[trial] for trial in lowest] == sorted((first[trial] for trial in lowest), reverse=True)


def test_a_large_study_removes_checkpoints_less_often_and_at_the_end(monkeypatch):
    seconds = iter([0.0, 2.0, 10.0, 99.0, 103.0, 105.0, 107.0, 109.0])
    monkeypatch.setattr(checkpoint_retention, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    study = Study(Path(), state_of(*([*trained(number, 1), ended(number)] for number in range(FEW + 1))))
    checkpoints = Noting()
    retention = CheckpointRetention(
        study, StudyView(study.state, SPACE, 0, None), checkpoints, resource=9, inherit=False
    )
    counts = []
    for at_once in (False, False, False, False, True):  # at 0 s, for 2 s; at 10, 99 and 103 s, for 2 s; at 107 s
        retention.clear(study.best, at_once=at_once)
        counts.append(len(checkpoints.calls))
    assert counts == [1, 1, 1, 2, 3]
