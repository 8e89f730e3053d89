"""Every scheduler on random studies: any number of workers, failures, early ends, refusals, crashes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.schedulers import SCHEDULERS, Wait
from tests.schedulers.simulated import Simulation

schedulers = pytest.mark.parametrize("name", SCHEDULERS)
FACTORS = {"eta": 3, "min_resource": 1, "rule": "ceil"}

studies = st.fixed_dictionaries(
    {
        "goal": st.integers(1, 60),
        "slots": st.sampled_from([1, 2, 5, 30]),
        "seed": st.integers(0, 10**6),
        "failing": st.sampled_from([0.0, 0.2, 1.0]),
        "early": st.sampled_from([0.0, 0.3, 1.0]),
        "refused": st.sampled_from([0.0, 0.2]),
    }
)
factors = st.fixed_dictionaries(
    {"eta": st.integers(2, 4), "min_resource": st.integers(1, 3), "rule": st.sampled_from(["ceil", "floor"])}
)


def simulation(name, resource, factors=FACTORS, **study) -> Simulation:
    return Simulation(lambda: SCHEDULERS[name](resource=resource, **factors), resource, **study)


@schedulers
@settings(max_examples=50, deadline=None)
@given(resource=st.integers(3, 30), factors=factors, study=studies, raised=st.integers(0, 20))
def test_it_keeps_the_rules_and_ends(name, resource, factors, study, raised):
    study = simulation(name, resource, factors, **study).run()
    assert study.counted == study.goal
    study.goal += raised
    study.cache = {}
    study.run()
    assert study.counted == study.goal
    if not (study.failing or study.early):
        assert study.reached(resource), "some trial is to be trained to R"


@schedulers
@settings(max_examples=10, deadline=None)
@given(study=studies, limit=st.integers(1, 80))
def test_without_a_goal_only_time_ends_it_and_no_worker_is_idle(name, study, limit):
    study = simulation(name, 9, **{**study, "goal": None})
    study.run(until=lambda: len(study.trials) >= limit)
    assert len(study.trials) == limit
    assert Wait() not in study.decisions


@schedulers
@settings(max_examples=10, deadline=None)
@given(study=studies)
def test_imported_trials_are_passed_over(name, study):
    study = simulation(name, 9, **study)
    for number in range(3):
        imported = study.new(9, 0 if number else None)
        imported.imported, imported.complete, imported.status, imported.losses = True, True, "ok", [-1.0] * 9
        study.trials.append(imported)
    study.run()
    assert study.counted == study.goal
    assert all(trial.losses == [-1.0] * 9 for trial in study.trials[:3])
    assert not any(study.asked[number, resource] for number in range(3) for resource in (1, 3, 9))


@schedulers
def test_what_has_no_value_goes_on_no_more(name):
    study = simulation(name, 9, goal=20, slots=3, loss=lambda trial, epoch: float("nan")).run()
    assert study.counted == 20
    assert all(trial.jobs == 1 for trial in study.trials)


@schedulers
def test_each_trial_is_looked_at_a_few_times_however_many_there_are(name):
    study = simulation(name, 27, goal=500, slots=20, checked=False).run()
    assert max(study.asked.values(), default=0) <= 1
    assert study.counted == 500
