"""Hardware of this machine, as far as this process may use it: GPUs, free memory and CPUs."""

import math
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import joblib
import psutil

from metaopt.executors.cgroups import cpu_limit, memory_limit
from metaopt.terminal.printable import printable

SHARE = 0.8  # of what is free; the rest is for the framework itself and its workspace
_PATIENCE_S = 10.0  # for nvidia-smi, which answers in about one second
_QUERY = ["nvidia-smi", "--query-gpu=uuid,memory.free,memory.total", "--format=csv,noheader,nounits"]
# The memory is "[N/A]" on boards with one memory for all. A line without a UUID is a number alone.
_LINE = re.compile(
    r"\s*(?:(?P<uuid>GPU-[\w-]+)\s*,\s*)?(?:(?P<free>[0-9]{1,9})|(?(uuid)\[[^,]*\]|(?!)))"
    r"(?:\s*,\s*(?:(?P<total>[0-9]{1,9})|\[[^,]*\]))?\s*",
    re.ASCII,
)
_hanging: set[str] = set()  # paths of an nvidia-smi that did not answer; asked once in the life of a process


def has_gpu(note: Callable[[str], None] | None = None) -> bool:
    """Return whether there is an NVIDIA GPU that this process may use.

    It is found without a framework, which would occupy it. GPUs that ``CUDA_VISIBLE_DEVICES`` hides do not count.

    Args:
        note: is told in a sentence that nvidia-smi failed, so that a GPU may be there that cannot be used.
    """
    answer = _ask_nvidia_smi()
    if answer.problem is not None and note is not None:
        note(f"nvidia-smi {answer.problem}, so the search assumes that there is no GPU.")
    return bool(_visible(answer.gpus))


def visible_gpus() -> list["Gpu"]:
    """Return the NVIDIA GPUs that this process may use, in the order of ``CUDA_VISIBLE_DEVICES``."""
    return _visible(_ask_nvidia_smi().gpus)


def free_memory(workers: int, trials_per_gpu: int | None = None) -> float:
    """Return the bytes that one trial may use: of the smallest visible GPU, or of main memory.

    Args:
        workers: number of trials at once, spread evenly over the GPUs.
        trials_per_gpu: number of trials that share a GPU, or None for as many as the workers need.
    """
    gpus = visible_gpus()
    known = [gpu.free_bytes for gpu in gpus if gpu.free_bytes is not None]
    if known:
        return SHARE * min(known) / max(trials_per_gpu or 1, math.ceil(workers / len(gpus)))
    return SHARE * _free_main_memory() / workers


def worker_memory(workers: int) -> int:
    """Return the bytes of main memory above which a worker is ended, before the machine or its container runs out."""
    limit = memory_limit()
    total = psutil.virtual_memory().total
    return int(0.9 * (total if limit is None else min(total, limit.total)) / workers)


def cpu_count() -> int:
    """Return the number of CPUs that this process may use: its affinity, and the quota of its container, rounded up."""
    quota = cpu_limit()
    # joblib counts physical limits and the affinity; of the quotas it knows only that of the outermost group.
    count = joblib.cpu_count()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def _free_main_memory() -> int:
    """Return the free bytes of the machine, or what is left of the limit of its container."""
    limit = memory_limit()
    available = psutil.virtual_memory().available
    return available if limit is None else min(available, limit.free)


@dataclass(frozen=True)
class Gpu:
    """A GPU as nvidia-smi lists it.

    Attributes:
        uuid: its UUID, or "".
        free_bytes: its free memory; None where it shares that of the machine.
        total_bytes: its whole memory, or None where that is unknown, as for a part of a GPU (MIG).
        device: its name in ``CUDA_VISIBLE_DEVICES``.
    """

    uuid: str
    free_bytes: int | None
    total_bytes: int | None = None
    device: str = ""


@dataclass
class _Answer:
    """Answer of nvidia-smi: the GPUs, or why there is no answer."""

    gpus: list[Gpu] = field(default_factory=list)
    problem: str | None = None


def _ask_nvidia_smi() -> _Answer:
    """Return the GPUs of the machine; none if nvidia-smi is missing, fails or does not answer."""
    path = shutil.which("nvidia-smi")
    if path is None:
        return _Answer()
    if path in _hanging:
        return _Answer(problem="does not answer")
    answers: list[_Answer] = []
    # In a thread: while the driver is lost, the program cannot even be killed, and whoever waits for its end hangs too.
    thread = threading.Thread(target=lambda: answers.append(_run_nvidia_smi()), daemon=True)
    thread.start()
    thread.join(_PATIENCE_S + 1)
    answer = answers[0] if answers else _Answer(problem="does not answer")
    if answer.problem == "does not answer":
        _hanging.add(path)
    return answer


def _run_nvidia_smi() -> _Answer:
    try:
        done = subprocess.run(_QUERY, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return _Answer(problem="does not answer")
    except (OSError, ValueError) as error:  # no program, no permission, another machine's format, no memory to fork
        return _Answer(problem=f"cannot be run ({printable(str(error))})")
    text = done.stdout.decode(errors="replace") if isinstance(done.stdout, bytes) else done.stdout
    gpus = [gpu for line in text.splitlines() if (gpu := _parse(line)) is not None]
    if gpus:
        return _Answer(gpus)
    return _Answer(problem=f"failed with exit code {done.returncode}" if done.returncode else "lists no GPU")


def _parse(line: str) -> Gpu | None:
    """Return the GPU of a line such as ``GPU-5f3c…, 80994, 81559``; None for other text, e.g. of a failing driver."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    free, total = (None if found[name] is None else int(found[name]) * 2**20 for name in ("free", "total"))
    return Gpu(found["uuid"] or "", free, total)


def _visible(gpus: list[Gpu]) -> list[Gpu]:
    """Return the GPUs that ``CUDA_VISIBLE_DEVICES`` leaves visible: by number, UUID or the beginning of a UUID.

    As in CUDA, the first entry that names no GPU ends the list. A part of a GPU (MIG) counts with the memory of the
    smallest GPU. CUDA numbers GPUs by speed, nvidia-smi by bus, unless ``CUDA_DEVICE_ORDER`` is ``PCI_BUS_ID``; so
    where numbers select some of several GPUs, each counts with the memory of the smallest one.
    """
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    if setting is None or not gpus:
        return [replace(gpu, device=gpu.uuid or str(number)) for number, gpu in enumerate(gpus)]
    smallest = Gpu("", min((gpu.free_bytes for gpu in gpus if gpu.free_bytes is not None), default=None))
    has_known_order = len(gpus) == 1 or os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    found: list[Gpu] = []
    for entry in (part.strip() for part in setting.split(",")):
        if entry.isdecimal() and int(entry) < len(gpus):
            gpu = gpus[int(entry)] if has_known_order else smallest
        elif entry.startswith("MIG-"):
            gpu = smallest
        elif entry.startswith("GPU-") and (named := [gpu for gpu in gpus if gpu.uuid.startswith(entry)]):
            gpu = named[0]
        else:
            break
        found.append(replace(gpu, device=entry))
    return found
