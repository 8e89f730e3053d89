"""Searches on a Ray cluster of two nodes, of which one is killed, and whose driver is killed and started again.

They run the command itself, with Keras. The log of the problem tells which epochs were trained, by which process.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from metaopt.storage.study import Study
from tests.executors.ray_cluster import needs_ray
from tests.executors.ray_nodes import ENVIRONMENT, RayNode, running_node
from tests.logged_training import BegunEpoch, begun_epochs, logged_problem

ROOT = Path(__file__).parents[2]
TRIALS, EPOCHS = 3, 4
RANDOM = ("--strategy", "random")  # its proposals depend on no result, and so on no order of two workers

# In the third epoch, trainings wait until this file exists.
HOLD = "while epoch == 3 and not os.path.exists(FOLDER + '/go'): time.sleep(0.1)"


class Run:
    """A search in a folder of its own.

    Args:
        folder: the folder.
        flags: flags of the executor and the strategy.
        workers: trials at once.
    """

    def __init__(self, folder: Path, *flags: str, workers: int = 2) -> None:
        folder.mkdir()
        self.results = folder / "results"
        self.results.mkdir()
        self.output = folder / "output.txt"
        (folder / "tiny.py").write_text(logged_problem(folder, HOLD))
        self._folder, self._workers, self._flags = folder, workers, flags

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ROOT / "hyperopt_optimize.py"), "--data", "digits", "--space", "tiny.py"]
        command += ["--trials", str(TRIALS), "--epochs", str(EPOCHS), "--workers", str(self._workers)]
        with self.output.open("ab") as output:
            # As many CPUs as workers, so that each has one thread, as a Ray worker with one CPU has.
            cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))[: self._workers]))
            return subprocess.Popen(
                ["taskset", "--cpu-list", cpus, *command, *self._flags],
                cwd=self._folder,
                env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def trained(self) -> list[BegunEpoch]:
        """The epochs whose training began."""
        return begun_epochs(self._folder)

    def wait_for_third_epochs(self, search: subprocess.Popen[bytes], count: int) -> dict[int, int]:
        """Wait until so many trials are in their third epoch; return trial → process."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            found = {trial: pid for trial, epoch, pid, _ in self.trained() if epoch == 3}
            if len(found) == count:
                return found
            assert search.poll() is None, self.output.read_text()
            time.sleep(0.2)
        raise AssertionError(self.output.read_text())

    def trainings_left(self) -> set[int]:
        """Process ids of trainings that are alive."""
        return {pid for _, _, pid, _ in self.trained() if psutil.pid_exists(pid)}

    def let_go(self) -> None:
        (self._folder / "go").touch()

    def end(self, search: subprocess.Popen[bytes]) -> str:
        code = search.wait(timeout=240)
        text = self.output.read_text()
        assert code == 0, text
        return text

    def findings(self) -> list[tuple[Any, ...]]:
        """Proposals and metrics of all trials."""
        trials = Study.load(self.results).state.trials
        assert [trial.status for trial in trials] == ["ok"] * TRIALS
        return [(dict(trial.vals), trial.metrics) for trial in trials]


def on(node: RayNode) -> tuple[str, ...]:
    """Flags of the executor."""
    return ("--executor", "ray", "--ray-address", node.address, "--worker-cpus", "1")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """Findings of the search without a cluster and without a loss."""
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run", *RANDOM, "--executor", "processes")
    run.let_go()
    run.end(run.start())
    return run.findings()


@pytest.fixture
def run(ray_head: RayNode, tmp_path: Path) -> Run:
    return Run(tmp_path / "run", *RANDOM, *on(ray_head))


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("shares_results", [True, False], ids=["shared", "apart"])
def test_a_killed_node_costs_only_the_epoch_in_training(
    ray_head: RayNode, run: Run, expected: list[tuple[Any, ...]], shares_results: bool
) -> None:
    if not shares_results and os.geteuid() != 0:
        pytest.skip("Only root can hide a folder from a node.")
    with running_node(ray_head.address, hidden=None if shares_results else run.results) as node:
        search = run.start()
        begun = run.wait_for_third_epochs(search, 2)
        of_node = {each.pid for each in node.processes}
        (lost,) = [trial for trial, pid in begun.items() if pid in of_node]
        assert {shared for *_, pid, shared in run.trained() if pid in of_node} == {shares_results}
        node.kill()
        run.let_go()
        text = run.end(search)
    assert text.count("was lost; the trial resumes from its last checkpoint on another one.") == 1
    counts = Counter((trial, epoch) for trial, epoch, *_ in run.trained())
    assert counts == {
        **{(trial, epoch): 1 for trial in range(TRIALS) for epoch in range(1, EPOCHS + 1)},
        (lost, 3): 2,
    }
    assert run.findings() == expected
    assert not run.trainings_left()
    assert not (run.results / ".ray").exists()


@needs_ray
@pytest.mark.slow
def test_a_killed_driver_resumes_on_the_living_cluster(
    ray_head: RayNode, run: Run, expected: list[tuple[Any, ...]]
) -> None:
    with running_node(ray_head.address):
        search = run.start()
        begun = run.wait_for_third_epochs(search, 2)
        os.killpg(search.pid, signal.SIGKILL)
        search.wait()
        deadline = time.monotonic() + 60
        while run.trainings_left():  # the cluster ends the actors of a driver that is gone
            assert time.monotonic() < deadline
            time.sleep(0.2)
        run.let_go()
        run.end(run.start())
    counts = Counter((trial, epoch) for trial, epoch, *_ in run.trained())
    assert counts == {
        **{(trial, epoch): 1 for trial in range(TRIALS) for epoch in range(1, EPOCHS + 1)},
        **{(trial, 3): 2 for trial in begun},
    }
    assert run.findings() == expected
    assert not run.trainings_left()


@needs_ray
@pytest.mark.slow
def test_the_first_signal_saves_the_epoch_in_training(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", *RANDOM, "--executor", "ray", workers=1)
    search = run.start()
    assert list(run.wait_for_third_epochs(search, 1)) == [0]
    family = [psutil.Process(search.pid), *psutil.Process(search.pid).children(recursive=True)]
    search.terminate()
    time.sleep(1.5)  # a search that ended at once would be gone by now
    assert search.poll() is None
    run.let_go()
    assert search.wait(timeout=60) == 130
    assert [len(trial.metrics) for trial in Study.load(run.results).state.trials] == [3]
    assert psutil.wait_procs(family, timeout=20)[1] == []


@needs_ray
@pytest.mark.slow
def test_a_search_with_keras_is_the_same_in_every_executor(ray_head: RayNode, tmp_path: Path) -> None:
    found = []
    for flags in (("--executor", "inline"), ("--executor", "processes"), on(ray_head)):
        run = Run(tmp_path / flags[1], "--deterministic", *flags, workers=1)  # auto then reads no measured time
        run.let_go()
        run.end(run.start())
        found.append(run.findings())
    assert found[0] == found[1] == found[2]


@needs_ray
@pytest.mark.slow
def test_other_versions_of_the_cluster_are_told(ray_head: RayNode) -> None:
    code = f"""
import ray
from metaopt.errors import UserError
from metaopt.executors.ray_cluster import connect
ray.__version__ = "2.0.0"
try:
    connect({ray_head.address!r})
except UserError as error:
    print(error)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=120)
    python = ".".join(map(str, sys.version_info[:3]))
    own = f"while this process has Ray 2.0.0 and Python {python}: install the same versions on all machines."
    assert done.stdout.startswith(f"The Ray cluster at {ray_head.address} has Ray ")
    assert done.stdout.strip().endswith(own)
