"""Settings of the machine and of Keras' backend that every training of a worker shares, and their description."""

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

import joblib

_MIXED_FLOAT16 = (7, 0)  # compute capability of the first GPUs with float16 tensor cores (Volta)
_MIXED_BFLOAT16 = (8, 0)  # and with bfloat16 (Ampere), whose range needs no loss scaling
# Of glibc's malloc.h: name → (number of the parameter, value); see ``_keep_memory``.
_MALLOPT = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_MMAP_MAX": (-4, 0), "M_ARENA_MAX": (-8, 1)}
_PACKAGES = ("metaopt", "keras", "tensorflow", "jax", "torch", "numpy")


def prepare(threads: int | None = None, deterministic: bool = False) -> None:
    """Sets a worker's process up, before it trains anything and best before Keras is imported.

    On a GPU memory is taken as it is needed, and layers compute in 16 bits where the chip is made for it (weights, and
    heads by the blueprint, stay in 32).

    Args:
        threads: CPU threads; None for what the environment says (an executor's worker has it set), else all cores.
        deterministic: operations whose results depend on the order of threads are replaced by slower ones, or refused.
    """
    _keep_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # Without AVX-512 TensorFlow leaves oneDNN out by default, although its convolutions are the faster ones there, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if threads is not None:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
            os.environ[name] = str(threads)
    if deterministic:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
    import keras

    prepare_backend = {"tensorflow": _prepare_tensorflow, "torch": _prepare_torch}.get(keras.backend.backend())
    if prepare_backend is not None:
        prepare_backend(deterministic)
    policy = _policy()
    if policy is not None:
        keras.config.set_dtype_policy(policy)


def describe() -> dict[str, Any]:
    """For a trial's record: ``device``, ``threads``, ``backend``, ``versions``."""
    import keras

    return {
        "device": _gpu()[0] or _processor(),
        "threads": _threads(),
        "backend": keras.backend.backend(),
        "versions": _versions(),
    }


@contextlib.contextmanager
def clean_session() -> Iterator[None]:
    """What is built and traced within leaves no memory behind, so that a worker can train any number of models."""
    import keras

    keras.utils.clear_session()
    registry = _gradient_registry() if keras.backend.backend() == "tensorflow" else {}
    known = set(registry)
    try:
        yield
    finally:
        for name in registry.keys() - known:
            del registry[name]
        keras.utils.clear_session()
        gc.collect()
        _give_memory_back()


@lru_cache
def _c_library() -> Any:
    """glibc, or None on a system without it."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _keep_memory() -> None:
    """Has the C library keep memory that a training step frees for the next one.

    By default glibc maps each large block anew and gives it back at once. The activations of a step are such blocks:
    tens of megabytes whose every page the kernel has to zero again, which took as long as the computing itself on a
    virtual machine (benchmarks/cpu_settings.py). One arena, as blocks are not freed by the threads that took them.
    """
    library = _c_library()
    if library is not None:
        for parameter, value in _MALLOPT.values():
            library.mallopt(parameter, value)


def _give_memory_back() -> None:
    """Returns what ``_keep_memory`` kept and nothing uses, between two trainings."""
    library = _c_library()
    if library is not None:
        library.malloc_trim(0)


def _gradient_registry() -> dict[str, Any]:
    """TensorFlow's gradient functions by name.

    Each trace of a training step adds one for the exchange of gradients between replicas, which holds on to the whole
    graph: 2 MB of a model with a dozen layers, 20 MB of one with a hundred. Nothing in TensorFlow takes it out again.
    """
    from tensorflow.python.framework import ops

    return getattr(ops.gradient_registry, "_registry", {})


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or joblib.cpu_count())


def _prepare_tensorflow(deterministic: bool) -> None:
    import tensorflow as tf

    tf.get_logger().setLevel(logging.ERROR)
    gpus = tf.config.list_physical_devices("GPU")
    # Refused once the devices are in use, as in a notebook that has trained before.
    with contextlib.suppress(RuntimeError):
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def _prepare_torch(deterministic: bool) -> None:
    import torch

    torch.set_num_threads(_threads())
    if deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)


def _policy() -> str | None:
    """The mixed precision that suits the chip, or None."""
    kind, capability = _gpu()
    if capability is None:
        return "mixed_bfloat16" if kind is not None and "TPU" in kind else None
    if capability >= _MIXED_BFLOAT16:
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= _MIXED_FLOAT16 else None


def _gpu() -> tuple[str | None, tuple[int, int] | None]:
    """The accelerator's name and, for an NVIDIA GPU, its compute capability; None for each that there is not."""
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
        return str(device.device_kind), _pair(capability) if capability else None
    import torch

    if not torch.cuda.is_available():
        return None, None
    return torch.cuda.get_device_name(), torch.cuda.get_device_capability()


def _pair(capability: str) -> tuple[int, int]:
    major, minor = capability.split(".")
    return int(major), int(minor)


def _processor() -> str:
    """The CPU's name where the system tells it, else its architecture."""
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
