"""Stopping rules: early stopping, loss-based stopping, and the patience of a search."""

import math

import pytest

from metaopt.storage.results_pickle import read_documents
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.objective import find_objective
from metaopt.trials.stopping import EpochTracker, LossBound, SearchPatience
from tests.engine.synthetic import InOneGo, search


def tracked(values, patience=None, constraints=(), name="val_accuracy"):
    tracker = EpochTracker(find_objective(name), parse_constraints(constraints), patience)
    for value in values:
        tracker.add(value if isinstance(value, dict) else {name: value}, 1.0)
    return tracker


def test_best_epoch_is_the_first_of_equal_ones():
    assert tracked([0.1, 0.6, 0.6, 0.5]).best == 1


def test_best_epoch_meets_the_constraints_if_any_does():
    rows = [{"val_accuracy": a, "val_precision": p} for a, p in ((0.5, 0.3), (0.6, 0.5), (0.7, 0.39))]
    assert tracked(rows, constraints=["val_precision>=0.4"]).best == 1
    assert tracked(rows, constraints=["val_precision>=0.6"]).best == 2


def test_convergence_counts_the_last_epoch_without_patience():
    tracker = tracked([{"val_loss": v} for v in (0.1, 0.5, 0.6)], patience=1, name="convergence")
    assert tracker.best == 2
    assert not tracker.is_out_of_patience


@pytest.mark.parametrize(("values", "is_over"), [([0.5, 0.4], False), ([0.5, 0.4, 0.3], True), ([], False)])
def test_patience_counts_epochs_since_the_best(values, is_over):
    assert tracked(values, patience=2).is_out_of_patience is is_over


def test_an_epoch_that_meets_the_constraints_renews_patience():
    rows = [{"val_accuracy": 0.9, "val_precision": 0.1}] + [{"val_accuracy": 0.2, "val_precision": 0.6}] * 2
    assert tracked(rows, patience=2).is_out_of_patience
    assert not tracked(rows, patience=2, constraints=["val_precision>=0.5"]).is_out_of_patience


def losses(*values):
    return [{"val_loss": value} for value in values]


def test_loss_bound_is_twice_the_fifth_best():
    others = [losses(9.0, 9.0, 0.1 * (i + 1), 0.01) for i in range(6)]  # at epoch 3: 0.1, 0.2, 0.3, 0.4, 0.5, 0.6
    assert LossBound().is_exceeded(3, {"val_loss": 1.0}, others)
    assert not LossBound().is_exceeded(3, {"val_loss": 0.99}, others)
    assert not LossBound().is_exceeded(4, {"val_loss": 5.0}, others)
    assert not LossBound().is_exceeded(3, {"val_loss": 5.0}, others[:4])
    assert not LossBound().is_exceeded(3, {"val_accuracy": 0.0}, others)


def test_epoch_rank_and_factor_of_loss_based_stopping_are_settable():
    others = [[{"val_loss": 9.0}, {"val_loss": loss}] for loss in (0.4, 0.1, 0.3)]
    bound = LossBound(epoch=2, rank=2, factor=1.5)
    assert bound.is_exceeded(2, {"val_loss": 0.46}, others)
    assert not bound.is_exceeded(2, {"val_loss": 0.44}, others)
    assert not bound.is_exceeded(3, {"val_loss": 9.0}, others)
    assert not bound.is_exceeded(2, {"val_loss": 9.0}, others[:1])


def test_loss_based_stopping_leaves_the_trial_incomplete(tmp_path):
    class Executor(InOneGo):
        def metrics(self, job, epoch):
            loss = 5.0 if job.trial == 7 else 1.0 + job.trial / 100
            return {"val_accuracy": 1 / (1 + loss), "val_loss": loss}

    study = search(tmp_path / "results", trials=9, epochs=6, stop_hopeless=True, executor=Executor())
    assert [record.epochs for record in study.records] == [6] * 7 + [3] + [6]
    assert study.records[7].complete is False
    assert read_documents(tmp_path / "results.pkl")[7].status == "suspended"


def counts(*arrivals):
    patience, found = SearchPatience(), []
    for trial, loss in arrivals:
        patience.add(trial, (math.inf,) if loss is None else (0.0, 0.0, loss))
        found.append(patience.count)
    return found


def test_search_patience_counts_trials_without_improvement():
    assert counts((0, 0.5), (1, 0.6), (2, None), (3, 0.4), (4, 0.4)) == [0, 1, 2, 0, 1]


def test_search_patience_counts_a_trial_at_several_rungs_once():
    assert counts((0, 0.5), (1, 0.6), (1, 0.55), (1, 0.52), (2, 0.7)) == [0, 1, 1, 1, 2]


def test_the_best_trial_may_fail_later():
    assert counts((0, 0.5), (1, 0.6), (0, None), (2, 0.55)) == [0, 1, 1, 0]


def test_search_patience_has_no_best_before_a_feasible_trial():
    patience = SearchPatience()
    patience.add(0, (math.inf,))
    assert not patience.has_best
    patience.add(1, (0.0, 0.0, 3.0))
    assert patience.has_best
    patience.add(2, (0.0, 0.0, 4.0))
    patience.reset()
    assert patience.count == 0
