"""Checkpoint retention: which trials keep their checkpoints."""

from types import SimpleNamespace

import pytest

from metaopt.engine.checkpoint_retention import CheckpointRetention
from metaopt.spaces import Vals
from metaopt.trials.record import Record
from metaopt.trials.result import Result
from metaopt.trials.trial import Trial


class Noted:
    clears = True

    def clear(self, needed, useful):
        self.needed, self.useful = set(needed), list(useful)


def trial(number, status, parent=None, **changes):
    return Trial(number, Vals({}, parent=parent), {}, 9, status=status, **changes)


def record(number, loss):
    return Record(number, "ok", "val_loss", Result(values=(loss,)))


def cleared(trials, records, best, *, inherit=False, losses=None):
    state = SimpleNamespace(trials=trials, running=[each for each in trials if each.status == "running"])
    study = SimpleNamespace(state=state, records=records)
    view = SimpleNamespace(rank_key=lambda trial, resource: None if losses is None else (losses[trial.number],))
    noted = Noted()
    CheckpointRetention(study, view, noted, resource=9, inherit=inherit).clear(best)
    return noted


def test_running_and_best_trials_are_kept():
    trials = [trial(0, "ok", complete=True), trial(1, "ok", complete=True), trial(2, "running")]
    noted = cleared(trials, [record(0, 0.1), record(1, 0.5)], record(0, 0.1))
    assert (noted.needed, noted.useful) == ({0, 2}, [])


def test_paused_trials_go_worst_first():
    trials = [trial(n, "paused") for n in range(3)]
    assert cleared(trials, [], None, losses={0: 0.3, 1: 0.1, 2: 0.2}).useful == [0, 2, 1]


def test_best_ended_trial_is_kept_while_a_better_one_may_fail():
    trials = [trial(0, "ok", complete=True), trial(1, "paused"), trial(2, "ok", complete=True)]
    noted = cleared(trials, [record(0, 0.2), record(1, 0.1), record(2, 0.3)], record(1, 0.1))
    assert noted.needed == {0, 1}


def test_source_of_a_running_fork_is_kept():
    assert cleared([trial(0, "ok"), trial(1, "running", forked_from=(0, 3))], [], None).needed == {0, 1}


@pytest.mark.parametrize("inherit", [True, False])
def test_parents_are_kept_where_children_inherit(inherit):
    trials = [trial(0, "ok", complete=True), trial(1, "running", parent=0)]
    noted = cleared(trials, [], None, inherit=inherit)
    assert noted.needed == ({0, 1} if inherit else {1})
    assert noted.useful == ([0] if inherit else [])
