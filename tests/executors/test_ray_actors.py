"""Ray executor: lost actors, travelling checkpoints, several workers, and what is left behind."""

import os
import pickle
import random
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hyperopt import hp

import metaopt
from metaopt.engine.jobs import Epoch, Failed, Finished, Job, Message, Remark, Report, TrainingOptions
from metaopt.errors import StudyMismatch, UserError
from metaopt.executors import RayActors
from metaopt.executors.descendants import VARIABLE
from metaopt.executors.ray_actors import locate
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.executors.worker import ModuleMissing
from tests.executors.ray_cluster import needs_ray, ray_cluster  # noqa: F401 - a fixture
from tests.executors.scripted import Scripted, make_job


class Checkpointing:
    """Counts epochs in a file of its checkpoint, and resumes there; at a point's epoch it waits for its loss."""

    def setup(self, options: TrainingOptions) -> None:
        pass

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished:
        assert job.checkpoint is not None
        folder = Path(job.checkpoint)
        folder.mkdir(parents=True, exist_ok=True)
        state = folder / "state"
        done = int(state.read_text()) if state.exists() else 0
        for epoch in range(done + 1, job.target_resource + 1):
            (folder / "new").write_text(str(epoch))
            (folder / "new").rename(state)
            if not report(Epoch(job.trial, epoch, {"loss": 1 / epoch, "from": done}, 0.1)):
                return Finished(job.trial, complete=False)
            if epoch == job.point.get("hang_after") and done == 0:
                time.sleep(600)
        return Finished(job.trial, info={"threads": int(os.environ["OMP_NUM_THREADS"])})


def actors_of(executor: RayActors) -> list[int]:
    """Process ids of the actors."""
    import ray

    return ray.get([each.actor.__ray_call__.remote(lambda _: os.getpid()) for each in executor._workers])


def until(executor: RayActors, is_enough: Callable[[list[Report]], bool], **answers: bool) -> list[Report]:
    """Reports until there are enough."""
    reports: list[Report] = []

    def handle(report: Report) -> bool:
        reports.append(report)
        return answers.get(f"epoch_{getattr(report, 'epoch', 0)}", True)

    deadline = time.monotonic() + 120
    while not is_enough(reports):
        assert time.monotonic() < deadline, reports
        executor.wait(handle, timeout=1)
    return reports


def has_ended(reports: list[Report]) -> bool:
    return bool(reports) and isinstance(reports[-1], Finished | Failed)


@pytest.fixture
def make(ray_cluster: None) -> Callable[..., RayActors]:  # noqa: F811
    def make(trainer: Any, workers: int = 1, folder: Path | None = None) -> RayActors:
        return RayActors(trainer, workers, None, WorkerResources(cpus=1 / workers), folder)

    return make


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("is_shared", [False, True], ids=["apart", "shared"])
def test_a_trial_whose_actor_is_lost_resumes_from_its_checkpoint(make, tmp_path: Path, is_shared: bool) -> None:
    """Epochs that were reported are not reported again; the checkpoint is on the driver's disk in both cases."""
    directory = tmp_path / "checkpoints" / "000007"
    job = replace(make_job(trial=7, point={"hang_after": 2}, to=4), checkpoint=str(directory))
    with make(Checkpointing(), folder=tmp_path if is_shared else None) as executor:
        executor.submit(job)
        before = until(executor, lambda reports: len(reports) == 2)
        assert [(each.epoch, each.metrics["from"]) for each in before] == [(1, 0), (2, 0)]
        assert (directory / "state").read_text() == "2"
        assert (executor._workers[0].node.scratch is None) == is_shared
        left = executor._workers[0].node.scratch
        os.kill(actors_of(executor)[0], signal.SIGKILL)
        remark, *epochs, end = until(executor, has_ended)
        assert isinstance(remark, Remark)
        assert "was lost; the trial resumes from its last checkpoint on another one." in remark.text
        assert [(each.epoch, each.metrics["from"]) for each in epochs] == [(3, 2), (4, 2)]
        assert end.info["threads"] == 1
        assert (directory / "state").read_text() == "4"
        assert left is None or not Path(left).exists()
    assert not (tmp_path / ".ray").exists()


