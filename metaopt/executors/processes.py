"""Process executor: jobs run in worker processes that stay alive from trial to trial.

Built on the standard library's multiprocessing (spawned processes, one pipe each) instead of Pebble or loky: their
pools give a task to any free worker and see only its end. Here each epoch is a handshake between a trial and the
driver, and a worker's death must fail the one trial that it trained.
"""

import atexit
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait as wait_for

from metaopt.engine.jobs import EpochProgress, Failed, Job, Message, Report, Trainer
from metaopt.errors import UserError, invalid_value
from metaopt.executors import worker
from metaopt.executors.descendants import Guardian
from metaopt.executors.failures import OUT_OF_MEMORY, death, timed_out
from metaopt.executors.gpus import GpuShare
from metaopt.executors.hardware import cpu_count
from metaopt.executors.log_tail import last_lines
from metaopt.executors.worker_process import WorkerProcess
from metaopt.files.held_folders import remove_unused
from metaopt.quantities import size_text
from metaopt.terminal.interruption import interrupts_deferred

_LARGEST_GROWTH = 2 * 2**30  # bytes that a worker may grow by before it is replaced
_SETUPS_TRIED = 3  # attempts; a worker that dies so often before it is ready would always die
_LOOK_AT_MEMORY_EVERY = 1.0  # seconds
_LONGEST_WAIT = 3600.0  # seconds; poll() takes at most 2**31 ms, and an infinite or larger number is an error


