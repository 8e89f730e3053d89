"""Settings of a run, and the options made from them."""

import math

import numpy as np
import pytest

from metaopt.engine.settings import MINIMA, Settings, resolve
from metaopt.errors import UserError
from metaopt.storage.state import StudyState


def stored(settings, finished=False):
    state = StudyState([{"event": "run", "settings": settings.as_event()}])
    if finished:
        state.apply({"event": "done", "reason": "all trials are done"})
    return state


def test_given_settings_win_over_stored_ones_and_defaults():
    first = resolve({"epochs": 5}, {"epochs": 9, "eta": 2}, StudyState())
    assert (first.epochs, first.eta, first.trials) == (5, 2, 50)
    later = resolve({"eta": 4}, {"epochs": 9, "eta": 2}, stored(first))
    assert (later.epochs, later.eta) == (5, 4)


def test_random_start_is_a_quarter_of_the_goal():
    assert [resolve({"trials": n}, {}, StudyState()).startup for n in (4, 12, 40, 400)] == [4, 5, 10, 20]
    assert [resolve({"trials": n}, {}, StudyState()).mu for n in (12, 40, 400)] == [5, 10, 50]


def test_completed_goal_is_added_to():
    state = stored(resolve({"trials": 3}, {}, StudyState()), finished=True)
    state.trials = []
    assert resolve({}, {}, state).goal == 3


def test_settings_of_a_later_version_are_ignored():
    state = StudyState([{"event": "run", "settings": {**Settings().as_event(), "unknown": 1}}])
    assert resolve({}, {}, state) == Settings()


def test_journal_returns_settings_as_they_were():
    settings = Settings(constraints=("params<=5",), phases=(0, 3))
    assert settings.as_event()["constraints"] == ["params<=5"]
    assert resolve({}, {}, stored(settings)) == settings


def test_training_options_hold_what_a_job_needs():
    settings = Settings(
        seed=3, epochs=9, budget_unit="seconds", stop_hopeless=True, early_stopping=4, folds=2, schedule="cosine",
        constraints=("params<=9",), grow="macs=1,2", inherit=True, deterministic=True, objective="val_loss",
    )  # fmt: skip
    options = settings.training_options()
    assert (options.seed, options.resource, options.unit, options.objective) == (3, 9, "seconds", "val_loss")
    assert (options.early_stopping, options.loss_based_stopping, options.folds) == (4, True, 2)
    assert (options.inherit, options.schedule, options.deterministic) == (True, "cosine", True)
    assert options.bounds == {"params": 9, "macs": 2}


@pytest.mark.parametrize("name", MINIMA)
def test_integers_below_their_minimum_are_refused(name):
    resolve({name: np.int64(MINIMA[name])}, {}, StudyState())
    for value in (MINIMA[name] - 1, MINIMA[name] + 0.5, math.nan, math.inf):
        with pytest.raises(UserError) as caught:
            resolve({name: value}, {}, StudyState())
        assert str(caught.value) == f"Invalid value for {name}: {value}. Expected an integer >= {MINIMA[name]}."
        assert caught.value.parameters == (name,)
    with pytest.raises(UserError, match=f"Invalid value for {name}: '5'"):
        resolve({name: "5"}, {}, StudyState())


def test_budget_in_seconds_needs_rungs():
    assert resolve({"budget_unit": "seconds", "scheduler": "asha"}, {}, StudyState()).budget_unit == "seconds"
    with pytest.raises(UserError, match="budget_unit seconds needs a strategy with rungs") as caught:
        resolve({"budget_unit": "seconds"}, {}, StudyState())
    assert caught.value.parameters == ("budget_unit",)


def test_inherit_needs_evolution():
    assert resolve({"inherit": True, "sampler": "evolution"}, {}, StudyState()).inherit
    with pytest.raises(UserError, match="inherit needs trials with a parent, which the sampler tpe does not") as caught:
        resolve({"inherit": True}, {}, StudyState())
    assert caught.value.parameters == ("inherit", "strategy")
