"""What of this machine a new study depends on: whether there is a GPU, and how much memory is free."""

import shutil
import subprocess

import psutil

SHARE = 0.8  # of what is free; the rest is for the framework itself and its workspace


def has_gpu() -> bool:
    """Whether an NVIDIA GPU answers; asked without a framework, which would take hold of it."""
    return bool(_gpu_bytes())


def free_memory(workers: int) -> float:
    """Bytes that one trial may take: of the smallest GPU, or of main memory, shared by the workers."""
    free = min(_gpu_bytes(), default=psutil.virtual_memory().available)
    return SHARE * free / workers


def worker_memory(workers: int) -> int:
    """Bytes of main memory above which a worker is ended, before it takes the machine down."""
    return int(0.9 * psutil.virtual_memory().total / workers)


def _gpu_bytes() -> list[int]:
    """Free bytes of each GPU; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return [int(line) * 2**20 for line in answer.stdout.split() if line.isdecimal()]
