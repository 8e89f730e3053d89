"""Patience of a search, replayed from the journal."""

from metaopt.engine.search_patience import add_arrival, replayed_patience
from tests.storage.events import continued, ended, epoch, failed, header, paused, proposed, run, state_of, trained


def test_trials_are_counted_in_the_order_of_rest():
    assert replayed_patience(state_of(run())).count == 0
    events = [trained(0, 3), trained(1, 3), trained(2, 1), trained(3, 1), ended(2), ended(1), ended(0), failed(3)]
    state = state_of(run(), *events)
    patience = replayed_patience(state)
    assert state.arrivals == [(2, 0), (1, 0), (0, 0), (3, None)]
    assert patience.has_best
    assert patience.count == 3


def test_an_infeasible_trial_is_no_improvement():
    state = state_of(run(constraints=["params<=150"]), trained(0, 1), ended(0), trained(1, 1), ended(1))
    assert replayed_patience(state).count == 1
    assert replayed_patience(state_of(run(constraints=["params<=50"]), trained(0, 1), ended(0))).has_best is False


def test_a_trial_at_two_rungs_counts_once():
    best = [*trained(0, 1), epoch(0, 2, val_accuracy=0.9), ended(0)]
    other = [*trained(1, 1), paused(1)]
    later = [continued(1, 3), epoch(1, 2), epoch(1, 3), ended(1)]
    assert [replayed_patience(state_of(run(), best, *more)).count for more in ([], [other], [other, later])] == [
        0,
        1,
        1,
    ]


def test_an_improvement_at_a_later_rung_starts_the_count_anew():
    best, other = [*trained(0, 9), ended(0)], [*trained(1, 1, vals={"x": 0.1}), failed(1)]
    rising = [proposed(2, 1), epoch(2, 1, val_accuracy=0.01), paused(2)]
    later = [continued(2, 2), epoch(2, 2, val_accuracy=0.8), ended(2)]
    assert replayed_patience(state_of(run(), best, other, rising)).count == 2
    assert replayed_patience(state_of(run(), best, other, rising, later)).count == 0


def test_a_new_goal_starts_the_count_anew():
    done = {"event": "done", "reason": "all trials are done"}
    trials = [*trained(0, 9), ended(0), *trained(1, 1, vals={"x": 0.9}), failed(1)]
    state = state_of(run(), trials)
    assert replayed_patience(state).count == 1
    state = state_of(run(), trials, done, run())
    assert replayed_patience(state).count == 0
    assert replayed_patience(state).has_best


def test_arrivals_added_one_by_one_equal_the_replay():
    state = state_of(run(), trained(0, 2), ended(0), trained(1, 1), failed(1), trained(2, 1), paused(2))
    whole = replayed_patience(state)
    patience = replayed_patience(state_of(run()))
    for index in range(len(state.arrivals)):
        add_arrival(patience, state, index)
    assert (patience.count, patience.has_best) == (whole.count, whole.has_best)


def test_under_two_objectives_a_new_part_of_the_front_is_an_improvement():
    begun = [header(objectives=["val_accuracy", "size:min"]), run()]
    ends = [(0.5, 10.0), (0.4, 20.0), (0.3, 5.0), (0.3, 5.0), (0.5, 4.0)]
    counts, events = [], []
    for number, (accuracy, size) in enumerate(ends):
        events += [proposed(number, 1), epoch(number, 1, val_accuracy=accuracy, size=size), ended(number)]
        counts.append(replayed_patience(state_of(begun, *events)).count)
    assert counts == [0, 1, 0, 1, 0]
