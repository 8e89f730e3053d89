"""Inline executor: jobs run one after the other in the driver's own process, e.g. in a debugger."""

import contextlib
import threading
import time
from collections.abc import Callable

from metaopt.engine.jobs import Failed, Finished, Job, Message, Rejected, Report, Trainer
from metaopt.executors.failures import attempt, failure, timed_out
from metaopt.executors.time_limit import TimeIsOver, TimeLimit
from metaopt.terminal.interruption import interrupts_noted
from metaopt.terminal.output import plain_output


class Inline:
    """Trains in the process and thread that call ``wait``.

    A breakpoint in a user's function works, and nothing has to be picklable. On the other hand, a training that
    segfaults ends the search, and ``wait`` returns only when the job has ended: its timeout cannot interrupt it.

    A job with a time limit is ended by an alarm, where the system has one and ``wait`` is called in the main thread;
    else, and while compiled code runs, at its next report.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._ready = False
        self._job: Job | None = None

    @property
    def slots(self) -> int:
        """One job at a time."""
        return 1

    def submit(self, job: Job) -> None:
        """Take a job, which ``wait`` then trains.

        Raises:
            RuntimeError: A job is waiting already.
        """
        if self._job is not None:
            raise RuntimeError("every slot of the executor is taken")
        self._job = job

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:  # noqa: ARG002
        """Train the job, if there is one, to its end; the timeout has no effect.

        Raises:
            UserError: The trainer's ``setup`` raised it.
            EnvironmentFault: The training could not write its checkpoint, or not read its data.
        """
        if self._job is None:
            return
        if not self._ready:
            with plain_output():
                self._trainer.setup(self._job.options)
            self._ready = True

        # An error of the driver (a full disk, say) must not look like one of the training around it.
        errors: list[BaseException] = []

        def report(message: Message) -> bool:
            if not errors:
                try:
                    with watch.paused():
                        return handle(message)
                except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised below
                    errors.append(error)
            raise _DriverError

        job, self._job = self._job, None
        if job.time_limit_s is not None and job.time_limit_s <= 0:
            handle(timed_out(job, 0.0))
            return
        watch, end = TimeLimit(job.time_limit_s), None
        with contextlib.suppress(TimeIsOver), watch, plain_output():
            end = _attempt(self._trainer, job, report)
        if errors:
            raise errors[0]
        if end is None or watch.is_over:
            end = timed_out(job, watch.seconds)
        handle(end)

    def __enter__(self) -> "Inline":
        """Start nothing: the trainer is set up before its first job."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Drop a job that was not begun."""
        self._job = None


def _attempt(trainer: Trainer, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
    """Train a job; a KeyboardInterrupt that the user's code raised, without Ctrl-C, fails it as in a worker.

    Raises:
        EnvironmentFault: A checkpoint could not be written, or the data not be read.
        KeyboardInterrupt: The user pressed Ctrl-C.
    """
    start = time.monotonic()
    with interrupts_noted() as arrived:
        try:
            return attempt(trainer, job, report)
        except KeyboardInterrupt as error:
            # Another thread learns of no signal, but a program may interrupt it so.
            if arrived or threading.current_thread() is not threading.main_thread():
                raise
            return failure(job.trial, error, time.monotonic() - start)


class _DriverError(BaseException):
    """Ends a training whose driver failed; no ``except Exception`` in it stops that."""
