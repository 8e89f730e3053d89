"""Configuration of the Keras backend, memory allocator and threads of a worker process."""

import contextlib
import ctypes
import gc
import logging
import os
import platform
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from metaopt.executors.gpus import memory_fraction, memory_limit_mib
from metaopt.executors.hardware import cpu_count
from metaopt.training import global_state, jax_programs
from metaopt.training.keras_backend import import_keras

_MIXED_FLOAT16 = (7, 0)  # compute capability of the first GPUs with float16 tensor cores (Volta)
_MIXED_BFLOAT16 = (8, 0)  # and with bfloat16 (Ampere), whose range needs no loss scaling
# Parameters of glibc's malloc.h: name → (number, value); see ``_retain_freed_memory``.
_MALLOPT = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0), "M_ARENA_MAX": (-8, 1)}
_prepared: set[str] = set()  # names of the policies that `prepare` has set
_PACKAGES = ("metaopt", "keras", "tensorflow", "jax", "torch", "numpy")


def prepare(threads: int | None = None, deterministic: bool = False) -> None:
    """Configure a worker process before it trains, preferably before Keras is imported.

    GPU memory is allocated as needed, up to the share that the executor gives a worker. Layers compute in mixed
    precision if the chip supports it; weights stay in 32 bits, and so do the heads of a blueprint.

    Args:
        threads: CPU threads; None for the number in the environment, which executors set, or else all cores.
        deterministic: replace operations whose results depend on the order of threads by slower ones, or raise.

    Raises:
        UserError: The backend of Keras is missing, broken or cannot train.
    """
    _retain_freed_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # TensorFlow disables oneDNN on CPUs without AVX-512, although its convolutions are faster there, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if threads is not None:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
            os.environ[name] = str(threads)
    if deterministic:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
    keras = import_keras()
    if keras.backend.backend() == "tensorflow":
        _prepare_tensorflow(deterministic)
    elif keras.backend.backend() == "jax":
        jax_programs.keep_programs()
    elif keras.backend.backend() == "torch":
        _prepare_torch(deterministic)
    policy = _policy()
    # A policy that the user set before, e.g. in a script that then searches in this process, stays in force.
    if policy is not None and keras.config.dtype_policy().name in ("float32", *_prepared):
        keras.config.set_dtype_policy(policy)
        _prepared.add(policy)


def describe() -> dict[str, Any]:
    """Return ``device``, ``threads``, ``backend``, ``precision`` and ``versions`` for the record of a trial."""
    import keras

    return {
        "device": _find_accelerator()[0] or _find_processor(),
        "threads": _threads(),
        "backend": keras.backend.backend(),
        "precision": global_state.describe_precision(),
        "versions": _versions(),
    }


@contextlib.contextmanager
def clean_session(*, collects: bool = True) -> Iterator[None]:
    """Release all memory of the models built inside the context, so that a worker can train any number of them.

    Settings of Keras and NumPy, such as the dtype policy, are in force inside, and as before when it is left.

    Args:
        collects: whether garbage is collected at once, which takes 0.2 seconds and more.
    """
    import keras

    registry = _gradient_registry() if keras.backend.backend() == "tensorflow" else {}
    known = set(registry)
    with global_state.preserved():
        try:
            yield
        finally:
            for name in registry.keys() - known:
                del registry[name]
            global_state.clear_session()
            if collects:
                gc.collect()
                _release_memory()


@lru_cache
def _c_library() -> Any:
    """Return glibc, or None on other systems."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _retain_freed_memory() -> None:
    """Make the C library retain freed memory, so that the next training step reuses it.

    By default glibc maps each large block separately and returns it to the kernel at once. The activations of a step
    are such blocks: tens of megabytes whose pages the kernel zeroes again for each step, which took as long as the
    computation itself on a virtual machine (benchmarks/cpu_settings.py). A single arena is used, because blocks are
    freed by other threads than those that allocated them.
    """
    library = _c_library()
    if library is not None:
        for parameter, value in _MALLOPT.values():
            library.mallopt(parameter, value)


def _release_memory() -> None:
    """Return unused memory to the kernel; called between trainings."""
    library = _c_library()
    if library is not None:
        library.malloc_trim(0)


def _gradient_registry() -> dict[str, Any]:
    """Return TensorFlow's registry of gradient functions by name.

    Each trace of a training step adds a function that references the whole graph: 2 MB for a model with a dozen layers,
    20 MB for one with a hundred. TensorFlow never removes it.
    """
    from tensorflow.python.framework import ops

    return getattr(ops.gradient_registry, "_registry", {})


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or cpu_count())


def _prepare_tensorflow(deterministic: bool) -> None:
    import tensorflow as tf

    tf.get_logger().setLevel(logging.ERROR)
    gpus = tf.config.list_physical_devices("GPU")
    limit = memory_limit_mib()
    # Raises RuntimeError once the devices are in use, e.g. in a notebook that has trained before.
    with contextlib.suppress(RuntimeError):
        for gpu in gpus:
            if limit is None:
                tf.config.experimental.set_memory_growth(gpu, True)
            else:  # growth within the limit is set by an environment variable, as both cannot be configured
                device = tf.config.LogicalDeviceConfiguration(memory_limit=limit)
                tf.config.set_logical_device_configuration(gpu, [device])
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def _prepare_torch(deterministic: bool) -> None:
    import torch

    torch.set_num_threads(_threads())
    fraction = memory_fraction()
    if fraction is not None and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(fraction)
    if deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)


def _policy() -> str | None:
    """Return the mixed-precision policy that the chip supports, or None."""
    name, capability = _find_accelerator()
    if capability is None:
        return "mixed_bfloat16" if name is not None and "TPU" in name else None
    if capability >= _MIXED_BFLOAT16:
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= _MIXED_FLOAT16 else None


def find_accelerator() -> str | None:
    """Return the name of the accelerator that the backend uses, or None for the CPU."""
    return _find_accelerator()[0]


def _find_accelerator() -> tuple[str | None, tuple[int, int] | None]:
    """Return the name of the accelerator and, for an NVIDIA GPU, its compute capability; each may be None."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
        return (details.get("device_name", "GPU") if gpus else None), details.get("compute_capability")
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        if device.platform == "cpu":
            return None, None
        capability = getattr(device, "compute_capability", None)  # "8.0"
        return str(device.device_kind), _parse_capability(capability) if capability else None
    import torch

    if not torch.cuda.is_available():
        return None, None
    return torch.cuda.get_device_name(), torch.cuda.get_device_capability()


def _parse_capability(capability: str) -> tuple[int, int]:
    major, minor = capability.split(".")
    return int(major), int(minor)


def _find_processor() -> str:
    """Return the name of the CPU if the system provides it, otherwise its architecture."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions
