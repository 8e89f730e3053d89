"""Hardware of this machine: GPUs and free memory."""

import shutil
import subprocess

import psutil

SHARE = 0.8  # of what is free; the rest is for the framework itself and its workspace


def has_gpu() -> bool:
    """Return whether there is an NVIDIA GPU; found without a framework, which would occupy it."""
    return bool(_gpu_bytes())


def free_memory(workers: int) -> float:
    """Return the bytes that one trial may use: of the smallest GPU, or of main memory, shared by the workers."""
    free = min(_gpu_bytes(), default=psutil.virtual_memory().available)
    return SHARE * free / workers


def worker_memory(workers: int) -> int:
    """Return the bytes of main memory above which a worker is ended, before the machine runs out of it."""
    return int(0.9 * psutil.virtual_memory().total / workers)


def _gpu_bytes() -> list[int]:
    """Return the free bytes of each GPU; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return [int(line) * 2**20 for line in answer.stdout.split() if line.isdecimal()]
