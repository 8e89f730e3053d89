"""State of a study: what each event of the journal changes."""

import copy

import pytest

from metaopt.storage.state import StudyState
from metaopt.trials.record import Record, make_record
from metaopt.values.value_identity import sign_draw
from tests.storage.events import (
    continued,
    ended,
    epoch,
    failed,
    header,
    imported,
    paused,
    proposed,
    run,
    state_of,
    stopped,
    trained,
)


def test_an_empty_journal_has_no_trials():
    state = StudyState()
    assert (state.header, state.settings, state.trials, state.clock) == ({}, {}, [], 0.0)
    assert state.winding_up is None
    assert not state.finished


def test_a_trial_runs_from_its_proposal_until_its_end():
    state = state_of(proposed(0, 3, bracket=2, parent=None))
    (trial,) = state.trials
    assert (trial.status, trial.target_resource, trial.bracket, trial.point) == ("running", 3, 2, {"x": 0.0})
    assert state.running == [trial]
    for number in (1, 2, 3):
        state.apply(epoch(0, number))
    state.apply(ended(0, clock=7.0, info={"device": "CPU"}))
    assert (trial.status, trial.complete, trial.epochs, trial.ended) == ("ok", True, 3, 7.0)
    assert (trial.wall_seconds, trial.info) == (1.5, {"device": "CPU"})
    assert trial.results[0].loss == pytest.approx(-0.03)
    assert state.running == []


def test_a_stopped_trial_keeps_its_last_result():
    state = state_of(trained(0, 1), paused(0), stopped(0))
    assert (state.trials[0].status, state.trials[0].complete, len(state.trials[0].results)) == ("ok", False, 1)


def test_an_incomplete_trial_has_the_resource_that_it_reached():
    state = state_of(proposed(0, 9), epoch(0, 1), epoch(0, 2), ended(0, complete=False))
    assert state.trials[0].results[0].resource == 2
    seconds = state_of(run(budget_unit="seconds"), proposed(0, 60), epoch(0, 1, 12.5), ended(0, complete=False))
    assert seconds.trials[0].results[0].resource == 12


def test_a_failed_trial_has_no_result():
    state = state_of(trained(0, 1), paused(0), continued(0, 3), epoch(0, 2), failed(0))
    trial = state.trials[0]
    assert (trial.status, trial.failure["cause"], len(trial.results)) == ("fail", "diverged", 1)
    assert state.arrivals == [(0, 0), (0, None)]


def test_arrivals_name_trials_in_the_order_of_rest():
    state = state_of(trained(0, 1), trained(1, 1), paused(1), paused(0), continued(1, 2), epoch(1, 2), ended(1))
    assert state.arrivals == [(1, 0), (0, 0), (1, 1)]
    trial, result = state.arrival(2)
    assert (trial.number, result.resource) == (1, 2)


def test_the_first_line_of_an_epoch_counts():
    state = state_of(proposed(0, 2), epoch(0, 1), epoch(0, 1, val_accuracy=0.9), epoch(0, 2))
    assert state.trials[0].metrics == [{"val_accuracy": 0.01}, {"val_accuracy": 0.02}]
    assert state.total_epochs == 2


def test_rejected_trials_and_proposals_are_counted_by_reason():
    rejection = {"event": "rejected", "trial": 0, "reason": "params", "detail": "too many"}
    state = state_of(proposed(0, 1, rejected={"params": 2, "duplicate": 1}), rejection)
    assert state.trials[0].status == "rejected"
    assert state.rejected == {"params": 3, "duplicate": 1}
    assert state.n_own == 0
    state.apply({"event": "refused", "rejected": {"macs": 4}, "exhausted": False})
    assert state.rejected["macs"] == 4
    assert state.exhausted == []


def test_an_exhausted_phase_remembers_the_number_of_own_trials():
    refused = {"event": "refused", "rejected": {"duplicate": 9}, "exhausted": True}
    state = state_of(run(phases=[0, 2]), trained(0, 1), imported({"x": 0.5}, 0.4), trained(2, 1), refused)
    assert state.exhausted == [2]
    state.apply(run(phases=[0, 2]))
    assert state.exhausted == [2]
    state.apply(run(phases=[0, 4]))
    assert state.exhausted == []


def test_signatures_are_those_of_all_proposals():
    state = state_of(proposed(0, 1), failed(0), proposed(1, 1, network={}))
    assert state.signatures == {"network 0", *(sign_draw(trial.vals) for trial in state.trials)}


def test_clock_never_decreases():
    state = state_of(trained(0, 1), ended(0, clock=9.0), run())
    assert state.clock == 9.0


def test_a_finished_run_sets_a_new_goal():
    done = {"event": "done", "reason": "all trials are done"}
    state = state_of(run(trials=1), trained(0, 1), ended(0), done)
    assert state.finished
    state.apply(run(trials=1))
    assert not state.finished
    assert state.arrivals_before == 1


