"""Executor factory, shared by the command and ``metaopt.search``."""

from pathlib import Path

from metaopt.engine.jobs import Executor, Trainer
from metaopt.errors import UserError, hint, invalid_value
from metaopt.executors.gpus import share_gpus
from metaopt.executors.hardware import worker_memory
from metaopt.executors.inline import Inline
from metaopt.executors.processes import Processes

EXECUTORS = ("processes", "inline")


def make_executor(
    name: str, trainer: Trainer, workers: int, folder: Path, trials_per_gpu: int | None = None
) -> Executor:
    """Return the executor of that name.

    A worker process is ended when it uses more than its share of 90 % of the machine's memory, and its output goes to
    ``logs/worker.log``. Workers are spread over the visible GPUs; those that share one have each a share of its memory.

    Args:
        name: one of ``EXECUTORS``.
        trainer: trains the jobs.
        workers: number of trials at once.
        folder: folder of the study, for the log.
        trials_per_gpu: number of workers that share a GPU, or None for as many as there must be.

    Raises:
        UserError: The executor is unknown, or cannot run so many trials at once.
    """
    if name not in EXECUTORS:
        raise UserError(f"Unknown executor: {name}. {hint(name, EXECUTORS)}", "executor")
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
