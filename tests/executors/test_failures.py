"""Failures: causes, messages and tracebacks."""

import pytest

from metaopt.executors.failures import death, failure, is_out_of_memory


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class XlaRuntimeError(RuntimeError):
    """Named as jaxlib's."""


class InternalError(Exception):
    """Named as TensorFlow's."""


class BatchOfGpuError(ResourceExhaustedError):
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (ResourceExhaustedError("OOM when allocating tensor with shape[700,40,32,32]"), True),
        (BatchOfGpuError(), True),
        (OutOfMemoryError("CUDA out of memory."), True),
        (XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."), True),
        (XlaRuntimeError("INTERNAL: an autotuner failed"), False),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (InternalError("Failed call to cuDeviceGet: CUDA_ERROR_OUT_OF_MEMORY: out of memory"), True),
        (InternalError("cuDNN launch failure"), False),
        (ValueError("RESOURCE_EXHAUSTED is a word"), False),
    ],
    ids=repr,
)
def test_out_of_memory_is_recognised_on_every_backend(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_a_failure_names_the_exception_and_its_first_line() -> None:
    failed = failure(3, ValueError("\n  bad shape (3,)\nmore"), 1.5)
    assert (failed.trial, failed.cause, failed.error, failed.seconds) == (
        3,
        "ValueError",
        "ValueError: bad shape (3,)",
        1.5,
    )
    assert failed.traceback == "ValueError: \n  bad shape (3,)\nmore\n"


def test_a_failure_without_a_message_names_the_exception() -> None:
    assert failure(0, MemoryError(), 0).error == "MemoryError was raised."


@pytest.mark.parametrize(
    ("exit_code", "cause", "error"),
    [
        (
            -9,
            "worker killed (SIGKILL)",
            "The worker was killed by SIGKILL, as the system does when memory runs out.",
        ),
        (-11, "worker killed (SIGSEGV)", "The worker was killed by SIGSEGV."),
        (-40, "worker killed (signal 40)", "The worker was killed by signal 40."),
        (3, "worker exited", "The worker ended with exit code 3."),
    ],
)
def test_a_death_names_the_signal(exit_code: int, cause: str, error: str) -> None:
    failed = death(2, exit_code, 0)
    assert failed.cause == cause
    assert failed.error.endswith(error)
