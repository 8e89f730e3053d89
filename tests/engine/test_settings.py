"""Settings of a run: the given ones, the study's, the defaults, and the goal."""

import json
from dataclasses import replace

import pytest

from metaopt.engine.jobs import TrainingOptions
from metaopt.engine.settings import Settings, resolve
from metaopt.errors import UserError
from metaopt.storage.state import StudyState
from metaopt.trials.constraints import parse_constraints
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
    assert (new.epochs, new.workers, new.sampler) == (9, 3, "tpe")
    again = resolved(study_of(new, 5, finished=False), {"epochs": 1, "workers": 1}, workers=2)
    assert (again.epochs, again.workers) == (9, 2)


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


def test_after_a_completed_run_more_trials_are_trained():
    new = resolved(trials=12)
    assert resolved(study_of(new, 12, finished=True)).goal == 24
    assert resolved(study_of(new, 12, finished=True), trials=3).goal == 15
    assert resolved(study_of(new, 12, finished=True)).startup == new.startup


@pytest.mark.parametrize(
    ("trials", "startup", "mu"), [(4, 4, 4), (12, 5, 5), (60, 15, 15), (100, 20, 25), (900, 20, 50)]
)
def test_random_trials_are_a_quarter_of_the_goal(trials, startup, mu):
    settings = resolved(trials=trials)
    assert (settings.startup, settings.mu) == (startup, mu)
    assert resolved(trials=trials, mu=33).mu == 33


def test_a_first_phase_is_at_most_half_random():
    assert resolved(grow="blocks=1,2,4", trials=60).mu == 10
    assert resolved(grow="blocks=1,2,4", trials=6).mu == 2
    assert resolved(grow="blocks=1,2,4", trials=60, mu=33).mu == 33
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
        ({"grow": "macs=1,2,3", "trials": 2}, "3 phases, but there are only 2 trials"),
        ({"fill": 0.9}, "needs a constraint to fill"),
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
        objective="val_loss",
        constraints=("params<=9", "val_accuracy>=0.5"),
        seed=3,
        budget_unit="seconds",
        folds=5,
        inherit=True,
        deterministic=True,
        schedule="cosine",
    )
    assert settings.training_options() == TrainingOptions(
        seed=3,
        resource=27,
        unit="seconds",
        objective="val_loss",
        constraints=parse_constraints(["params<=9", "val_accuracy>=0.5"]),
        early_stopping=4,
        loss_based_stopping=True,
        folds=5,
        inherit=True,
        schedule="cosine",
        deterministic=True,
    )
    assert Settings(epochs=1).training_options() == TrainingOptions()


def test_jobs_are_bound_by_the_last_phase():
    settings = Settings(grow="macs=10,20", constraints=("params<=9",))
    assert settings.training_options().bounds == {"params": 9, "macs": 20}
    assert replace(settings, grow="blocks=1,2").training_options().bounds == {"params": 9}
