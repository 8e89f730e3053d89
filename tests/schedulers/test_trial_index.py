"""Index of trials: each one is read when it is new and when it comes to rest."""

from types import SimpleNamespace

import pytest

from metaopt.schedulers import Done, Stop, Wait
from metaopt.schedulers.trial_index import TrialIndex, has_value
from tests.schedulers.simulated import SimulatedTrial


def view_of(*trials, goal=None):
    return SimpleNamespace(trials=list(trials), goal=goal, cache={}, ranks_version=0)


def numbers(trials):
    return [trial.number for trial in trials]


def test_an_index_belongs_to_its_owner_in_a_view():
    view = view_of()
    index = TrialIndex.of(view, "one")
    assert TrialIndex.of(view, "one") is index
    assert TrialIndex.of(view, "other") is not index
    assert TrialIndex.of(view_of(), "one") is not index


def test_an_index_is_made_anew_where_rank_keys_may_have_changed():
    view = view_of(SimulatedTrial(0, 1))
    index = TrialIndex.of(view, "one")
    index.news(view)
    view.ranks_version = 1
    assert TrialIndex.of(view, "one") is not index
    assert numbers(TrialIndex.of(view, "one").news(view)) == [0]


def test_each_trial_is_news_when_new_and_when_it_rests():
    view = view_of(SimulatedTrial(0, 1), SimulatedTrial(1, 1, status="paused"))
    index = TrialIndex()
    assert numbers(index.news(view)) == [0, 1]
    assert index.running
    assert numbers(index.news(view)) == []
    view.trials.append(SimulatedTrial(2, 1))
    view.trials[0].status = "ok"
    assert numbers(index.news(view)) == [0, 2]
    assert index.running
    view.trials[2].status = "fail"
    assert numbers(index.news(view)) == [2]
    assert not index.running


def test_a_resumed_trial_is_news_only_if_watched():
    view = view_of(SimulatedTrial(0, 1, status="paused"), SimulatedTrial(1, 1, status="paused"))
    index = TrialIndex()
    index.news(view)
    for trial in view.trials:
        trial.status = "running"
    index.watch([1])
    assert numbers(index.news(view)) == []
    for trial in view.trials:
        trial.status = "ok"
    assert numbers(index.news(view)) == [1]


def test_only_own_trials_count_towards_the_goal():
    imported = SimulatedTrial(0, 9, status="ok", imported=True)
    view = view_of(imported, SimulatedTrial(1, 1), SimulatedTrial(2, 1, status="rejected"), goal=2)
    index = TrialIndex()
    assert numbers(index.news(view)) == [1, 2]
    assert index.trained == 1
    view.trials.append(SimulatedTrial(3, 1))
    index.news(view)
    assert not index.has_room(view)
    view.trials[3].status = "rejected"
    index.news(view)
    assert index.trained == 1
    assert index.has_room(view)


def test_without_a_goal_there_is_always_room():
    index = TrialIndex()
    view = view_of(*(SimulatedTrial(number, 1) for number in range(50)))
    index.news(view)
    assert index.has_room(view)


def test_a_search_ends_by_waiting_then_stopping_paused_trials():
    view = view_of(SimulatedTrial(0, 1, status="paused"), SimulatedTrial(1, 1), SimulatedTrial(2, 1, status="paused"))
    index = TrialIndex()
    index.news(view)
    assert index.end(view) == Wait()
    view.trials[1].status = "ok"
    index.news(view)
    for number in (0, 2):
        assert index.end(view) == Stop(number)
        view.trials[number].status = "ok"
    assert index.end(view) == Done()


@pytest.mark.parametrize(
    ("rank_key", "expected"), [(None, False), ((0.0, float("nan")), False), ((0.5,), True), ((float("inf"),), True)]
)
def test_a_rank_key_with_nan_has_no_value(rank_key, expected):
    assert has_value(rank_key) is expected