@pytest.mark.parametrize(
    ("changed", "winding_up"), [({}, "no more"), ({"trials": 9}, None), ({"workers": 4}, "no more")]
)
def test_winding_up_ends_where_there_may_be_more_to_find(changed, winding_up):
    state = state_of(run(trials=3), {"event": "winding_up", "reason": "no more"})
    assert state.winding_up == "no more"
    state.apply(run(**{"trials": 3, **changed}))
    assert state.winding_up == winding_up


def test_a_new_goal_ends_winding_up():
    state = state_of(run(), {"event": "winding_up", "reason": "no more"}, {"event": "done", "reason": "no more"}, run())
    assert state.winding_up is None


def test_results_are_judged_again_under_other_constraints():
    state = state_of(run(constraints=[]), trained(0, 1), paused(0), continued(0, 2), epoch(0, 2), ended(0))
    before = copy.deepcopy(state.trials[0].results)
    assert [result.is_feasible for result in before] == [True, True]
    state.apply(run(constraints=["val_accuracy>=0.015", "params<=50"]))
    at_1, at_2 = state.trials[0].results
    assert at_1.constraints == {"val_accuracy>=0.015": pytest.approx(0.005), "params<=50": 50}
    assert at_1.violation == pytest.approx(0.005 / 0.015 + 1)
    assert at_2.constraints == {"val_accuracy>=0.015": pytest.approx(-0.005), "params<=50": 50}
    assert at_2.violation == pytest.approx(1)
    state.apply(run(constraints=[]))
    assert state.trials[0].results == before


def test_results_are_judged_again_when_a_growth_ends():
    state = state_of(run(grow="params=10,50", phases=[0, 1]), trained(0, 1), ended(0))
    assert state.trials[0].results[0].violation == 1.0
    state.apply(run())
    assert state.trials[0].results[0].is_feasible


def test_replay_equals_applying_event_after_event():
    fork = proposed(2, 3, fork={"trial": 0, "epochs": 1})
    events = [header(), run(), *trained(0, 1), paused(0), *trained(1, 1), fork, failed(1), epoch(2, 2), epoch(2, 3)]
    one = StudyState()
    for event in events:
        one.apply(copy.deepcopy(event))
    assert one.trials == StudyState(events).trials


def test_copied_epochs_of_a_function_do_not_count_as_trained():
    """A user's own training returns the number of its epochs, those of its source included."""
    state = StudyState([header("loss"), proposed(0, 2), paused(0, result={"loss": 1.0, "epochs": 2})])
    assert state.total_epochs == 2
    state.apply(proposed(1, 5, fork={"trial": 0, "epochs": 2}))
    state.apply(ended(1, result={"loss": 0.5, "epochs": 5}))
    assert state.total_epochs == 5


def test_epochs_of_a_failed_trial_count_as_trained():
    state = state_of(proposed(0, 3), epoch(0, 1), failed(0), trained(1, 1), paused(1, clock=2.5))
    assert [(result.clock, result.total_epochs) for result in state.trials[1].results] == [(2.5, 2)]


def test_epochs_of_a_function_count_when_it_returns():
    first, last = {"loss": 1.0, "epochs": 1}, {"loss": 0.5, "epochs": 3}
    state = StudyState(
        [header("loss"), proposed(0, 1), paused(0, result=first), continued(0, 3), ended(0, result=last)]
    )
    assert state.total_epochs == 3
    assert [result.loss for result in state.trials[0].results] == [1.0, 0.5]


def test_each_stretch_of_epochs_knows_what_trained_it():
    one, other = {"backend": "tensorflow"}, {"backend": "jax"}
    state = state_of({**run(), "environment": one}, proposed(0, 4), epoch(0, 1), epoch(0, 2))
    assert make_record(state.trials[0], 0, state.judge).get("stretches") is None
    for event in ({**run(), "environment": one}, epoch(0, 3), {**run(), "environment": other}, epoch(0, 4)):
        state.apply(event)
    assert state.trials[0].stretches == [(1, one), (4, other)]
    stored = make_record(state.trials[0], 0, state.judge).to_json()
    assert stored["stretches"] == [{"from_epoch": 1, **one}, {"from_epoch": 4, **other}]
    assert Record.from_json(stored).to_json() == stored


def test_running_own_and_changed_trials_are_counted_event_by_event():
    events = [
        *(header(), run(), proposed(0, 1), epoch(0, 1), paused(0), proposed(1, 9), continued(0, 3), proposed(2, 9)),
        {"event": "rejected", "trial": 2, "reason": "params", "detail": "it is too large"},
        *(failed(1), imported({"x": 0.5}, 0.9), epoch(0, 2), epoch(0, 3), paused(0), stopped(0)),
    ]
    state = StudyState()
    for event in events:
        state.apply(event)
        assert state.running == [trial for trial in state.trials if trial.status == "running"]
        assert state.n_own == sum(trial.is_own for trial in state.trials)
    assert state.changes == [0, 0, 1, 0, 2, 2, 1, 3, 0, 0]
