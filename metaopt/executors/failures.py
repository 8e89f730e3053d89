"""Failures of trainings: a cause that is equal for equal causes, one sentence, and the traceback."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

from metaopt.engine.jobs import Failed, Finished, Job, Message, Rejected, Trainer
from metaopt.errors import EnvironmentFault
from metaopt.executors.plain_reports import plain_end, plain_message
from metaopt.problems.mistakes import CODE_ERRORS, find_mistake, locate, passes_through
from metaopt.terminal.output import open_standard_descriptors
from metaopt.values.safe_text import call_bounded, class_name, first_line, name_of, safe_str, safe_traceback

# Functions of a problem that every trial calls.
_FUNCTIONS = ("network", "training", "build_model", "build_and_train")
OUT_OF_MEMORY = "out of memory"
TIMEOUT = "timeout"
_LONGEST_MESSAGE = 300  # characters of an exception's message that an error sentence repeats

# Names of the out-of-memory exceptions of each backend. Compared by name, so that no framework is imported for it:
# tf.errors.ResourceExhaustedError, torch.cuda.OutOfMemoryError (torch.OutOfMemoryError), and Python's own.
_MEMORY_ERRORS = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
# Messages of XLA (jaxlib's XlaRuntimeError) and of torch's plain RuntimeError on a CPU.
_MEMORY_MESSAGES = ("RESOURCE_EXHAUSTED", "can't allocate memory", "not enough memory")
# The libraries of a GPU fail with other errors than the allocator: a handle or a workspace that does not fit, or a CUDA
# context. They come as RuntimeError from torch and jaxlib, and from TensorFlow as errors of these names.
_GPU_MESSAGES = (
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUDA error: out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
)
_GPU_ERRORS = {"InternalError", "UnknownError", "AbortedError", "FailedPreconditionError"}


def attempt(trainer: Trainer, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
    """Train one job; a training that raises has failed, and the search continues.

    Raises:
        EnvironmentFault: A checkpoint could not be written, or the data not be read. The trial is to resume.
        KeyboardInterrupt: The user pressed Ctrl-C. SystemExit and exceptions of the user's own are failures.
    """
    start, process, recursion_limit = time.monotonic(), os.getpid(), sys.getrecursionlimit()

    def forward(message: Message) -> bool:
        _end_copy_of(process)
        open_standard_descriptors()  # the training may have closed them
        return report(plain_message(job, message))

    try:
        try:
            end = trainer.train(job, forward)
        finally:
            sys.setrecursionlimit(recursion_limit)  # the training may have changed it, for all that follow
            open_standard_descriptors()
        return plain_end(job, end)
    except (EnvironmentFault, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a candidate raises must not end the search
        return failure(job.trial, error, time.monotonic() - start)
    finally:
        _end_copy_of(process)


def _end_copy_of(process: int) -> None:
    """End this process if it is a copy that a training forked: a second search would write to the same files."""
    if os.getpid() != process:
        with contextlib.suppress(OSError):  # the text in a buffer of Python would come out twice
            os.write(2, b"A process that a training forked returned from the training and was ended. Use os._exit.\n")
        os._exit(1)


def failure(trial: int, error: BaseException, seconds: float) -> Failed:
    """Return the failure of a training that raised an exception.

    Args:
        trial: number of the trial.
        error: the exception, with its traceback.
        seconds: wall seconds of the job.
    """
    name = class_name(error)
    message = first_line(error)[:_LONGEST_MESSAGE]
    place = call_bounded(lambda: locate(error))
    where = "" if place is None else f" ({place})"
    is_of_code = isinstance(error, CODE_ERRORS) and passes_through(error, _FUNCTIONS)
    mistake = call_bounded(lambda: str(find_mistake(error) or "")) if is_of_code else None
    return Failed(
        trial,
        cause=OUT_OF_MEMORY if is_out_of_memory(error) else name,
        error=(f"{name}: {message}" if message else f"{name} was raised.") + where,
        traceback=safe_traceback(error),
        seconds=seconds,
        mistake=mistake or "",
    )


def timed_out(job: Job, seconds: float) -> Failed:
    """Return the failure of a training that took longer than its trial may.

    Args:
        job: the job, which has a time limit.
        seconds: wall seconds of the job.
    """
    limit = job.time_limit_s if job.options.trial_timeout_s is None else job.options.trial_timeout_s
    error = f"The training took longer than the {limit:,g} s that a trial may take (trial_timeout_s)."
    return Failed(job.trial, TIMEOUT, error, seconds=seconds)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that the machine or its GPU ran out of memory."""
    names = {name_of(kind) for kind in type(error).__mro__}
    if names & _MEMORY_ERRORS:
        return True
    if not (isinstance(error, RuntimeError) or names & _GPU_ERRORS):
        return False
    texts = (*_MEMORY_MESSAGES, *_GPU_MESSAGES) if isinstance(error, RuntimeError) else _GPU_MESSAGES
    return any(text in safe_str(error) for text in texts)


def death(trial: int, exit_code: int | None, seconds: float) -> Failed:
    """Return the failure of a trial whose worker died.

    Args:
        trial: number of the trial.
        exit_code: as ``multiprocessing.Process.exitcode`` gives it: negative for a signal.
        seconds: wall seconds of the job.
    """
    if exit_code is None or exit_code >= 0:
        return Failed(trial, "worker exited", f"The worker ended with exit code {exit_code}.", seconds=seconds)
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {-exit_code}"
    hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return Failed(trial, f"worker killed ({name})", f"The worker was killed by {name}{hint}.", seconds=seconds)
