"""GPUs and free memory of this machine; the import path of earlier versions."""

from metaopt.executors.hardware import free_memory, has_gpu

__all__ = ["free_memory", "has_gpu"]
