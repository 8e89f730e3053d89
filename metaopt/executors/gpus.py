"""GPUs of worker processes: which worker trains on which GPU, and with what share of its memory."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

from metaopt.errors import Note, UserError, invalid_value
from metaopt.executors.hardware import Gpu, visible_gpus
from metaopt.quantities import plural, size_text

AUTO = "auto"  # workers: as many as the GPUs take
SHARE = 0.9  # of the free memory of a GPU, for the trials that share it; the rest is for their CUDA contexts
LEAST_BYTES = 10**9  # of GPU memory for a trial; cuDNN and cuBLAS alone take some 100 MB of workspace
# Read by a worker before it imports its backend: fraction of the GPU's whole memory, and the same in bytes if known.
FRACTION, LIMIT = "METAOPT_GPU_FRACTION", "METAOPT_GPU_LIMIT"
_JAX_FRACTIONS = ("XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_CLIENT_MEM_FRACTION")  # JAX refuses both at once


@dataclass(frozen=True)
class GpuShare:
    """GPU of a worker, and its share of the memory.

    Attributes:
        device: name of the GPU in ``CUDA_VISIBLE_DEVICES``.
        fraction: share of the GPU's whole memory, or None for a worker that has the GPU for itself.
        limit_bytes: that share in bytes; None if the memory of the GPU is unknown.
    """

    device: str
    fraction: float | None = None
    limit_bytes: int | None = None

    def environment(self) -> dict[str, str]:
        """Return environment variables of the worker, which pin it to the GPU and limit its memory.

        JAX reads its own variable; ``metaopt.training.backend`` sets the limits of TensorFlow and torch.
        """
        variables = {"CUDA_VISIBLE_DEVICES": self.device}
        if self.device.isdecimal() and "CUDA_VISIBLE_DEVICES" not in os.environ:
            variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order in which nvidia-smi numbers them
        if self.fraction is None:
            return variables
        variables[FRACTION] = f"{self.fraction:.4f}"
        variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # memory within the limit is allocated as needed
        if self.limit_bytes is not None:
            variables[LIMIT] = str(self.limit_bytes)
        if not any(name in os.environ for name in _JAX_FRACTIONS):
            variables[_JAX_FRACTIONS[0]] = variables[FRACTION]
        return variables


def memory_fraction() -> float | None:
    """Return the share of the GPU's memory that this worker may use; None for no limit."""
    text = os.environ.get(FRACTION)
    return None if text is None else float(text)


def memory_limit_mib() -> int | None:
    """Return the MiB of GPU memory that this worker may use; None for no limit, or where it is unknown."""
    text = os.environ.get(LIMIT)
    return None if text is None else int(text) // 2**20


def share_gpus(workers: int, trials_per_gpu: int | None = None) -> tuple[GpuShare, ...]:
    """Return the GPU and the share of each worker, in turn over the visible GPUs; empty without a GPU.

    Args:
        workers: number of workers.
        trials_per_gpu: number of trials that share a GPU, or None for as many as the workers need.
    """
    gpus = visible_gpus()
    if not gpus:
        return ()
    each = max(trials_per_gpu or 1, math.ceil(workers / len(gpus)))  # a study may be resumed on fewer GPUs
    return tuple(share_gpu(gpus[number % len(gpus)], each) for number in range(workers))


def resolve_workers(
    executor: str,
    workers: int | str | None,
    trials_per_gpu: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> int | str | None:
    """Return the number of workers, where it follows from the GPUs; else what was given.

    Args:
        executor: name of the executor; ``inline`` has one worker.
        workers: a number, ``"auto"`` for as many as the GPUs take, or None if it was not given.
        trials_per_gpu: number of trials that share a GPU, if that was given; ``workers`` is then ``"auto"`` by default.
        note: is told where there are fewer GPUs than asked for.

    Raises:
        UserError: There is no GPU to share, too few of them, or too little memory.
    """
    if trials_per_gpu is not None and (not isinstance(trials_per_gpu, int) or trials_per_gpu < 1):
        raise invalid_value("trials_per_gpu", trials_per_gpu, "Expected an integer >= 1.")
    if workers != AUTO and trials_per_gpu is None:
        return workers
    if executor == "ray":
        given = "workers auto" if trials_per_gpu is None else "trials_per_gpu"
        raise UserError(
            f"{given} counts the GPUs of this machine. With the executor ray, give the most trials at once (workers),"
            " and the share of a GPU that each needs (worker_gpus), e.g. 0.25.",
            *("workers", "trials_per_gpu", "worker_gpus"),
        )
    if executor == "inline":
        if trials_per_gpu is not None:
            raise UserError(
                "trials_per_gpu needs executor processes; inline trains one trial at a time.",
                *("trials_per_gpu", "executor"),
            )
        return 1
    gpus = visible_gpus()
    if trials_per_gpu is not None:
        _check_share(gpus, trials_per_gpu)
    room = max(1, len(gpus)) * (trials_per_gpu or 1)
    if workers is not None and workers != AUTO:
        if isinstance(workers, int) and workers > room:
            raise UserError(
                f"Invalid value for workers: {workers}. Expected at most {room}: {plural(len(gpus), 'GPU')} with"
                f" trials_per_gpu {trials_per_gpu}.",
                "workers",
                "trials_per_gpu",
            )
        return workers
    if not gpus:
        note(Note("No GPU was found, so workers auto is 1. On CPUs, give the number of trials at once.", "workers"))
    named = len(os.environ.get("CUDA_VISIBLE_DEVICES", "").split(","))
    if gpus and named > len(gpus) and "CUDA_VISIBLE_DEVICES" in os.environ:
        note(f"CUDA_VISIBLE_DEVICES names {plural(named, 'GPU')}, of which CUDA can use {len(gpus)}.")
    return room


def _check_share(gpus: list[Gpu], trials_per_gpu: int) -> None:
    """Check that the GPUs hold so many trials each.

    Raises:
        UserError: There is no GPU, or a trial would have too little memory.
    """
    if not gpus:
        raise UserError("trials_per_gpu needs a GPU, and none was found: leave it out.", "trials_per_gpu")
    free = min((gpu.free_bytes for gpu in gpus if gpu.free_bytes is not None), default=None)
    if free is not None and trials_per_gpu > 1 and SHARE * free / trials_per_gpu < LEAST_BYTES:
        most = max(1, int(SHARE * free / LEAST_BYTES))
        raise invalid_value(
            "trials_per_gpu",
            trials_per_gpu,
            f"Expected at most {most}: {size_text(free)} of GPU memory are free, and a trial needs"
            f" {size_text(LEAST_BYTES)} or more.",
        )


def share_gpu(gpu: Gpu, trials: float) -> GpuShare:
    """Return the share of one of several trials on a GPU; 2.5 trials are a share of 40 %."""
    if trials == 1:
        return GpuShare(gpu.device)
    free_part = 1.0 if not gpu.free_bytes or not gpu.total_bytes else min(1.0, gpu.free_bytes / gpu.total_bytes)
    limit = None if gpu.free_bytes is None or gpu.total_bytes is None else int(SHARE * gpu.free_bytes / trials)
    return GpuShare(gpu.device, SHARE * free_part / trials, limit)