class Processes:
    """Trains in worker processes; a training that kills its process fails only its own trial.

    A worker is replaced if it died, ran out of memory, or grew by more than 2 GiB over its trials (or by half of what
    the memory limit leaves it). One that hangs is noted, and ended by the time limit of its job. Workers end when their
    driver dies.

    Args:
        trainer: pickled by cloudpickle to each worker.
        workers: number of trials at once.
        threads: CPU threads of each worker; by default the workers share the cores evenly.
        memory_limit: bytes of main memory (resident) above which a worker is killed and its trial fails.
        log: a file to which the output of all workers is appended; None leaves it with the driver's.
        gpus: the GPU of each worker and its share of the memory; empty leaves all GPUs to every worker.
    """

    def __init__(
        self,
        trainer: Trainer,
        workers: int = 1,
        threads: int | None = None,
        memory_limit: int | None = None,
        log: str | os.PathLike[str] | None = None,
        gpus: Sequence[GpuShare] = (),
    ) -> None:
        if workers < 1:
            raise invalid_value("workers", workers, "Expected an integer >= 1.")
        _check_may_start_processes()
        self._trainer = trainer
        self._count = workers
        # joblib sees the limits of a container too, which os.cpu_count does not.
        self._threads = max(1, cpu_count() // workers) if threads is None else threads
        self._memory_limit = memory_limit
        self._log = None if log is None else os.fspath(log)
        self._gpus = gpus
        self._workers: list[WorkerProcess] = []
        self._looked_at_memory = 0.0
        self._mark = uuid.uuid4().hex
        self._guardian: Guardian | None = None

    @property
    def slots(self) -> int:
        """Number of workers."""
        return self._count

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [each.pid for each in self._workers]

    def __enter__(self) -> "Processes":
        """Start the workers; each sets its trainer up when it gets its first job.

        Raises:
            UserError: The trainer cannot be pickled.
        """
        pickled = worker.pack_trainer(self._trainer)
        with interrupts_deferred():
            atexit.register(self._end)  # before multiprocessing waits for workers that an interruption left
            self._guardian = Guardian(self._mark)
            threads = worker.environment(self._threads)
            variables = [{**threads, **gpu.environment()} for gpu in self._gpus] or [threads] * self._count
            self._workers = [WorkerProcess(pickled, each, self._log, self._mark) for each in variables]
        return self

    def __exit__(self, *exc: object) -> None:
        """Kill the workers and the processes that they started."""
        with interrupts_deferred():
            self._end()

    def _end(self) -> None:
        atexit.unregister(self._end)
        workers, self._workers = self._workers, []
        for each in workers:
            each.kill()
        remove_unused()  # what only the workers held
        guardian, self._guardian = self._guardian, None
        if guardian is not None:
            guardian.dismiss()

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker.

        Raises:
            RuntimeError: Every worker is busy, or the executor was not entered.
        """
        idle = next((each for each in self._workers if each.job is None), None)
        if idle is None:
            raise RuntimeError("every slot of the executor is taken" if self._workers else "enter the executor first")
        (idle if idle.alive else self._replace(idle)).take(job)

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        """Block until at least one report was handled, or the timeout (seconds) passed, or nothing runs.

        Raises:
            UserError: The trainer's ``setup`` raised it.
            EnvironmentFault: A training could not write its checkpoint, or not read its data.
            RuntimeError: ``setup`` raised another exception, or killed its process several times.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while busy := [each for each in self._workers if each.job is not None]:
            if unsent := [each for each in busy if each.unsent is not None]:
                for each in unsent:
                    each.give_up(handle)
                return
            left = min([_LONGEST_WAIT, *(min(each.seconds_left, each.silence.seconds_left) for each in busy)])
            if self._memory_limit is not None:
                left = min(left, _LOOK_AT_MEMORY_EVERY)
            if deadline is not None:
                left = min(left, max(0.0, deadline - time.monotonic()))
            ready = set(wait_for([waitable for each in busy for waitable in each.waitables], left))
            # A list, not a generator: every ready worker is served before the loop decides whether to wait again.
            served = [self._serve(each, handle) for each in busy if ready.intersection(each.waitables)]
            late = self._kill_over_time(handle)
            if any(served) or late or self._note_silence(handle) or self._kill_over_limit(handle):
                return
            if deadline is not None and time.monotonic() >= deadline:
                return

    def _serve(self, each: WorkerProcess, handle: Callable[[Report], bool]) -> bool:
        """Process the message of a worker, or its death; return whether a report was handled."""
        message = each.receive()
        if isinstance(message, worker.SetupFailed):
            raise message.error()
        if isinstance(message, worker.Interrupted):
            raise message.error
        if isinstance(message, worker.Ready):
            each.became_ready()
            return False
        if isinstance(message, EpochProgress):  # the training did not wait for an answer
            handle(message)
            each.silence.heard(message)
            return True
        if isinstance(message, Message):
            each.answer(handle, message)
            return True
        if message is None and not each.ready:
            self._restart(each)
            return False
        report: Report = death(each.trial, each.exit_code(), each.seconds) if message is None else message
        out_of_memory = isinstance(report, Failed) and report.cause == OUT_OF_MEMORY
        each.job = None
        if message is None or out_of_memory or each.growth() > self._largest_growth(each):
            self._replace(each)
        handle(report)
        return True

    def _restart(self, each: WorkerProcess) -> None:
        """Replace a worker that died before it was ready; its job was not begun, so the new worker takes it."""
        job, code = each.job, each.exit_code()
        if each.setups == _SETUPS_TRIED:
            raise RuntimeError(
                f"A worker died {_SETUPS_TRIED} times while it loaded the data and its framework; the last time: "
                f"{death(0, code, 0).error}{last_lines(self._log)}"
            )
        replacement = self._replace(each)
        replacement.setups = each.setups + 1
        if job is not None:
            replacement.take(job)

    def _replace(self, old: WorkerProcess) -> WorkerProcess:
        with interrupts_deferred():
            old.kill()
            new = old.successor()
            self._workers[self._workers.index(old)] = new
        return new

    def _largest_growth(self, each: WorkerProcess) -> float:
        if self._memory_limit is None:
            return _LARGEST_GROWTH
        return min(_LARGEST_GROWTH, (self._memory_limit - each.memory_at_first) / 2)

    def _kill_over_time(self, handle: Callable[[Report], bool]) -> bool:
        """Fail the trials whose trainings take longer than they may; return whether there was one."""
        late = [(each, each.job) for each in self._workers if each.job is not None and each.seconds_left <= 0]
        for each, job in late:
            seconds = each.seconds
            self._replace(each)
            handle(timed_out(job, seconds))
        return bool(late)

    def _note_silence(self, handle: Callable[[Report], bool]) -> bool:
        """Report the workers that seem to hang, once each; return whether there was one."""
        silent = [(each, each.job) for each in self._workers if each.job is not None and not each.silence.seconds_left]
        for each, job in silent:
            handle(each.silence.note(job.trial, each.pid, job.time_limit_s is not None))
        return bool(silent)

    def _kill_over_limit(self, handle: Callable[[Report], bool]) -> bool:
        """Fail the trials whose workers exceed the memory limit; return whether there was one."""
        limit, now = self._memory_limit, time.monotonic()
        if limit is None or now - self._looked_at_memory < _LOOK_AT_MEMORY_EVERY:
            return False
        self._looked_at_memory = now
        over = [each for each in self._workers if each.job is not None and each.memory() > limit]
        for each in over:
            used, trial, seconds = each.memory(), each.trial, each.seconds
            if not each.ready:
                raise UserError(
                    f"A worker needs {size_text(used)} for its data and framework alone, more than its limit of"
                    f" {size_text(limit)}. Use fewer workers or smaller data."
                )
            self._replace(each)
            error = f"The worker used {size_text(used)} of memory, more than its limit of {size_text(limit)}."
            handle(Failed(trial, OUT_OF_MEMORY, error, seconds=seconds))
        return bool(over)


def _check_may_start_processes() -> None:
    """Check that this process may start others.

    Raises:
        UserError: It is daemonic.
    """
    if multiprocessing.current_process().daemon:
        raise UserError(
            "executor processes cannot be used in a daemonic process, such as a worker of multiprocessing.Pool, Dask or"
            ' Celery: Python lets it start none. Use executor "inline", or search in a process of its own.',
            "executor",
        )
