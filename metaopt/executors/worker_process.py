"""A worker process as its driver sees it: its job, its messages, its memory and its end."""

import contextlib
import math
import multiprocessing
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from metaopt.engine.jobs import Failed, Job, Message, Report
from metaopt.executors import worker
from metaopt.executors.descendants import VARIABLE, add_mark, kill_group, kill_marked
from metaopt.executors.failures import failure
from metaopt.executors.silence import SilenceWatch
from metaopt.executors.spawning import start_process


class WorkerProcess:
    """One worker process, as the driver sees it.

    Args:
        pickled_trainer: a ``Trainer``, pickled by cloudpickle.
        variables: environment variables of the process.
        log: a file to which its output is appended, or None.
        mark: mark of the driver, by which the processes that a training leaves behind are found.

    Attributes:
        job: the job that it trains, or None.
        unsent: the failure of a job whose point cannot be pickled, or None.
        ready: whether its trainer is set up.
        setups: number of starts of this worker without getting ready.
        memory_at_first: resident bytes when it was ready.
        silence: watches its job.
        pid: its process id.
    """

    def __init__(self, pickled_trainer: bytes, variables: Mapping[str, str], log: str | None, mark: str) -> None:
        self._arguments = (pickled_trainer, variables, log, mark)
        self._mark = uuid.uuid4().hex
        self.job: Job | None = None
        self.unsent: Failed | None = None
        self.ready = False
        self.setups = 1
        self.memory_at_first = 0
        self.silence = SilenceWatch()
        self._since = 0.0
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        # Not a daemon, so that a user's training can start processes.
        # The kernel ends a worker with the thread that started it, so only a thread that lasts as long as the process.
        driver = os.getpid() if threading.current_thread() is threading.main_thread() else None
        arguments = theirs, pickled_trainer, log, driver
        self._process = context.Process(target=worker.main, args=arguments, name="metaopt worker")
        start_process(self._process, {**variables, VARIABLE: add_mark(f"{mark},{self._mark}")})
        theirs.close()  # so that the worker's death closes the connection
        self.pid: int = self._process.pid or 0

    def successor(self) -> "WorkerProcess":
        """Return a new worker with the same arguments."""
        return WorkerProcess(*self._arguments)

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
