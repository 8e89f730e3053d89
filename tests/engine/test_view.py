"""Read-only view of a study: what strategies may read, and the randomness of the next trial."""

import pytest
from hyperopt import hp

from metaopt import randomness
from metaopt.engine.view import StudyView
from metaopt.spaces import compile_space
from metaopt.storage.journal import Scan
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL
from tests.engine.synthetic import SyntheticExecutor, search
from tests.storage.events import (
    continued,
    ended,
    epoch,
    failed,
    imported,
    paused,
    proposed,
    run,
    state_of,
    stopped,
    trained,
)

SPACE = compile_space({"x": hp.uniform("x", 0, 1)})
WINDING_UP = {"event": "winding_up", "reason": "no more"}


def view_of(*events, goal=None, seed=0):
    return StudyView(state_of(*events), SPACE, seed, goal)


@pytest.mark.parametrize(
    "name", ["goal", "trials", "exhausted", "number", "running", "running_numbers", "running_vals", "history"]
)
def test_a_strategy_cannot_change_the_view(name):
    view = view_of(trained(0, 1), ended(0))
    with pytest.raises(AttributeError):
        setattr(view, name, None)


def test_goal_is_0_while_a_search_winds_up():
    assert view_of(run(), goal=9).goal == 9
    assert view_of(run(), goal=None).goal is None
    assert view_of(run(), WINDING_UP, goal=9).goal == 0
    assert view_of(run(), WINDING_UP, goal=None).goal == 0
    assert view_of(run(trials=1), WINDING_UP, run(trials=2), goal=9).goal == 9


def test_running_trials_without_a_result_are_pending():
    view = view_of(proposed(0, 9), trained(1, 1), paused(1), continued(1, 3), trained(2, 1), paused(2))
    assert (view.number, view.running) == (3, 2)
    assert view.running_numbers == [0, 1]
    assert view.running_vals == [{"x": 0.0}], "trial 1 already has a result"


def test_history_has_trials_that_ended_or_reached_a_rung():
    rejected = {"event": "rejected", "trial": 4, "reason": "params", "detail": ""}
    trials = [*trained(0, 1), paused(0), *trained(1, 1), failed(1), proposed(2, 9), *trained(3, 3), ended(3)]
    view = view_of(*trials, proposed(4, 9), rejected, imported({"x": 0.9}, 0.2, 0.7))
    observations = {one.trial: one for one in view.history.observations}
    assert list(observations) == [0, 1, 3, 5]
    assert not observations[0].is_complete
    assert observations[1].results == ()
    assert observations[3].is_complete
    assert observations[5].result.resource == 2
    assert observations[5].result.loss == -0.7


def test_history_agrees_with_the_records_of_a_search(tmp_path):
    study = search(tmp_path / "results", scheduler="hyperband", trials=5)
    view = StudyView(study.state, study.space, 0, 5)
    for one, record in zip(view.history.observations, study.records, strict=True):
        assert [result.resource for result in one.results] == [result.resource for result in record.results]
        assert (one.result.loss, one.is_complete) == (record.loss, record.complete)


def test_history_follows_a_trial_that_resumes():
    view = view_of(trained(0, 1), paused(0))
    assert view.history.observations[0].result.resource == 1
    for event in (continued(0, 3), epoch(0, 2), epoch(0, 3), ended(0)):
        view._state.apply(event)
    (one,) = view.history.observations
    assert [result.resource for result in one.results] == [1, 3]
    assert one.is_complete


def test_a_trial_stopped_by_its_loss_counts_at_its_target():
    view = view_of(proposed(0, 9), epoch(0, 1), ended(0, complete=False))
    (one,) = view.history.observations
    assert (one.result.resource, one.result.epochs, one.is_complete) == (9, 1, False)


def test_a_trial_without_a_last_value_counts_as_failed():
    without = {"result": {"loss": 1.0, "size": "big"}}
    events = run(constraints=["size<=3"]), proposed(0, 1), ended(0, **without)
    assert view_of(*events).history.observations[0].results == ()


def test_rank_keys_compare_trials_at_a_rung():
    view = view_of(trained(0, 1), paused(0), trained(1, 3), ended(1), trained(2, 1), failed(2))
    keys = [view.rank_key(view.trials[number], 1) for number in range(3)]
    assert keys[0] == (0.0, 0.0, pytest.approx(-0.01), 0.0, 0.0)
    assert keys[2] is None
    assert view.rank_key(view.trials[1], 3) < keys[0]
    assert view.rank_key(view.trials[0], 0) is None


def test_rank_keys_put_infeasible_trials_last():
    view = view_of(run(constraints=["params<=150"]), trained(0, 1), paused(0), trained(1, 1), paused(1))
    assert view.rank_key(view.trials[0], 1) < view.rank_key(view.trials[1], 1)


def test_equal_values_are_ranked_by_training_loss_then_number():
    trials = [
        [proposed(n, 1), epoch(n, 1, val_accuracy=0.5, loss=loss), paused(n)] for n, loss in enumerate((0.4, 0.2, 0.4))
    ]
    view = view_of(*trials)
    assert sorted(range(3), key=lambda number: view.rank_key(view.trials[number], 1)) == [1, 0, 2]


def test_generators_depend_on_seed_trial_purpose_and_attempt():
    events = trained(0, 1), ended(0)
    view = view_of(*events, seed=3)
    assert view.generator("propose", 2).random() == randomness.make_generator(3, 1, "propose", 2).random()
    others = [
        view_of(*events, seed=4).generator("propose", 2),
        view_of(seed=3).generator("propose", 2),
        view.generator("grow", 2),
        view.generator("propose"),
    ]
    drawn = {generator.random() for generator in (view.generator("propose", 2), *others)}
    assert len(drawn) == 5


def test_a_stopped_trial_stays_in_the_history():
    view = view_of(trained(0, 1), paused(0), stopped(0))
    (one,) = view.history.observations
    assert (one.result.resource, one.is_complete) == (1, False)
    assert view.exhausted == []


def test_history_grows_to_what_a_new_view_reads(tmp_path) -> None:
    """After each event of a search with pauses, failures and stopped trials."""
    executor = SyntheticExecutor(slots=3, fails=lambda job: job.trial % 5 == 1)
    study = search(tmp_path / "results", scheduler="halving", trials=20, epochs=9, executor=executor)
    state = StudyState()
    grown = StudyView(state, SPACE, 0, None)
    events = [*Scan(study.folder / JOURNAL), {**imported({"x": 0.5}, 0.9), "clock": 1.0}]
    for event in events:
        state.apply(event)
        assert grown.history.observations == StudyView(state, SPACE, 0, None).history.observations
    assert {trial.status for trial in state.trials} >= {"ok", "fail"}
    assert len(grown.history.observations) == 21
