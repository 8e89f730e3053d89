"""Searches on a Ray cluster to which a node is added, and which nodes leave, while they run."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from metaopt.storage.study import Study
from tests.executors.ray_cluster import needs_ray
from tests.executors.ray_nodes import ENVIRONMENT, RayNode, running_node

ROOT = Path(__file__).parents[2]
TRIALS, WORKERS = 4, 3
# The training reports nothing until a file exists, so nothing but the cluster tells the search of a new node.
PROGRAM = f"""
import os, sys, time
import metaopt
from hyperopt import hp
from metaopt.executors import ray_placement

folder, address = sys.argv[1:]
ray_placement.PATIENCE_S = 1.0

def train(point):
    with open(folder + "/begun", "a") as file:
        file.write(f"{{point['x']}} {{os.getpid()}}\\n")
    while not os.path.exists(folder + "/go"):
        time.sleep(0.05)
    return point["x"]

metaopt.search(
    train, {{"x": hp.uniform("x", 0, 1)}}, results=folder + "/results", trials={TRIALS}, workers={WORKERS},
    strategy="random", executor="ray", ray_address=address, worker_resources=metaopt.WorkerResources(cpus=1),
)
"""


class Run:
    """A search that trains a function.

    Args:
        folder: its folder.
        address: address of the cluster.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self._folder, self._output = folder, folder / "output.txt"
        with self._output.open("wb") as output:
            self.search = subprocess.Popen(
                [sys.executable, "-u", "-c", PROGRAM, str(folder), address],
                env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def begun(self) -> list[tuple[float, int]]:
        """Point and process of each training that began."""
        log = self._folder / "begun"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(float(point), int(pid)) for point, pid in (line.split() for line in lines)]

    def wait_until(self, has_happened: Callable[[str], bool]) -> None:
        """Wait until something is true of the output or of the trainings."""
        deadline = time.monotonic() + 120
        while not has_happened(self._output.read_text()):
            assert self.search.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, self._output.read_text()
            time.sleep(0.1)

    def let_go(self) -> str:
        """Let all trainings end; return the output of the search once it has ended well."""
        (self._folder / "go").touch()
        code = self.search.wait(timeout=60)
        assert code == 0, self._output.read_text()
        assert [trial.status for trial in Study.load(self._folder / "results").state.trials] == ["ok"] * TRIALS
        assert not any(psutil.pid_exists(pid) for _, pid in self.begun)
        return self._output.read_text()


@contextlib.contextmanager
def running_search(folder: Path, node: RayNode) -> Iterator[Run]:
    """Start a search, and kill it at the end where it still runs."""
    run = Run(folder, node.address)
    try:
        yield run
    finally:
        run.search.kill()
        run.search.wait()


@needs_ray
@pytest.mark.slow
def test_an_added_node_trains_at_once(ray_head: RayNode, tmp_path: Path) -> None:
    """The first trial is in training all the time. The third worker has no room until the end."""
    with running_search(tmp_path, ray_head) as run:
        run.wait_until(lambda output: bool(run.begun) and "1 of 3 Ray workers run." in output)
        assert len(run.begun) == 1
        with running_node(ray_head.address) as node:
            run.wait_until(lambda output: len(run.begun) == 2 and "2 of 3 Ray workers run." in output)
            assert run.begun[1][1] in {each.pid for each in node.processes}
            text = run.let_go()
    assert set(Counter(point for point, _ in run.begun).values()) == {1}
    assert "All 3 Ray workers run." not in text
    assert "lost" not in text


@needs_ray
@pytest.mark.slow
def test_a_search_continues_without_nodes_that_leave_or_die(ray_head: RayNode, tmp_path: Path) -> None:
    """Their two workers wait for room until the end, while the last one trains what they have left."""
    with (
        running_node(ray_head.address) as leaving,
        running_node(ray_head.address) as dying,
        running_search(tmp_path, ray_head) as run,
    ):
        run.wait_until(lambda _: len(run.begun) == 3)
        begun = dict(run.begun)
        of_head = {each.pid for each in ray_head.processes} & {*begun.values()}
        leaving.leave()
        dying.kill()
        run.wait_until(lambda _: {pid for pid in begun.values() if psutil.pid_exists(pid)} == of_head)
        text = run.let_go()
    assert len(of_head) == 1
    lost = {point for point, pid in begun.items() if pid not in of_head}
    assert Counter(point for point, _ in run.begun) == {point: 1 + (point in lost) for point, _ in run.begun}
    assert {pid for _, pid in run.begun[3:]} == of_head
    assert "was lost; the trial resumes from its last checkpoint on another one." in text
