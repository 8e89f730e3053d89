"""Strategies of two halves on the real search loop."""

from collections import Counter

import pytest

from metaopt.engine.strategy import STRATEGIES, resolve_strategy
from metaopt.engine.view import StudyView
from metaopt.errors import UserError
from metaopt.samplers import SAMPLERS, Evolution
from metaopt.schedulers import SCHEDULERS, brackets
from metaopt.storage.files import Unsynced
from tests.engine.synthetic import SyntheticExecutor, search


def test_every_strategy_is_a_sampler_and_a_scheduler() -> None:
    for name, (sampler, scheduler) in STRATEGIES.items():
        assert resolve_strategy(name, None, None) == (sampler, scheduler)
        assert sampler in SAMPLERS
        assert scheduler in SCHEDULERS
    assert resolve_strategy("bohb", "anneal", None) == ("anneal", "hyperband")
    assert resolve_strategy(None, None, "asha-stop") == ("tpe", "asha-stop")
    with pytest.raises(UserError, match=r"Unknown strategy: hyperbend\. Did you mean hyperband"):
        resolve_strategy("hyperbend", None, None)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_whole_hyperband_trains_each_epoch_once(tmp_path, slots) -> None:
    executor = SyntheticExecutor(slots=slots)
    study = search(
        tmp_path / "results", scheduler="hyperband", epochs=27, trials=49, executor=executor, files=Unsynced()
    )
    assert len(study.records) == 49
    assert len(executor.trained) == len(set(executor.trained)) == 357
    assert sum(result.resource for trial in study.state.trials for result in trial.results) == 423
    for b, bracket in enumerate(brackets(27, 3)):
        reached = Counter(
            result.resource for trial in study.state.trials if trial.bracket == b for result in trial.results
        )
        assert reached == {resource: n for n, resource in bracket}


def test_only_what_was_trained_to_r_joins_the_population_of_ea_hyperband(tmp_path) -> None:
    runs = brackets(50, 2, min_epochs=2)
    assert len(runs) == 5
    goal = sum(bracket[0][0] for bracket in runs)
    sampler, scheduler = STRATEGIES["ea-hyperband"]
    study = search(
        tmp_path / "results",
        sampler=sampler,
        scheduler=scheduler,
        files=Unsynced(),
        **{"epochs": 50, "eta": 2, "min_epochs": 2, "trials": goal, "mu": 12},
    )
    trials = study.state.trials
    view = StudyView(study.state, study.space, seed=0, goal=goal)
    members = {one.trial for one in Evolution(mu=12).population(view.history)}
    assert members == {trial.number for trial in trials if trial.epochs == 50}
    assert [sum(trials[n].bracket == b for n in members) for b in range(5)] == [bracket[-1][0] for bracket in runs]
    assert len(members) == sum((1, 1, 1, 2, 5))
    parents = {trial.vals.parent for trial in trials if trial.vals.model_based}
    assert parents
    assert parents <= members
    # Before three were trained to R, one in each bracket, all come from the prior; then none.
    assert [trial.vals.model_based for trial in trials] == [trial.bracket >= 3 for trial in trials]
