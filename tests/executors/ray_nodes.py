"""Nodes of a Ray cluster on this machine, each started by ``ray start`` and killed as if its machine lost power."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ENVIRONMENT = {
    **os.environ,
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "1",
}
_STARTING_S = 90.0  # on a busy machine
_TRIES = 3  # Ray gives a node 30 s to register, which a busy machine may miss


class RayNode:
    """One node with its own processes.

    Args:
        address: address of the head, or None for a head.
        cpus: CPUs that it offers.
        hidden: a folder that this node does not see, as on a machine without shared folders; needs root.
    """

    def __init__(self, address: str | None = None, cpus: int = 1, hidden: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))  # Ray's sockets need a short path
        self.address = address or f"127.0.0.1:{_free_port()}"
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus", str(cpus)]
        command += ["--object-store-memory", "100000000", "--disable-usage-stats"]
        if address is None:
            port = self.address.rpartition(":")[2]
            command += ["--head", "--port", port, "--include-dashboard", "false", "--ray-client-server-port"]
            command += [str(_free_port())]
            command += ["--temp-dir", str(self.folder)]
        else:
            command += ["--address", address]
        if hidden is not None:
            mount = f'mount -t tmpfs none "{hidden}" && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", mount, "sh", *command]
        self.log = (self.folder / "start.log").open("w+")
        self._process = subprocess.Popen(
            command, start_new_session=True, env=ENVIRONMENT, stdout=self.log, stderr=subprocess.STDOUT
        )

    @property
    def processes(self) -> list[psutil.Process]:
        """All processes of the node that run now, trainings included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        return []

    def has_started(self) -> bool:
        """Wait until the node runs; return whether it does."""
        deadline = time.monotonic() + _STARTING_S
        while time.monotonic() < deadline and self._process.poll() is None:
            self.log.seek(0)
            if "Ray runtime started." in self.log.read():
                return True
            time.sleep(0.2)
        return False

    def leave(self) -> None:
        """Have the node leave the cluster in order, as ``ray stop`` begins; its trainings end at once."""
        for each in self.processes:
            if each.name() == "raylet":
                each.terminate()

    def kill(self) -> None:
        """Kill every process of the node at once."""
        found = self.processes
        for each in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait()
        psutil.wait_procs(found, timeout=20)

    def remove(self) -> None:
        """Kill the node and remove its files."""
        self.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running_node(address: str | None = None, cpus: int = 1, hidden: Path | None = None) -> Iterator[RayNode]:
    """Start a node, again where Ray gave up on a busy machine, and kill it at the end."""
    for _ in range(_TRIES):
        node = RayNode(address, cpus, hidden)
        try:
            if node.has_started():
                yield node
                return
            node.log.seek(0)
            output = node.log.read()
        finally:
            node.remove()
    raise AssertionError(output)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
