"""The contract of executors, over every executor."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from metaopt.engine.jobs import Executor, Trainer
from metaopt.executors import Inline, Processes, RayActors, Simulated
from metaopt.executors.ray_cluster import WorkerResources
from tests.executors.contract import *  # noqa: F403 - its tests
from tests.executors.ray_cluster import needs_ray, ray_cluster  # noqa: F401 - a fixture
from tests.executors.scripted import Scripted, scripted_curve

# Name → what makes the executor of a trainer.
TRAINER_EXECUTORS: dict[str, Callable[[Trainer], Any]] = {
    "inline": Inline,
    "processes": functools.partial(Processes, threads=1),
    "ray": functools.partial(RayActors, resources=WorkerResources(cpus=1)),
}
MARKS: dict[str, list[pytest.MarkDecorator]] = {
    "inline": [],
    "processes": [pytest.mark.slow],
    "ray": [pytest.mark.slow, needs_ray],
}
TRAINER_PARAMETERS = [pytest.param(name, marks=MARKS[name]) for name in TRAINER_EXECUTORS]
# Name → what makes an executor of learning curves, which has no trainer to set up.
CURVE_EXECUTORS: dict[str, Callable[[Any], Any]] = {
    "simulated": Simulated,
    "simulated-3": functools.partial(Simulated, workers=3),
}


@pytest.fixture(params=[*TRAINER_PARAMETERS, *CURVE_EXECUTORS])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    make = TRAINER_EXECUTORS.get(request.param)
    with CURVE_EXECUTORS[request.param](scripted_curve) if make is None else make(Scripted()) as executor:
        yield executor


@pytest.fixture(params=TRAINER_PARAMETERS)
def make_executor(request: pytest.FixtureRequest) -> Callable[[Trainer], Any]:
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    return TRAINER_EXECUTORS[request.param]


@pytest.fixture
def trainer_executor(make_executor: Callable[[Trainer], Any]) -> Iterator[Executor]:
    with make_executor(Scripted()) as executor:
        yield executor
