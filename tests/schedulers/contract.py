"""Contract of schedulers; ``test_contract`` runs it over every scheduler. A fixture ``name`` gives the name.

The first part runs real search loops, the second part random studies in memory: any number of workers, failures, early
ends, discards, rejections and crashes.
"""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaopt.schedulers import SCHEDULERS, Scheduler, Wait
from metaopt.storage.study import Study
from tests.engine.synthetic import EPOCHS, SyntheticExecutor, findings, search
from tests.schedulers.simulated import Simulation

FACTORS = {"eta": 3, "min_resource": 1, "rule": "ceil"}


def make_scheduler(name: str, resource: int = 9) -> Scheduler:
    return SCHEDULERS[name](resource=resource, **FACTORS)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_search_ends_at_its_goal_with_nothing_running(tmp_path, name, slots):
    executor = SyntheticExecutor(slots=slots)
    study = search(tmp_path / "results", scheduler=name, trials=9, executor=executor)
    assert len(study.records) == 9
    assert not study.state.running
    assert study.state.finished


def test_no_trial_is_trained_beyond_r_and_no_epoch_twice(tmp_path, name):
    executor = SyntheticExecutor(slots=2)
    search(tmp_path / "results", scheduler=name, executor=executor)
    assert max(epoch for _, epoch in executor.trained) == EPOCHS
    assert len(set(executor.trained)) == len(executor.trained)


def test_some_trial_is_trained_to_r(tmp_path, name):
    study = search(tmp_path / "results", scheduler=name)
    assert any(record["complete"] and record["epochs"] == EPOCHS for record in study.records)


def test_a_search_survives_failed_trials(tmp_path, name):
    executor = SyntheticExecutor(fails=lambda job: job.trial % 2 == 0)
    study = search(tmp_path / "results", scheduler=name, trials=8, executor=executor)
    assert sum(record["status"] == "fail" for record in study.records) == 4
    assert len(study.records) == 8


def test_a_search_can_be_repeated(tmp_path, name):
    one, two = (search(tmp_path / part, scheduler=name) for part in ("one", "two"))
    assert findings(one) == findings(two)


def test_an_interrupted_search_finds_the_same(tmp_path, name):
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "parts", scheduler=name, executor=SyntheticExecutor(interrupted_after=11))
    assert not Study.load(tmp_path / "parts").state.finished
    whole = search(tmp_path / "whole", scheduler=name)
    assert findings(search(tmp_path / "parts")) == findings(whole)


TWO = ("val_accuracy", "size:min")


def with_size(**changes):
    """An executor whose trials also have a size, which is at odds with their accuracy."""
    return SyntheticExecutor(further=lambda job: {"size": 10 ** (3 * job.point["x"])}, **changes)


def test_two_objectives_can_be_repeated_and_resumed(tmp_path, name):
    whole = search(tmp_path / "whole", scheduler=name, objective=TWO, executor=with_size(slots=2))
    assert len(whole.records) == 8
    assert whole.front
    again = search(tmp_path / "again", scheduler=name, objective=TWO, executor=with_size(slots=2))
    assert findings(again) == findings(whole)
    alone = search(tmp_path / "alone", scheduler=name, objective=TWO, executor=with_size())
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "parts", scheduler=name, objective=TWO, executor=with_size(interrupted_after=11))
    assert findings(search(tmp_path / "parts", executor=with_size())) == findings(alone)


def test_two_objectives_promote_along_the_front(tmp_path, name):
    """Without the second objective, networks of the least size are never among the promoted ones."""
    study = search(tmp_path / "s", scheduler=name, trials=27, epochs=9, objective=TWO, executor=with_size())
    full = [record for record in study.records if record.complete and record.epochs == 9]
    if name == "full":
        assert len(full) == 27
        return
    least = min(study.records, key=lambda record: record.result.values[1])
    assert least.trial in {record.trial for record in study.front}
    assert least.results[-1].resource > min(each.resource for record in study.records for each in record.results)


def test_rung_levels_ascend_to_r(name):
    scheduler = make_scheduler(name)
    for bracket in (None, 0, 1, 2, 3, 7):
        levels = scheduler.rung_levels(bracket)
        assert list(levels) == sorted(set(levels))
        assert levels[-1] == 9


