"""Hardware: GPUs found by nvidia-smi, and the memory that a trial may use."""

import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from metaopt.executors import hardware
from metaopt.executors.cgroups import MemoryLimit
from metaopt.executors.hardware import cpu_count, free_memory, has_gpu, worker_memory


@pytest.fixture
def smi(monkeypatch):
    """Answers in the place of nvidia-smi; None for a machine without it."""

    def answer(text: str | None) -> None:
        monkeypatch.setattr(hardware.shutil, "which", lambda name: None if text is None else f"/usr/bin/{name}")
        done = subprocess.CompletedProcess([], 0, stdout=text)
        monkeypatch.setattr(hardware.subprocess, "run", lambda *_, **__: done)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "memory_limit", lambda: None)
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
    assert free_memory(2) == pytest.approx(0.8 * 8000 * 2**20)  # one trial on each
    assert free_memory(3) == pytest.approx(0.4 * 8000 * 2**20)
    assert free_memory(2, trials_per_gpu=4) == pytest.approx(0.2 * 8000 * 2**20)


def test_without_a_gpu_main_memory_is_shared(smi):
    smi(None)
    assert free_memory(4) == pytest.approx(0.8 * 10 * 2**30 / 4)


def test_workers_may_use_90_percent_of_main_memory(smi):
    assert worker_memory(1) == int(0.9 * 16 * 2**30)
    assert worker_memory(3) == int(0.9 * 16 * 2**30 / 3)


GPUS = "GPU-aaa, 11000\nGPU-bbb, 8000\nGPU-abc, 24000\n"


@pytest.mark.parametrize(
    ("visible", "order", "free_mib"),
    [
        (None, None, 8000),
        ("0", "PCI_BUS_ID", 11000),
        ("2,0", "PCI_BUS_ID", 11000),
        ("0", None, 8000),  # CUDA's own order is not known here, so the smallest one counts
        ("GPU-abc", None, 24000),
        ("GPU-bb", None, 8000),
        ("MIG-123", None, 8000),
        ("GPU-abc,-1,GPU-bbb", None, 24000),  # as in CUDA, an invalid entry hides those after it
    ],
)
def test_the_smallest_visible_gpu_limits_memory(smi, monkeypatch, visible, order, free_mib):
    smi(GPUS)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if order is not None:
        monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    assert has_gpu()
    assert free_memory(1) == pytest.approx(0.8 * free_mib * 2**20)


@pytest.mark.parametrize("hidden", ["", "-1", "NoDevFiles", "3", "GPU-zzz", " "])
def test_hidden_gpus_count_neither_as_gpu_nor_for_memory(smi, monkeypatch, hidden):
    smi(GPUS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not has_gpu()
    assert free_memory(1) == pytest.approx(0.8 * 10 * 2**30)


def test_lines_of_warnings_beside_gpus_are_left_out(smi):
    smi("GPU-aaa, 11000\nWARNING: infoROM is corrupted at gpu 0000:01:00.0, 3\n")
    assert has_gpu()
    assert free_memory(1) == pytest.approx(0.8 * 11000 * 2**20)


def test_a_gpu_that_shares_main_memory_is_found(smi):
    smi("GPU-aaa, [N/A]\n")
    assert has_gpu()
    assert free_memory(1) == pytest.approx(0.8 * 10 * 2**30)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\nsleep 60\n", "does not answer"),
        ("#!/nonexistent/sh\n", "cannot be run"),
        ("no program of any kind\n", "cannot be run"),
        ("#!/bin/sh\necho NVIDIA-SMI has failed\nexit 9\n", "exit code 9"),
        ("#!/bin/sh\nkill -9 $$\n", "exit code -9"),
        ("#!/bin/sh\n", "lists no GPU"),
        ("#!/bin/sh\necho GPU-ü, ٣٤; echo GPU-a, -5; echo '\377, 7'; echo GPU-a, 99999999999999\n", "lists no GPU"),
        (
            "#!/bin/sh\necho Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost, 5\n",
            "lists no GPU",
        ),
    ],
    ids=["hangs", "no interpreter", "no program", "fails", "killed", "says nothing", "garbage", "GPU is lost"],
)
def test_an_nvidia_smi_that_fails_means_no_gpu_and_is_said(tmp_path: Path, monkeypatch, script, said):
    program = tmp_path / "nvidia-smi"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(hardware, "_PATIENCE_S", 0.5)
    notes: list[str] = []
    assert not has_gpu(notes.append)
    assert said in notes[0]
    start = time.monotonic()
    assert free_memory(1) <= psutil.virtual_memory().total
    assert time.monotonic() - start < 0.4  # a program that hangs is asked once


def test_the_limit_of_a_container_bounds_memory(smi, monkeypatch):
    smi(None)
    monkeypatch.setattr(hardware, "memory_limit", lambda: MemoryLimit(total=4 * 2**30, free=3 * 2**30))
    assert free_memory(1) == pytest.approx(0.8 * 3 * 2**30)
    assert worker_memory(2) == int(0.9 * 2 * 2**30)


@pytest.mark.parametrize(("quota", "expected"), [(None, 8), (0.5, 1), (1.5, 2), (20.0, 8)])
def test_the_quota_of_a_container_bounds_cpus(monkeypatch, quota, expected):
    monkeypatch.setattr(hardware, "cpu_limit", lambda: quota)
    monkeypatch.setattr(hardware.joblib, "cpu_count", lambda: 8)
    assert cpu_count() == expected


def test_the_import_path_of_earlier_versions_remains():
    from metaopt.command import machine

    assert (machine.has_gpu, machine.free_memory) == (has_gpu, free_memory)
