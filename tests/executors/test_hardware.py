"""Hardware: GPUs found by nvidia-smi, and the memory that a trial may use."""

import subprocess
from types import SimpleNamespace

import psutil
import pytest

from metaopt.executors import hardware
from metaopt.executors.hardware import free_memory, has_gpu, worker_memory


@pytest.fixture
def smi(monkeypatch):
    """Answers in the place of nvidia-smi; None for a machine without it."""

    def answer(text: str | None) -> None:
        monkeypatch.setattr(hardware.shutil, "which", lambda name: None if text is None else f"/usr/bin/{name}")
        done = subprocess.CompletedProcess([], 0, stdout=text)
        monkeypatch.setattr(hardware.subprocess, "run", lambda *_, **__: done)

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10 * 2**30, total=16 * 2**30))
    return answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, False), ("", False), ("No devices were found\n", False), ("11000\n", True), ("11000\n24000\n", True)],
)
def test_a_gpu_is_found_without_a_framework(smi, text, expected):
    smi(text)
    assert has_gpu() is expected


def test_a_trial_may_use_its_share_of_the_smallest_gpu(smi):
    smi("11000\n8000\n")
    assert free_memory(1) == pytest.approx(0.8 * 8000 * 2**20)
    assert free_memory(2) == pytest.approx(0.4 * 8000 * 2**20)


def test_without_a_gpu_main_memory_is_shared(smi):
    smi(None)
    assert free_memory(4) == pytest.approx(0.8 * 10 * 2**30 / 4)


def test_workers_may_use_90_percent_of_main_memory(smi):
    assert worker_memory(1) == int(0.9 * 16 * 2**30)
    assert worker_memory(3) == int(0.9 * 16 * 2**30 / 3)