def test_trials_pause_at_the_rungs_below_r(name):
    scheduler = make_scheduler(name)
    for bracket in (None, 0, 1):
        *below, last = scheduler.rung_levels(bracket)
        assert all(scheduler.pauses(trial_at(resource, bracket)) for resource in below)
        assert not scheduler.pauses(trial_at(last, bracket))


def trial_at(resource, bracket):
    return SimpleNamespace(number=0, status="running", bracket=bracket, target_resource=resource)


def test_equal_schedulers_share_their_index_in_a_view(name):
    """The loop may ask a new scheduler each time; the cache of the view is keyed by its value."""
    assert make_scheduler(name) == make_scheduler(name)
    assert hash(make_scheduler(name)) == hash(make_scheduler(name))
    assert make_scheduler(name) != make_scheduler(name, 27)


studies = st.fixed_dictionaries(
    {
        "goal": st.integers(1, 60),
        "slots": st.sampled_from([1, 2, 5, 30]),
        "seed": st.integers(0, 10**6),
        "failing": st.sampled_from([0.0, 0.2, 1.0]),
        "early": st.sampled_from([0.0, 0.3, 1.0]),
        "refused": st.sampled_from([0.0, 0.2]),
        "discarded": st.sampled_from([0.0, 0.4, 1.0]),
    }
)
factors = st.fixed_dictionaries(
    {"eta": st.integers(2, 4), "min_resource": st.integers(1, 3), "rule": st.sampled_from(["ceil", "floor"])}
)


def simulation(name, resource, factors=FACTORS, **study) -> Simulation:
    return Simulation(lambda: SCHEDULERS[name](resource=resource, **factors), resource, **study)


@settings(max_examples=50, deadline=None)
@given(resource=st.integers(3, 30), factors=factors, study=studies, raised=st.integers(0, 20))
def test_random_studies_keep_the_rules_and_end(name, resource, factors, study, raised):
    study = simulation(name, resource, factors, **study).run()
    assert study.counted == study.goal
    study.goal += raised
    study.cache = {}
    study.run()
    assert study.counted == study.goal
    if not (study.failing or study.early or study.discarded):
        assert study.reached(resource), "some trial is to be trained to R"


@settings(max_examples=10, deadline=None)
@given(study=studies, limit=st.integers(1, 80))
def test_without_a_goal_no_worker_is_idle(name, study, limit):
    study = simulation(name, 9, **{**study, "goal": None})
    study.run(until=lambda: len(study.trials) >= limit)
    assert len(study.trials) == limit
    assert Wait() not in study.decisions


@settings(max_examples=20, deadline=None)
@given(study=studies)
def test_a_worker_is_idle_only_once_every_trial_was_started(name, study):
    """A bracket that waits for its slowest trial leaves the other workers to the next bracket."""
    study = simulation(name, 9, **study).run()
    assert all(started == study.goal for started in study.started_before_waits)


@settings(max_examples=10, deadline=None)
@given(study=studies)
def test_imported_trials_are_ignored(name, study):
    study = simulation(name, 9, **study)
    for number in range(3):
        imported = study.new(9, 0 if number else None)
        imported.imported, imported.complete, imported.status, imported.losses = True, True, "ok", [-1.0] * 9
        study.trials.append(imported)
    study.run()
    assert study.counted == study.goal
    assert all(trial.losses == [-1.0] * 9 for trial in study.trials[:3])
    assert not any(study.asked[number, resource] for number in range(3) for resource in (1, 3, 9))


def test_trials_without_a_value_are_not_promoted(name):
    study = simulation(name, 9, goal=20, slots=3, loss=lambda trial, epoch: float("nan")).run()
    assert study.counted == 20
    assert all(trial.jobs == 1 for trial in study.trials)


def test_each_trial_is_ranked_once_however_many_there_are(name):
    study = simulation(name, 27, goal=500, slots=20, checked=False).run()
    assert max(study.asked.values(), default=0) <= 1
    assert study.counted == 500
