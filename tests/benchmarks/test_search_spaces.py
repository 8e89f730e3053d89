"""Translation of the tasks' spaces for the other libraries; those that are not installed are skipped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.adapters.keras_tuner_oracles import declare_parameters
from benchmarks.peers.adapters.optuna_samplers import suggest_parameter
from benchmarks.peers.parameters import PeerParameter, suggest_values, to_vals
from benchmarks.peers.peer import find_version
from benchmarks.searches.methods.ray_tune_runs import make_space
from benchmarks.searches.tasks import TASKS, LoadedTask
from metaopt.spaces import Vals

DRAWS = 60


@pytest.fixture(params=sorted(TASKS))
def task(request: pytest.FixtureRequest) -> LoadedTask:
    return LoadedTask(TASKS[request.param], Path())


def draws(task: LoadedTask) -> list[Vals]:
    rng = np.random.default_rng(0)
    return [task.space.draw(rng) for _ in range(DRAWS)]


def require(package: str) -> None:
    if find_version(package) is None:
        pytest.skip(f"{package} is not installed")


def test_draws_use_every_parameter_and_condition(task: LoadedTask) -> None:
    found = draws(task)
    assert {label for vals in found for label in vals} == set(task.space.labels)
    for one in task.parameters:
        if one.is_conditional:
            assert {one.is_active(vals) for vals in found} == {True, False}
        for vals in found:
            assert one.is_active(vals) == (one.label in vals)


def test_all_options_of_a_choice_are_equally_likely(task: LoadedTask) -> None:
    choices = [parameter for parameter in task.space.parameters if parameter.n_options is not None]
    assert choices
    assert {parameter.kind for parameter in choices} == {"choice"}  # a pchoice has weights


def test_optuna_round_trip(task: LoadedTask) -> None:
    require("optuna")
    from optuna.trial import FixedTrial

    for vals in draws(task):
        trial = FixedTrial(dict(vals))
        values = suggest_values(task.parameters, lambda one, trial=trial: suggest_parameter(trial, one))
        assert to_vals(task.space, values) == vals
        for one in task.parameters:
            if one.label in vals:
                check_optuna(trial.distributions[one.label], one)


def check_optuna(distribution: Any, one: PeerParameter) -> None:
    if one.kind == "categorical":
        assert distribution.choices == one.options
    else:
        assert (distribution.low, distribution.high, distribution.log) == (one.low, one.high, one.log)


@pytest.mark.slow  # imports TensorFlow
def test_keras_tuner_round_trip(task: LoadedTask) -> None:
    require("keras-tuner")
    from keras_tuner import HyperParameters

    for vals in draws(task):
        space = HyperParameters()
        declare_parameters(space, task.parameters)
        space.values = dict(vals)
        space.ensure_active_values()
        assert space.values == vals  # no active parameter was missing, and no inactive one was left
        assert to_vals(task.space, declare_parameters(space, task.parameters)) == vals
    declared = {one.name: one for one in space.space}
    assert len(space.space) == len(declared) == len(task.parameters)
    for one in task.parameters:
        found = declared[one.label]
        assert {each.name: tuple(each.values) for each in found.conditions} == one.parents
        if one.kind == "categorical":
            assert found.values == list(one.options)
        else:
            assert (found.min_value, found.max_value, found.sampling == "log") == (one.low, one.high, one.log)


def test_ray_tune_round_trip(task: LoadedTask) -> None:
    require("ray")
    space = make_space(task.parameters)
    assert list(space) == list(task.space.labels)
    for one in task.parameters:
        domain = space[one.label]
        if one.kind == "categorical":
            assert domain.categories == list(one.options)
        else:
            upper = domain.upper - (one.kind == "integer")
            assert (domain.lower, upper) == (one.low, one.high)
            assert ("Log" in type(domain.get_sampler()).__name__) == one.log
    rng = np.random.RandomState(0)
    for _ in range(DRAWS):
        vals = to_vals(task.space, {label: domain.sample(random_state=rng) for label, domain in space.items()})
        assert vals.keys() == {one.label for one in task.parameters if one.is_active(vals)}
