"""Worker process: trains one job after the other and reports each epoch to its driver.

Messages are pickled with cloudpickle, so that functions of a script or a notebook can be sent too.
"""

import contextlib
import ctypes
import faulthandler
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import cloudpickle

from metaopt.engine.jobs import EpochProgress, Failed, Finished, Job, Message, Rejected, Trainer, TrainingOptions
from metaopt.errors import EnvironmentFault, UserError
from metaopt.executors.failures import attempt, failure
from metaopt.terminal.commands import anchor_import_paths
from metaopt.terminal.interruption import SIGNALS
from metaopt.terminal.output import safe_output
from metaopt.values.safe_text import class_name, first_line

_PR_SET_PDEATHSIG = 1  # of Linux' prctl.h: the signal that a process gets when the thread that started it ends


@dataclass(frozen=True)
class Parcel:
    """A job on its way to a worker.

    The point may hold objects of the user's that cannot be unpickled. That fails the trial, not the worker.

    Attributes:
        trial: number of its trial.
        options: options of the run.
        pickled: the job.
    """

    trial: int
    options: TrainingOptions
    pickled: bytes


def pack(job: Job) -> Parcel:
    """Return a job as it is sent to a worker.

    Raises:
        Exception: Its point cannot be pickled; of any type.
    """
    return Parcel(job.trial, job.options, cloudpickle.dumps(job))


def pack_trainer(trainer: Trainer) -> bytes:
    """Return a trainer as it is sent to workers.

    Raises:
        UserError: It cannot be pickled.
    """
    try:
        return cloudpickle.dumps(trainer)
    except Exception as error:  # an object may raise anything when it is pickled
        name = getattr(trainer, "name", class_name(trainer))
        cause = f"{class_name(error)}: {first_line(error)}"
        raise UserError(
            f"{name} cannot be sent to a worker, because it cannot be pickled ({cause})."
            " Create such objects, e.g. locks and open files, when it is called, or use the executor inline."
        ) from error


@dataclass(frozen=True)
class Ready:
    """The trainer is set up."""


@dataclass(frozen=True)
class SetupFailed:
    """The trainer could not be set up.

    Attributes:
        user_error: the exception, if it is a ``UserError``; else None.
        traceback: its traceback.
        missing_module: name of the module that could not be found, or None.
    """

    user_error: UserError | None
    traceback: str
    missing_module: str | None = None

    def error(self) -> Exception:
        """Return the exception for the driver."""
        if self.user_error is not None:
            return self.user_error
        text = f"A worker could not be set up.\n{self.traceback}"
        return RuntimeError(text) if self.missing_module is None else ModuleMissing(text, self.missing_module)


class ModuleMissing(RuntimeError):
    """A worker could not be set up, because its machine lacks a module.

    Args:
        text: message with the traceback.
        module: name of the module.
    """

    def __init__(self, text: str, module: str) -> None:
        super().__init__(text, module)
        self.module = module

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Interrupted:
    """Data or disk failed while a network was trained; the worker ends.

    Attributes:
        error: names the file and the reason.
    """

    error: EnvironmentFault


def send(connection: Connection, message: Any) -> None:
    """Send one message."""
    connection.send_bytes(cloudpickle.dumps(message))


def receive(connection: Connection) -> Any:
    """Receive one message.

    Raises:
        EOFError: The other side has closed the connection.
        OSError: The connection broke within a message.
    """
    return pickle.loads(connection.recv_bytes())