@needs_ray
@pytest.mark.slow
def test_a_trial_that_loses_its_actor_again_and_again_fails(make) -> None:
    with make(Scripted()) as executor:
        executor.submit(make_job(trial=7, point={"do": "hang", "at": 1}, to=1))
        reports: list[Report] = []
        while not has_ended(reports):
            until(executor, lambda _: executor._workers[0].job is not None)
            os.kill(actors_of(executor)[0], signal.SIGKILL)
            reports += until(executor, bool)
        assert [type(each) for each in reports] == [Remark, Remark, Failed]
        assert reports[-1].cause == "worker lost"
        assert executor.slots == 1


@needs_ray
@pytest.mark.slow
def test_idle_workers_that_are_lost_cost_a_trial_nothing(make, tmp_path: Path) -> None:
    """The actors of a node are killed at once, one of them idle: the trial must not be given to that one."""
    with make(Checkpointing(), workers=2) as executor:
        job = make_job(trial=7, point={"hang_after": 1}, to=2)
        executor.submit(replace(job, checkpoint=str(tmp_path / "c")))
        before = until(executor, lambda reports: executor.slots == 2 and bool(reports))
        assert [type(each) for each in before] == [Epoch]
        for pid in actors_of(executor):
            os.kill(pid, signal.SIGKILL)
        assert [type(each) for each in until(executor, has_ended)] == [Remark, Epoch, Finished]


@needs_ray
@pytest.mark.slow
def test_two_workers_train_side_by_side(make, tmp_path: Path) -> None:
    with make(Scripted(), workers=2) as executor:
        executor.submit(make_job(trial=0, point={"meet": tmp_path}))
        until(executor, lambda _: executor.slots == 2)
        executor.submit(make_job(trial=1, point={"meet": tmp_path}))
        reports = until(executor, lambda reports: sum(isinstance(each, Finished) for each in reports) == 2)
    assert sorted(each.trial for each in reports if isinstance(each, Finished)) == [0, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


@needs_ray
@pytest.mark.slow
def test_leaving_ends_actors_and_trainings(make, tmp_path: Path) -> None:
    with make(Checkpointing()) as executor:
        job = make_job(trial=7, point={"hang_after": 1}, to=2)
        executor.submit(replace(job, checkpoint=str(tmp_path / "c")))
        until(executor, bool)
        actor = psutil.Process(actors_of(executor)[0])
        processes = [actor, *actor.children(recursive=True)]
        scratch = Path(executor._workers[0].node.scratch)
        assert scratch.exists()
        assert any(VARIABLE in each.environ() for each in processes[1:])
    gone, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive
    assert len(gone) > 1
    assert not scratch.exists()


def parabola(point: dict[str, float], *, epochs: int, checkpoint: str) -> float:
    return (point["x"] - 1) ** 2 + random.Random(point["x"]).random() / epochs


@needs_ray
@pytest.mark.slow
def test_a_seeded_search_is_the_same_in_every_executor(ray_cluster: None, tmp_path: Path) -> None:  # noqa: F811
    found = []
    for executor in ("inline", "processes", "ray"):
        space, results = {"x": hp.uniform("x", -3, 3)}, tmp_path / executor
        common = {"epochs": 9, "trials": 8, "seed": 3, "strategy": "hyperband", "progress": False}
        study = metaopt.search(parabola, space, results=results, executor=executor, **common)
        found.append([(each.trial, each.loss, dict(each.vals)) for each in study.records])
    assert len(found[0]) == 8
    assert found[0] == found[1] == found[2]


@needs_ray
def test_zero_workers_are_refused() -> None:
    with pytest.raises(UserError, match="value for workers: 0"):
        RayActors(Scripted(), workers=0)


@needs_ray
def test_a_job_outside_of_the_context_is_refused() -> None:
    with pytest.raises(RuntimeError, match="enter"):
        RayActors(Scripted()).submit(make_job(trial=0))


def test_an_error_of_another_machine_names_it() -> None:
    error = locate(StudyMismatch("The images differ.", "data"), "gpu-2")
    assert isinstance(error, StudyMismatch)
    assert (str(error), error.parameters) == ("On node gpu-2: The images differ.", ("data",))
    missing = locate(pickle.loads(pickle.dumps(ModuleMissing("Traceback …", "yaml"))), "gpu-2")
    assert isinstance(missing, UserError)
    assert str(missing) == "Node gpu-2 cannot import the module yaml: install it there, as on this machine."
    assert str(locate(RuntimeError("It died."), "gpu-2")) == "On node gpu-2: It died."


def test_an_error_of_this_machine_stays_as_it_is() -> None:
    error = UserError("The images differ.")
    assert locate(error, socket.gethostname()) is error
