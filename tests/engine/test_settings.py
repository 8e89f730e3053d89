"""Settings of a run: the given ones, the study's, the defaults, and the goal."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from metaopt.engine.jobs import TrainingOptions
from metaopt.engine.settings import MINIMA, Settings, resolve
from metaopt.errors import UserError
from metaopt.storage.state import StudyState
from metaopt.trials.constraints import parse_constraints
from metaopt.trials.stopping import LossBound
from tests.storage.events import proposed, state_of


def resolved(state=None, defaults=None, **given):
    return resolve(given, defaults or {}, state or StudyState())


def study_of(settings, own, finished):
    """The state of a study with so many trials."""
    done = [{"event": "done", "reason": "all trials are done"}] if finished else []
    proposals = [proposed(number, 1) for number in range(own)]
    return state_of({"event": "run", "settings": settings.as_event()}, *proposals, *done)


def test_given_settings_come_before_the_study_s_and_the_defaults():
    new = resolved(defaults={"epochs": 7, "workers": 3}, epochs=9)
    assert (new.epochs, new.workers, new.sampler) == (9, 3, "auto")
    again = resolved(study_of(new, 5, finished=False), {"epochs": 1, "workers": 1}, workers=2)
    assert (again.epochs, again.workers) == (9, 2)


def test_a_study_of_an_earlier_default_strategy_stays_with_it():
    begun = Settings(sampler="tpe", scheduler="full", epochs=9)
    again = resolved(study_of(begun, 5, finished=False), trials=20)
    assert (again.sampler, again.scheduler) == ("tpe", "full")


def test_settings_of_a_later_version_are_ignored():
    state = state_of({"event": "run", "settings": {"telepathy": True, "epochs": 4}})
    assert resolved(state).epochs == 4


def test_the_journal_stores_settings_as_it_reads_them():
    settings = Settings(constraints=("params<=5",), phases=(0, 3))
    event = settings.as_event()
    assert json.loads(json.dumps(event)) == event
    assert resolved(state_of({"event": "run", "settings": event})) == settings


def test_an_interrupted_run_completes_its_goal():
    new = resolved(trials=12)
    assert new.goal == 12
    assert resolved(study_of(new, 5, finished=False)).goal == 12
    assert resolved(study_of(new, 5, finished=False), trials=20).goal == 20


def test_after_a_completed_run_as_many_trials_are_trained():
    new = resolved(trials=12)
    done = study_of(new, 12, finished=True)
    assert resolved(done).goal == 24
    assert (new.startup, resolved(done).startup) == (5, 6)


def test_a_raised_goal_raises_the_random_start():
    two = study_of(resolved(trials=2), 2, finished=True)
    assert (resolved(trials=2).startup, resolved(trials=2).mu) == (2, 2)
    more = resolved(two, trials=100)
    assert (more.startup, more.mu) == (20, 25)
    assert resolved(study_of(more, 40, finished=False)) == more  # interrupted: as it was
    assert resolved(study_of(more, 40, finished=False), trials=100) == more
    assert resolved(study_of(more, 40, finished=False), trials=60).startup == 15


def test_a_chosen_population_stays_when_the_goal_is_raised():
    chosen = resolved(trials=12, mu=7, sampler="evolution")
    assert resolved(study_of(chosen, 12, finished=True), trials=100, sampler="evolution").mu == 7
    assert resolved(study_of(chosen, 12, finished=True), trials=100, mu=9, sampler="evolution").mu == 9


def test_given_trials_are_the_total_of_the_study():
    done = study_of(resolved(trials=12), 12, finished=True)
    assert resolved(done, trials=12).goal == 12
    assert resolved(done, trials=5).goal == 5
    more = resolved(done, trials=15)
    assert (more.base, more.trials, more.goal) == (12, 3, 15)
    assert resolved(study_of(more, 13, finished=False), trials=15) == more
    assert resolved(study_of(more, 13, finished=False), trials=20).goal == 20
    assert resolved(study_of(more, 13, finished=False), trials=6).goal == 6


@pytest.mark.parametrize(
    ("trials", "startup", "mu"), [(4, 4, 4), (12, 5, 5), (60, 15, 15), (100, 20, 25), (900, 20, 50)]
)
def test_random_trials_are_a_quarter_of_the_goal(trials, startup, mu):
    settings = resolved(trials=trials)
    assert (settings.startup, settings.mu) == (startup, mu)
    assert resolved(trials=trials, mu=33, sampler="evolution").mu == 33


def test_a_first_phase_is_at_most_half_random():
    assert resolved(grow="blocks=1,2,4", trials=60).mu == 10
    assert resolved(grow="blocks=1,2,4", trials=6).mu == 2
    assert resolved(grow="blocks=1,2,4", trials=60, mu=33, sampler="evolution").mu == 33
    assert resolved(trials=60).mu == 15


def test_a_resumed_search_keeps_its_phases():
    new = resolved(grow="blocks=1,2,4", trials=12)
    assert new.phases == (0, 4, 8)
    interrupted = study_of(new, 5, finished=False)
    assert resolved(interrupted).phases == (0, 4, 8)
    assert resolved(interrupted, grow="blocks=1,2,4").phases == (0, 4, 8)
    assert resolved(interrupted, trials=30).phases == (0, 10, 20)
    assert resolved(interrupted, grow="blocks=2,4").phases == (0, 6)
    done = study_of(new, 12, finished=True)
    assert resolved(done).phases == (0, 4, 8)  # further trials belong to the last phase
    assert resolved(done, grow="blocks=5,6").phases == (12, 18)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"constraints": ("params<5",)}, "Invalid value for constraint: params<5"),
        ({"grow": "depth=1,2"}, "depth cannot grow"),
        ({"grow": "macs=1,2,3", "trials": 2}, "3 phases, but the number of trials is 2"),
        ({"mu": 9}, "mu is not read by the sampler auto: .* a strategy that reads it \\(evolution, ea-hyperband\\)"),
        ({"eta": 2, "scheduler": "full"}, "eta is not read by the scheduler full"),
        ({"rule": "floor", "scheduler": "asha"}, "rule is not read by the scheduler asha"),
        ({"fill": 0.9}, "needs a constraint to fill"),
        ({"survivors": "two-thirds", "sampler": "tpe"}, "survivors is not read by the sampler tpe"),
        ({"hopeless_factor": 1.5}, "hopeless_factor is not read without stop_hopeless"),
        ({"stop_hopeless": True, "hopeless_factor": 0.5}, "Invalid value for hopeless_factor: 0.5"),
        ({"stop_hopeless": True, "hopeless_rank": 0}, "Invalid value for hopeless_rank: 0"),
        ({"fill": 1.5, "constraints": ("params<=5",)}, "Invalid value for fill: 1.5"),
    ],
)
def test_invalid_settings_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        resolved(**given)


def test_jobs_get_all_options_of_training():
    settings = Settings(
        epochs=27,
        early_stopping=4,
        stop_hopeless=True,
        hopeless_epoch=4,
        hopeless_rank=3,
        hopeless_factor=1.5,
        objective="val_loss",
        constraints=("params<=9", "val_accuracy>=0.5"),
        seed=3,
        budget_unit="seconds",
        folds=5,
        inherit=True,
        deterministic=True,
        schedule="cosine",
        first_cycle_s=400.0,
        cycle_factor=3,
        trial_timeout_s=60.0,
    )
    assert settings.training_options() == TrainingOptions(
        seed=3,
        resource=27,
        unit="seconds",
        objective="val_loss",
        constraints=parse_constraints(["params<=9", "val_accuracy>=0.5"]),
        early_stopping=4,
        loss_based_stopping=LossBound(4, 3, 1.5),
        folds=5,
        inherit=True,
        schedule="cosine",
        first_cycle_s=400.0,
        cycle_factor=3,
        deterministic=True,
        trial_timeout_s=60.0,
    )
    assert Settings(epochs=1).training_options() == TrainingOptions()


def test_the_first_cycle_is_as_long_as_the_first_rung():
    settings = Settings(epochs=10_800, min_epochs=400, budget_unit="seconds", scheduler="hyperband")
    options = settings.training_options()
    assert (options.first_cycle_s, options.cycle_factor) == (400.0, 2)
    assert replace(settings, first_cycle_s=90.0).training_options().first_cycle_s == 90.0


def test_jobs_are_bound_by_the_last_phase():
    settings = Settings(grow="macs=10,20", constraints=("params<=9",))
    assert settings.training_options().bounds == {"params": 9, "macs": 20}
    assert replace(settings, grow="blocks=1,2").training_options().bounds == {"params": 9}


@pytest.mark.parametrize("name", MINIMA)
def test_integers_below_their_minimum_are_refused(name):
    minimum = MINIMA[name]
    able = {"sampler": "evolution", "scheduler": "hyperband", "stop_hopeless": True, "budget_unit": "seconds"}
    if name in ("population", "perturbation_interval"):
        able = {"sampler": "pbt", "scheduler": "pbt"}
    resolved(**{name: np.int64(minimum), **able})
    for value in (minimum - 1, minimum + 0.5, math.nan, math.inf):
        with pytest.raises(UserError) as caught:
            resolved(**{name: value})
        assert str(caught.value) == f"Invalid value for {name}: {value}. Expected an integer >= {minimum}."
        assert caught.value.parameters == (name,)
    with pytest.raises(UserError, match=f"Invalid value for {name}: '5'"):
        resolved(**{name: "5"})


def test_image_size_is_a_side_or_height_by_width():
    assert resolved().image_size is None
    assert resolved(image_size=np.int64(32)).image_size == 32
    assert resolved(image_size="48x48").image_size == 48
    assert resolved(image_size="64x128").image_size == "64x128"
    with pytest.raises(UserError, match=r"Invalid value for image_size: 64x\. Expected an integer >= 1") as caught:
        resolved(image_size="64x")
    assert caught.value.parameters == ("image_size",)


def test_budget_in_seconds_needs_rungs():
    assert resolved(budget_unit="seconds", scheduler="asha").budget_unit == "seconds"
    with pytest.raises(UserError, match="budget_unit seconds needs a strategy with rungs") as caught:
        resolved(budget_unit="seconds", sampler="tpe")
    assert caught.value.parameters == ("budget_unit",)
    assert resolved(budget_unit="seconds").scheduler == "auto"


def test_a_generation_of_several_objectives_has_one_child():
    objectives = ("val_accuracy", "params")
    assert resolved(sampler="evolution").lambda_ == 10
    new = resolved(sampler="evolution", objective=objectives)
    assert new.lambda_ == 1
    assert resolved(sampler="evolution", objective=objectives, lambda_=4).lambda_ == 4
    assert resolved(study_of(replace(new, lambda_=10), 5, finished=False)).lambda_ == 10  # of an earlier version


def test_inherit_needs_evolution():
    assert resolved(inherit=True, sampler="evolution").inherit
    with pytest.raises(
        UserError, match="inherit needs trials with a parent, which the sampler auto does not"
    ) as caught:
        resolved(inherit=True)
    assert caught.value.parameters == ("inherit", "strategy")


def test_a_study_keeps_its_place_of_checkpoints():
    new = resolved(checkpoint_url="file:///store")
    begun = study_of(new, 5, finished=False)
    assert resolved(begun).checkpoint_url == "file:///store"
    assert resolved(begun, checkpoint_url="file:///store") == resolved(begun)
    with pytest.raises(UserError, match=r"started with checkpoint_url file:///store: leave checkpoint_url out"):
        resolved(begun, checkpoint_url="file:///other")
    with pytest.raises(UserError, match="started without checkpoint_url"):
        resolved(study_of(resolved(), 5, finished=False), checkpoint_url="file:///store")