def environment(threads: int) -> dict[str, str]:
    """Return environment variables that must be set before a backend is imported.

    Args:
        threads: CPU threads of the worker; OpenMP (torch, oneDNN, BLAS), TensorFlow and XLA (jax) each read their
            own variable.
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1" if threads == 1 else "2",
        "NPROC": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
    }


def main(connection: Connection, pickled_trainer: bytes, log: str | None, driver: int | None = None) -> None:
    """Run a worker, until its driver closes the connection or dies.

    Args:
        connection: connection to the driver.
        pickled_trainer: a pickled ``Trainer``.
        log: a file to which all output is appended, or None to leave the output unchanged.
        driver: process id of the driver if the thread that started the worker lives as long as that process.
    """
    _leave_signals_to_driver()
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # its processes are a group, which the driver can end as a whole
    if driver is not None:
        _die_with(driver)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    if log is not None:
        _redirect_output(log)
    anchor_import_paths()
    faulthandler.enable()  # a segfault leaves a traceback in the log
    with safe_output(escapes_controls=False):  # what a network prints never ends its training
        _set_up_and_serve(connection, pickled_trainer)


def _leave_signals_to_driver() -> None:
    """Survive the signals that interrupt a search: the driver ends its workers.

    systemd and SLURM send SIGTERM to each process of a service or job, the workers included. A worker that died of it
    would fail its trial. Processes that a training forks or starts end by SIGTERM and SIGHUP as usual.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numbers = [number for number in SIGNALS if number != signal.SIGINT]
    for number in numbers:
        signal.signal(number, _do_nothing)  # a handler is not inherited by other programs, while SIG_IGN would be
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: [signal.signal(each, signal.SIG_DFL) for each in numbers])


def _do_nothing(*_: object) -> None:
    """Handle a signal."""


def _set_up_and_serve(connection: Connection, pickled_trainer: bytes) -> None:
    """Set the trainer up for the first job, and train until the driver closes the connection."""
    try:
        parcel: Parcel = receive(connection)
    except (EOFError, OSError):  # the driver ended before it had a job
        return
    try:
        trainer: Trainer = pickle.loads(pickled_trainer)
        trainer.setup(parcel.options)
    except BaseException as error:  # noqa: BLE001 - the driver raises it
        known = error if isinstance(error, UserError) else None
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        send(connection, SetupFailed(known, traceback.format_exc(), missing))
        return
    # The objects of frameworks and data stay for ever. A collection after each training would visit all of them, which
    # took 0.2 seconds.
    gc.collect()
    gc.freeze()
    send(connection, Ready())
    _serve(connection, trainer, parcel)


def _serve(connection: Connection, trainer: Trainer, parcel: Parcel) -> None:
    """Train a first job, then others until the driver closes the connection."""

    def report(message: Message) -> bool:
        try:
            send(connection, message)
            return True if isinstance(message, EpochProgress) else receive(connection)
        except (EOFError, OSError):
            os._exit(1)  # the driver is gone; an exception could be caught by the training, which would then continue

    while True:
        try:
            end = _train(trainer, parcel, report)
        except EnvironmentFault as error:
            send(connection, Interrupted(error))
            return
        _flush_output()
        send(connection, end)
        try:
            parcel = receive(connection)
        except (EOFError, OSError):
            return


def _train(trainer: Trainer, parcel: Parcel, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
    """Train a job; one that cannot be unpickled, or that raises KeyboardInterrupt, has failed.

    Ctrl-C does not reach a worker, so that the user's code raised it.

    Raises:
        EnvironmentFault: A checkpoint could not be written, or the data not be read.
    """
    start = time.monotonic()
    try:
        job: Job = pickle.loads(parcel.pickled)
    except BaseException as error:  # noqa: BLE001 - of the point's own methods
        return failure(parcel.trial, error, time.monotonic() - start)
    try:
        return attempt(trainer, job, report)
    except KeyboardInterrupt as error:
        return failure(parcel.trial, error, time.monotonic() - start)
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm that it set would end the next training


def _flush_output() -> None:
    """Write the buffers of the output, if the training has left streams that can be written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _die_with(driver: int) -> None:
    """Have the kernel kill this process when the driver dies, even while compiled code keeps all threads waiting."""
    if sys.platform != "linux":
        return
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != driver:  # it died before
        os._exit(1)


def _end_with_driver() -> None:
    """End this process when the driver ends, also in the middle of an epoch."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait([driver.sentinel])
        os._exit(1)


def _redirect_output(log: str) -> None:
    """Append the output of this process to a file, that of compiled libraries included."""
    os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
