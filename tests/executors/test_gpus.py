"""GPUs of workers: pinning, shares of memory, and the number of workers. An nvidia-smi of the tests lists the GPUs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from metaopt.engine.jobs import Finished
from metaopt.errors import UserError
from metaopt.executors import make_executor
from metaopt.executors.gpus import (
    FRACTION,
    LIMIT,
    GpuShare,
    memory_fraction,
    memory_limit_mib,
    resolve_workers,
    share_gpus,
)
from metaopt.executors.ray_cluster import WorkerResources
from metaopt.executors.ray_worker import gpu_shares
from tests.executors.scripted import collect, last, make_job

MIB = 2**20
TWO = "GPU-aaa, 10000, 12000\nGPU-bbb, 24000, 24000\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets what nvidia-smi lists."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "nvidia-smi"
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "XLA_CLIENT_MEM_FRACTION", FRACTION, LIMIT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XLA_PYTHON_CLIENT_MEM_FRACTION", raising=False)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def answer(text: str) -> None:
        (folder / "gpus").write_text(text)
        program.write_text(f"#!/bin/sh\ncat {folder / 'gpus'}\n")
        program.chmod(0o755)

    return answer


def test_workers_are_spread_over_the_gpus(machine) -> None:
    machine(TWO)
    assert [each.device for each in share_gpus(5)] == ["GPU-aaa", "GPU-bbb", "GPU-aaa", "GPU-bbb", "GPU-aaa"]


def test_a_worker_with_a_gpu_of_its_own_has_no_limit(machine) -> None:
    machine(TWO)
    assert share_gpus(2) == (GpuShare("GPU-aaa"), GpuShare("GPU-bbb"))
    assert share_gpus(2)[1].environment() == {"CUDA_VISIBLE_DEVICES": "GPU-bbb"}


def test_trials_that_share_a_gpu_share_its_free_memory(machine) -> None:
    machine(TWO)
    first, second = share_gpus(2, trials_per_gpu=4)
    assert first.fraction == pytest.approx(0.9 * 10000 / 12000 / 4)
    assert first.limit_bytes == int(0.9 * 10000 * MIB / 4)
    assert second.fraction == pytest.approx(0.225)
    assert second.environment() == {
        "CUDA_VISIBLE_DEVICES": "GPU-bbb",
        "METAOPT_GPU_FRACTION": "0.2250",
        "METAOPT_GPU_LIMIT": str(int(0.9 * 24000 * MIB / 4)),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.2250",
    }


def test_a_study_resumed_on_fewer_gpus_gives_each_worker_less(machine) -> None:
    machine("GPU-aaa, 10000, 10000\n")
    assert {each.fraction for each in share_gpus(8, trials_per_gpu=2)} == {0.9 / 8}


def test_a_fraction_that_the_user_gives_jax_stays(machine, monkeypatch) -> None:
    machine(TWO)
    monkeypatch.setenv("XLA_CLIENT_MEM_FRACTION", "0.1")
    assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in share_gpus(4)[0].environment()


@pytest.mark.parametrize(
    ("visible", "devices"),
    [("1,0", ["1", "0"]), ("GPU-b", ["GPU-b"]), ("MIG-5,MIG-6", ["MIG-5", "MIG-6"]), ("", []), ("7", [])],
)
def test_gpus_that_are_hidden_get_no_worker(machine, monkeypatch, visible: str, devices: list[str]) -> None:
    machine(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [each.device for each in share_gpus(len(devices) or 1)] == devices


def test_parts_of_a_gpu_get_a_fraction_without_bytes(machine, monkeypatch) -> None:
    machine(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-5")
    (share, _) = share_gpus(2)
    assert share == GpuShare("MIG-5", 0.45, None)
    assert LIMIT not in share.environment()


def test_gpus_without_a_uuid_are_numbered_by_bus(machine) -> None:
    machine("10000\n24000\n")
    assert share_gpus(2)[1].environment() == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_a_board_with_one_memory_for_all_is_shared_by_fraction(machine) -> None:
    machine("GPU-aaa, [N/A], [N/A]\n")
    assert share_gpus(2)[0] == GpuShare("GPU-aaa", 0.45, None)


@pytest.mark.parametrize(
    ("workers", "trials_per_gpu", "expected"),
    [
        ("auto", None, 2),
        ("auto", 3, 6),
        (None, 3, 6),
        (None, None, None),
        (4, None, 4),
        (5, 3, 5),
        (0, None, 0),  # refused later, as without GPUs
    ],
)
def test_auto_is_one_worker_per_gpu_or_trials_per_gpu(machine, workers, trials_per_gpu, expected) -> None:
    machine(TWO)
    assert resolve_workers("processes", workers, trials_per_gpu) == expected


def test_auto_without_a_gpu_is_one_worker_and_said(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    notes: list[str] = []
    assert resolve_workers("processes", "auto", None, notes.append) == 1
    assert notes == ["No GPU was found, so workers auto is 1. On CPUs, give the number of trials at once."]


def test_auto_says_that_fewer_gpus_exist_than_are_named(machine, monkeypatch) -> None:
    machine(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    notes: list[str] = []
    assert resolve_workers("processes", "auto", None, notes.append) == 2
    assert notes == ["CUDA_VISIBLE_DEVICES names 4 GPUs, of which CUDA can use 2."]


@pytest.mark.parametrize(
    ("executor", "workers", "trials_per_gpu", "message"),
    [
        ("processes", 7, 3, "Invalid value for workers: 7. Expected at most 6: 2 GPUs with trials_per_gpu 3."),
        ("processes", "auto", 0, "Invalid value for trials_per_gpu: 0. Expected an integer >= 1."),
        (
            "processes",
            None,
            100,
            "Invalid value for trials_per_gpu: 100. Expected at most 9: 10.5 GB of GPU memory are free, and a trial"
            " needs 1.0 GB or more.",
        ),
        ("inline", None, 2, "trials_per_gpu needs executor processes; inline trains one trial at a time."),
    ],
)
def test_more_trials_than_the_gpus_hold_are_refused(machine, executor, workers, trials_per_gpu, message) -> None:
    machine(TWO)
    with pytest.raises(UserError) as raised:
        resolve_workers(executor, workers, trials_per_gpu)
    assert str(raised.value) == message


def test_a_share_of_a_gpu_without_one_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="trials_per_gpu needs a GPU, and none was found: leave it out"):
        resolve_workers("processes", None, 2)


class Environment:
    """Returns what a worker finds in its environment."""

    def setup(self, options) -> None:
        pass

    def train(self, job, report) -> Finished:
        found = {"device": os.environ["CUDA_VISIBLE_DEVICES"], "fraction": memory_fraction(), "mib": memory_limit_mib()}
        return Finished(job.trial, returned=found)


@pytest.mark.slow
def test_each_worker_and_its_successor_have_their_share(machine, tmp_path: Path) -> None:
    machine(TWO)
    with make_executor("processes", Environment(), 2, tmp_path / "results", trials_per_gpu=2) as executor:
        executor.submit(make_job(0))
        assert last(collect(executor), Finished).returned == {"device": "GPU-aaa", "fraction": 0.375, "mib": 4500}
        os.kill(executor.pids[0], 9)
        time.sleep(0.1)
        found = []
        for trial in (1, 2):
            executor.submit(make_job(trial))
        for report in collect(executor):
            found.append(report.returned["device"])
        assert sorted(found) == ["GPU-aaa", "GPU-bbb"]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize(
    ("workers", "trials_per_gpu", "given"), [("auto", None, "workers auto"), (4, 2, "trials_per_gpu")]
)
def test_ray_takes_its_own_gpu_parameters(workers: int | str, trials_per_gpu: int | None, given: str) -> None:
    with pytest.raises(UserError, match=rf"^{given} counts the GPUs of this machine.*\(worker_gpus\)"):
        resolve_workers("ray", workers, trials_per_gpu)


def test_a_part_of_a_gpu_in_a_ray_worker_is_a_share_of_its_whole_memory(machine: Callable[[str], None]) -> None:
    """Other workers that have a share may have begun, so that less is free than will be its own."""
    machine("GPU-aaa, 3000, 12000\n")
    (share,) = gpu_shares(WorkerResources(gpus=0.4))
    assert share.fraction == pytest.approx(0.9 * 0.4)
    assert share.limit_bytes == pytest.approx(0.9 * 0.4 * 12000 * MIB, abs=MIB)
    assert gpu_shares(WorkerResources(gpus=1)) == gpu_shares(WorkerResources()) == ()
