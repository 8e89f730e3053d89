"""Ray clusters: shares of resources, refusals, and addresses at which none answers."""

import contextlib
import importlib.util
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from metaopt.errors import UserError
from metaopt.executors import ray_cluster
from metaopt.executors.ray_cluster import (
    WorkerResources,
    check_address,
    fair_share,
    import_ray,
    resolve_resources,
)
from metaopt.storage import checkpoint_store
from tests.executors.ray_cluster import needs_ray

ROOT = Path(__file__).parents[2]
NODES = [{"CPU": 8.0, "memory": 16e9}, {"CPU": 4.0, "GPU": 2.0, "memory": 32e9}]


@pytest.mark.parametrize(
    ("amounts", "workers", "share"),
    [
        ([8.0], 1, 8.0),
        ([8.0], 3, 2.0),
        ([8.0, 8.0], 3, 4.0),  # 5 would leave no room for the third
        ([8.0, 2.0], 4, 2.0),
        ([2.0], 4, 0.5),
        ([1.0], 3, 0.3333),  # Ray counts in steps of 0.0001
        ([], 1, 0.0),
        ([0.0], 2, 0.0),
    ],
)
def test_fair_share_fits_all_workers(amounts: list[float], workers: int, share: float) -> None:
    assert fair_share(amounts, workers) == pytest.approx(share, abs=1e-9)


def test_workers_get_at_most_one_gpu_unless_asked() -> None:
    assert resolve_resources(WorkerResources(), NODES, 1) == WorkerResources(8.0, 1.0, None)
    assert resolve_resources(WorkerResources(), NODES, 4).gpus == 0.5
    assert resolve_resources(WorkerResources(gpus=2), NODES, 1).gpus == 2


def test_no_resources_that_were_given_are_replaced() -> None:
    given = WorkerResources(cpus=0.0, gpus=0.0, memory=10**9)
    assert resolve_resources(given, NODES, 2) == given


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (WorkerResources(cpus=9), "Invalid value for worker_cpus: 9. The largest node of the Ray cluster has 8 CPUs."),
        (WorkerResources(gpus=3), "Invalid value for worker_gpus: 3. The largest node of the Ray cluster has 2 GPUs."),
        (WorkerResources(memory=64 * 10**9), "Invalid value for worker_memory: 64.0 GB. The largest node"),
    ],
)
def test_more_resources_than_any_node_has_are_refused(asked: WorkerResources, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_resources(asked, NODES, 1)


def test_a_gpu_is_refused_where_there_is_none() -> None:
    with pytest.raises(UserError, match=r"worker_gpus: 0\.5\. The largest node of the Ray cluster has no GPU\."):
        resolve_resources(WorkerResources(gpus=0.5), NODES[:1], 1)


@pytest.mark.parametrize("address", ["", "10.0.0.1", "ray://10.0.0.1:10001", "host:0", "host:x", ":6379"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(UserError, match=r"value for ray_address: .*Expected auto or host:port"):
        check_address(address)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port at which something listens that says nothing."""
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen(50)
        yield int(server.getsockname()[1])


def test_an_address_without_ray_is_told_at_once(closed_port: int) -> None:
    with pytest.raises(UserError, match=f"No Ray cluster answers at 127.0.0.1:{closed_port}"):
        check_address(f"127.0.0.1:{closed_port}")


def serve(answer: bytes) -> Iterator[int]:
    """A port that answers the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1000)
                connection.sendall(answer)
                connection.recv(1000)

        threading.Thread(target=run, daemon=True).start()
        yield int(server.getsockname()[1])


def test_a_server_that_is_not_ray_is_told_at_once() -> None:
    for port in serve(b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        with pytest.raises(UserError, match=f"No Ray cluster answers at 127.0.0.1:{port}"):
            check_address(f"127.0.0.1:{port}")


def test_a_grpc_server_is_accepted() -> None:
    for port in serve(bytes([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100])):
        check_address(f"127.0.0.1:{port}")


def test_a_server_that_is_silent_is_told_after_the_patience(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "PATIENCE_S", 0.2)
    begin = time.monotonic()
    with pytest.raises(UserError, match=f"No Ray cluster answers at 127.0.0.1:{silent_port}"):
        check_address(f"127.0.0.1:{silent_port}")
    assert 0.2 <= time.monotonic() - begin < 5


@needs_ray
@pytest.mark.slow
def test_auto_without_a_cluster_is_told() -> None:
    if any(each.name().startswith("gcs_server") for each in psutil.process_iter()):
        pytest.skip("A Ray cluster runs on this machine, which auto joins.")
    code = "from metaopt.executors.ray_cluster import connect; connect('auto')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    expected = "metaopt.errors.UserError: No Ray cluster answers on this machine (ray_address). Start one with"
    assert done.stderr.strip().splitlines()[-1].startswith(expected)


@pytest.mark.parametrize(
    ("requirement", "file"),
    [(ray_cluster.REQUIREMENT, "requirements-ray.txt"), (checkpoint_store.REQUIREMENT, "requirements-url.txt")],
)
def test_messages_recommend_what_the_requirements_name(requirement: str, file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert requirement in [line.split("#")[0].strip() for line in lines]


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_a_missing_ray_is_told_with_the_command() -> None:
    with pytest.raises(UserError, match=f'pip install "{ray_cluster.REQUIREMENT}"'):
        import_ray()
