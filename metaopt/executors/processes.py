"""Process executor: jobs run in worker processes that stay alive from trial to trial.

Built on the standard library's multiprocessing (spawned processes, one pipe each) instead of Pebble or loky: their
pools give a task to any free worker and see only its end. Here each epoch is a handshake between a trial and the
driver, and a worker's death must fail the one trial that it trained.
"""

import atexit
import contextlib
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import cloudpickle
import psutil

from metaopt.engine.jobs import EpochProgress, Failed, Job, Message, Report, Trainer
from metaopt.errors import UserError, invalid_value
from metaopt.executors import worker
from metaopt.executors.descendants import VARIABLE, Guardian, add_mark, kill_group, kill_marked
from metaopt.executors.failures import OUT_OF_MEMORY, death, failure, timed_out
from metaopt.executors.gpus import GpuShare
from metaopt.executors.hardware import cpu_count
from metaopt.executors.log_tail import last_lines
from metaopt.executors.silence import SilenceWatch
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
        self._workers: list[_Worker] = []
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
        """Start the workers; each sets its trainer up when it gets its first job."""
        pickled = cloudpickle.dumps(self._trainer)
        with interrupts_deferred():
            atexit.register(self._end)  # before multiprocessing waits for workers that an interruption left
            self._guardian = Guardian(self._mark)
            threads = worker.environment(self._threads)
            variables = [{**threads, **gpu.environment()} for gpu in self._gpus] or [threads] * self._count
            self._workers = [_Worker(pickled, each, self._log, self._mark) for each in variables]
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

    def _serve(self, each: "_Worker", handle: Callable[[Report], bool]) -> bool:
        """Process the message of a worker, or its death; return whether a report was handled."""
        message = each.receive()
        if isinstance(message, worker.SetupFailed):
            raise message.user_error or RuntimeError(f"A worker could not be set up.\n{message.traceback}")
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

    def _restart(self, each: "_Worker") -> None:
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

    def _replace(self, old: "_Worker") -> "_Worker":
        with interrupts_deferred():
            old.kill()
            new = old.successor()
            self._workers[self._workers.index(old)] = new
        return new

    def _largest_growth(self, each: "_Worker") -> float:
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


class _Worker:
    """One worker process, as the driver sees it."""

    def __init__(self, pickled_trainer: bytes, variables: Mapping[str, str], log: str | None, mark: str) -> None:
        self._arguments = (pickled_trainer, variables, log, mark)
        self._mark = uuid.uuid4().hex
        self.job: Job | None = None
        self.unsent: Failed | None = None  # of a job whose point cannot be pickled
        self.ready = False
        self.setups = 1  # number of starts of this worker without getting ready
        self.memory_at_first = 0  # bytes, when it was ready
        self.silence = SilenceWatch()
        self._since = 0.0
        _leave_deleted_folder()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        # Not a daemon, so that a user's training can start processes.
        # The kernel ends a worker with the thread that started it, so only a thread that lasts as long as the process.
        driver = os.getpid() if threading.current_thread() is threading.main_thread() else None
        arguments = theirs, pickled_trainer, log, driver
        self._process = context.Process(target=worker.main, args=arguments, name="metaopt worker")
        marked = {**variables, VARIABLE: add_mark(f"{mark},{self._mark}")}
        with _interrupts_blocked(), _inherited(marked), _main_hidden():
            self._process.start()
        theirs.close()  # so that the worker's death closes the connection
        self.pid: int = self._process.pid or 0

    def successor(self) -> "_Worker":
        """Return a new worker with the same arguments."""
        return _Worker(*self._arguments)

    @property
    def alive(self) -> bool:
        """Whether the process is alive."""
        return self._process.is_alive()

    @property
    def waitables(self) -> list[Any]:
        """Objects that become ready when the worker sent a message or died.

        Its end of the connection may outlive it, in a process that it forked, so both are watched.
        """
        return [self._connection, self._process.sentinel]

    @property
    def trial(self) -> int:
        """Number of the trial that it trains; −1 for none."""
        return -1 if self.job is None else self.job.trial

    @property
    def seconds(self) -> float:
        """Seconds of its job so far, without those in which it was not ready yet or the driver handled its reports."""
        return time.monotonic() - self._since

    @property
    def seconds_left(self) -> float:
        """Seconds until the time limit of its job; infinite without one, or before it is ready."""
        if self.job is None or self.job.time_limit_s is None or not self.ready:
            return math.inf
        return max(0.0, self.job.time_limit_s - self.seconds)

    def take(self, job: Job) -> None:
        """Give it a job; a worker that is not ready yet trains it as soon as it is."""
        self.job, self._since = job, time.monotonic()
        self.silence.begin()
        try:
            parcel = worker.pack(job)
        except Exception as error:  # noqa: BLE001 - of the methods of the user's objects in the point
            self.unsent = failure(job.trial, error, 0.0)
        else:
            self._send(parcel)

    def give_up(self, handle: Callable[[Report], bool]) -> None:
        """Report the failure of a job that could not be sent."""
        report, self.unsent, self.job = self.unsent, None, None
        if report is not None:
            handle(report)

    def answer(self, handle: Callable[[Message], bool], message: Message) -> None:
        """Answer the epoch that it reported: whether the training continues."""
        before = time.monotonic()
        trains_on = handle(message)
        self._since += time.monotonic() - before
        self._send(trains_on)
        self.silence.heard(message)

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it died; the next check of its sentinel finds it
            worker.send(self._connection, message)

    def receive(self) -> Any:
        """Return its next message, also if it died since; None if there is none left."""
        try:
            return worker.receive(self._connection) if self._connection.poll() else None
        except (EOFError, OSError):
            return None

    def exit_code(self) -> int | None:
        """Return its exit code, after waiting for its end."""
        self._process.join(timeout=5)
        return self._process.exitcode

    def became_ready(self) -> None:
        """Store the memory that it needs for data and frameworks alone; its job begins."""
        self._since = time.monotonic()
        self.ready, self.memory_at_first = True, self.memory()

    def memory(self) -> int:
        """Return its resident memory in bytes; 0 if it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def growth(self) -> int:
        """Return the bytes by which it grew since it was ready."""
        return self.memory() - self.memory_at_first

    def kill(self) -> None:
        """Kill it, with the processes that it started, also those that are no longer its children."""
        self._process.kill()
        kill_group(self.pid)
        self._process.join()
        kill_marked(self._mark)
        self._connection.close()


@contextlib.contextmanager
def _inherited(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes started within the context; a worker's own code could not in time."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C within the context, so that a new process does not die of it before it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Its first start would unblock the signal, and it has to outlive the workers, so it must not inherit their marks.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_deleted_folder() -> None:
    """Change to a folder that exists, where a new process can start, if the user's code is in one that was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        os.chdir(Path(sys.executable).anchor)


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep processes started within the context from running the user's script again, as multiprocessing's would.

    cloudpickle sends definitions of the script by value, so it is not needed, and a script may search without an
    ``if __name__ == "__main__"`` guard (loky does the same).
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
