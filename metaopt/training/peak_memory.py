"""Peak memory of a piece of work in this process, and on its accelerator."""

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)


@dataclass
class PeakMemory:
    """Largest memory while some work ran.

    Attributes:
        process: bytes of main memory (resident) of the whole process.
        accelerator: bytes on the accelerator; None where there is none, or its framework does not tell.
    """

    process: int = 0
    accelerator: int | None = None


@contextlib.contextmanager
def measured_memory() -> Iterator[PeakMemory]:
    """Measure the peak of what runs inside; the values are set at its end.

    On systems other than Linux the peak is that of the process since its start.
    """
    with contextlib.suppress(OSError):
        _RESET.write_text("5")  # the peak becomes the present size
    device = _Accelerator()
    device.reset()
    found = PeakMemory()
    try:
        yield found
    finally:
        found.process = _peak_of_process()
        found.accelerator = device.peak()


def _peak_of_process() -> int:
    with contextlib.suppress(OSError):
        if match := _PEAK.search(_STATUS.read_text()):
            return 1024 * int(match[1])
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return int(info.peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class _Accelerator:
    """The first GPU, as the backend of Keras sees it."""

    def __init__(self) -> None:
        import keras

        self._backend = keras.backend.backend()

    def reset(self) -> None:
        """Begin to measure."""
        if self._backend == "tensorflow" and (memory := _tensorflow_memory()) is not None:
            memory.reset_memory_stats("GPU:0")
        if self._backend == "torch":
            import torch

            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """Return the largest bytes in use."""
        if self._backend == "tensorflow":
            memory = _tensorflow_memory()
            return None if memory is None else int(memory.get_memory_info("GPU:0")["peak"])
        if self._backend == "torch":
            import torch

            return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
        if self._backend == "jax":  # its peak cannot be reset: it is that of all trainings so far
            import jax

            device = jax.local_devices()[0]
            stats = device.memory_stats() if device.platform != "cpu" else None
            return None if stats is None else stats.get("peak_bytes_in_use")
        return None


def _tensorflow_memory() -> Any:
    """Return TensorFlow's functions on memory; None without a GPU."""
    import tensorflow as tf

    return tf.config.experimental if tf.config.list_logical_devices("GPU") else None
