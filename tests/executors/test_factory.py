"""Executor factory: names, refusals, and what worker processes are given."""

import psutil
import pytest

from metaopt.errors import UserError
from metaopt.executors import EXECUTORS, Inline, Processes, RayActors, factory, make_executor
from metaopt.executors.hardware import worker_memory
from metaopt.executors.ray_cluster import WorkerResources
from tests.executors.ray_cluster import needs_ray
from tests.executors.scripted import Scripted, last, run


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs_ray if name == "ray" else ()) for name in EXECUTORS])
def test_every_executor_is_made_by_its_name(tmp_path, name):
    executor = make_executor(name, Scripted(), 1, tmp_path)
    assert isinstance(executor, {"processes": Processes, "inline": Inline, "ray": RayActors}[name])
    assert executor.slots == 1


@pytest.mark.parametrize(
    ("name", "hint"), [("proceses", "Did you mean processes?"), ("dask", "Expected one of processes, inline, ray.")]
)
def test_an_unknown_executor_names_the_nearest(tmp_path, name, hint):
    with pytest.raises(UserError) as raised:
        make_executor(name, Scripted(), 1, tmp_path)
    assert str(raised.value) == f"Unknown executor: {name}. {hint}"
    assert raised.value.parameters == ("executor",)


@pytest.mark.parametrize("workers", [0, 2])
def test_inline_trains_one_trial_at_a_time(tmp_path, workers):
    with pytest.raises(UserError, match=f"Invalid value for workers: {workers}. The executor inline trains one trial"):
        make_executor("inline", Scripted(), workers, tmp_path)


def test_processes_need_a_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(factory, "worker_memory", lambda workers: 1)
    with pytest.raises(UserError, match="value for workers: 0"):
        make_executor("processes", Scripted(), 0, tmp_path)


@pytest.mark.parametrize("name", ["processes", "inline"])
def test_arguments_of_ray_need_ray(tmp_path, name):
    with pytest.raises(UserError, match=f"ray_address needs the executor ray; it is {name}."):
        make_executor(name, Scripted(), 1, tmp_path, ray_address="auto")
    with pytest.raises(UserError, match=f"worker_gpus needs the executor ray; it is {name}."):
        make_executor(name, Scripted(), 1, tmp_path, worker_resources=WorkerResources(gpus=0.0))


def test_processes_get_a_memory_limit_and_a_log(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(factory, "Processes", lambda trainer, **more: given.update(more))
    make_executor("processes", Scripted(), 3, tmp_path)
    log = tmp_path / "logs" / "worker.log"
    assert given == {"workers": 3, "memory_limit": worker_memory(3), "log": log, "gpus": ()}
    assert given["memory_limit"] == int(0.9 * psutil.virtual_memory().total / 3)


def talk() -> None:
    print("said at set-up")  # noqa: T201


@pytest.mark.slow
def test_output_of_workers_goes_to_the_log_of_the_study(tmp_path):
    with make_executor("processes", Scripted(talk), 1, tmp_path / "results") as executor:
        last(run(executor), object)
    assert "said at set-up" in (tmp_path / "results" / "logs" / "worker.log").read_text()
