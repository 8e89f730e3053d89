"""Executor factory, shared by the command and ``metaopt.search``."""

from pathlib import Path

from metaopt.engine.jobs import Executor, Trainer
from metaopt.errors import UserError, hint, invalid_value
from metaopt.executors.gpus import share_gpus
from metaopt.executors.hardware import worker_memory
from metaopt.executors.inline import Inline
from metaopt.executors.processes import Processes
from metaopt.executors.ray_actors import RayActors
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.executors.stored_trainer import StoredTrainer
from metaopt.storage.checkpoint_store import UrlStore

EXECUTORS = ("processes", "inline", "ray")


def make_executor(
    name: str,
    trainer: Trainer,
    workers: int,
    folder: Path,
    trials_per_gpu: int | None = None,
    *,
    ray_address: str | None = None,
    worker_resources: WorkerResources | None = None,
    checkpoint_url: str | None = None,
) -> Executor:
    """Return the executor of that name.

    A worker process is ended when it uses more than its share of 90 % of the machine's memory, and its output goes to
    ``logs/worker.log``. Workers are spread over the visible GPUs; those that share one have each a share of its memory.

    Args:
        name: one of ``EXECUTORS``.
        trainer: trains the jobs.
        workers: number of trials at once.
        folder: folder of the study, for the log and, where nodes share it, checkpoints.
        trials_per_gpu: of ``processes``: number of workers that share a GPU, or None for as many as there must be.
        ray_address: of ``ray``: ``"auto"``, ``"host:port"``, or None to start Ray on this machine.
        worker_resources: of ``ray``: resources that each worker reserves; None for fair shares.
        checkpoint_url: URL of the checkpoints, or None for the folder of the study.

    Raises:
        UserError: The executor is unknown, cannot run so many trials at once, or takes no such arguments; for
            ``ray`` see ``RayActors``.
    """
    if name not in EXECUTORS:
        raise UserError(f"Unknown executor: {name}. {hint(name, EXECUTORS)}", "executor")
    if checkpoint_url is not None:
        trainer = StoredTrainer(trainer, UrlStore(checkpoint_url))
    if name == "ray":
        return RayActors(trainer, workers, ray_address, worker_resources, folder)
    _refuse_ray_arguments(name, ray_address, worker_resources or WorkerResources())
    if name == "processes":
        log = folder / "logs" / "worker.log"
        return Processes(
            trainer,
            workers=workers,
            memory_limit=worker_memory(workers),
            log=log,
            gpus=share_gpus(workers, trials_per_gpu),
        )
    if workers != 1:
        raise invalid_value("workers", workers, "The executor inline trains one trial at a time; use processes.")
    return Inline(trainer)


def _refuse_ray_arguments(name: str, address: str | None, resources: WorkerResources) -> None:
    """Refuse arguments that only the executor ray takes.

    Raises:
        UserError: One was given.
    """
    given = {
        "ray_address": address,
        "worker_cpus": resources.cpus,
        "worker_gpus": resources.gpus,
        "worker_memory": resources.memory,
    }
    for parameter, value in given.items():
        if value is not None:
            raise UserError(f"{parameter} needs the executor ray; it is {name}.", parameter)
