"""Trials and results that events of the journal describe."""

import pytest

from tests.storage.events import (
    continued,
    ended,
    epoch,
    imported,
    paused,
    proposed,
    state_of,
    stopped,
    trained,
)


def test_a_fork_copies_the_history_of_its_source():
    fork = proposed(1, 3, fork={"trial": 0, "epochs": 2})
    state = state_of(trained(0, 2), paused(0), fork, continued(0, 3), epoch(0, 3), epoch(1, 3))
    source, forked = state.trials
    assert forked.forked_from == (0, 2)
    assert forked.copied_epochs == 2
    assert forked.metrics == [*source.metrics[:2], {"val_accuracy": 0.13}]
    assert forked.seconds == [1.0] * 3
    assert source.metrics[2] == {"val_accuracy": 0.03}
    assert forked.results == []
    assert state.total_epochs == 4


def test_a_fork_of_folds_copies_their_metrics():
    folds = [[{"val_accuracy": 0.1}, {"val_accuracy": 0.3}]]
    first = {**epoch(0, 1), "replicates": folds[0]}
    state = state_of(proposed(0, 1), first, paused(0), proposed(1, 2, fork={"trial": 0, "epochs": 1}))
    assert state.trials[1].replicates == folds


def test_an_imported_trial_is_complete_and_not_the_study_s_own():
    state = state_of(imported({"x": 0.5}, 0.3, 0.4), imported({"x": 0.6}, 0.3, seconds=[]))
    trial = state.trials[0]
    assert (trial.number, trial.status, trial.complete, trial.imported) == (0, "ok", True, True)
    assert (trial.info["source"], trial.seconds, state.trials[1].seconds) == ("elsewhere", [1.0, 1.0], [0.0])
    assert (state.n_own, state.total_epochs, state.arrivals) == (0, 0, [])


def test_a_trial_has_a_result_at_each_rung():
    state = state_of(trained(0, 1), paused(0, clock=2.0), continued(0, 3))
    assert (state.trials[0].status, state.trials[0].target_resource) == ("running", 3)
    for event in (epoch(0, 2), epoch(0, 3), ended(0, clock=5.0)):
        state.apply(event)
    results = state.trials[0].results
    assert [(each.resource, each.epochs, each.seconds, each.clock) for each in results] == [
        (1, 1, 1.5, 2),
        (3, 3, 3, 5),
    ]
    assert [each.loss for each in results] == pytest.approx([-0.01, -0.03])


def test_epochs_that_an_earlier_version_stored_as_text_are_ignored():
    state = state_of(proposed(0, 3), ended(0, result={"loss": 0.5, "epochs": "three"}))
    assert state.trials[0].epochs == 0
    assert state.trials[0].results[0].loss == 0.5


def test_decisions_have_their_figures_and_what_was_spent():
    left = [{"trial": 0, "reason": {"chance_of_best": 0.1}}]
    state = state_of(
        trained(0, 2),
        paused(0),
        proposed(1, 2, reason={"chance_of_best": 0.5}, left=left, clock=7.5),
        epoch(1, 1),
        epoch(1, 2),
        paused(1),
        {**continued(0, 3), "reason": {"chance_of_best": 0.4}},
        epoch(0, 3),
        paused(0),
        {**stopped(0), "reason": {"chance_of_best": 0.01}},
    )
    first, second = (trial.decisions for trial in state.trials)
    assert [(one.kind, one.resource, one.spent) for one in first] == [
        ("left", 2, 2),
        ("resumed", 3, 4),
        ("ended", 3, 5),
    ]
    assert [one.reason["chance_of_best"] for one in first] == [0.1, 0.4, 0.01]
    assert [(one.kind, one.resource, one.spent, one.clock) for one in second] == [("started", 2, 2, 7.5)]


def test_events_without_figures_give_no_decisions():
    state = state_of(trained(0, 2), paused(0), continued(0, 3), epoch(0, 3), ended(0))
    assert state.trials[0].decisions == []
