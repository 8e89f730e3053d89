"""Detection of Ray workers that the cluster has no room for."""

import math

import pytest

from metaopt.executors.ray_cluster import WorkerResources
from metaopt.executors.ray_placement import PATIENCE_S, PlacementWatch, describe


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_missing_workers_are_noted_once_after_a_while() -> None:
    clock = Clock()
    watch = PlacementWatch(3, WorkerResources(cpus=1), clock)
    clock.now += 5
    watch.see(2)
    clock.now += 1
    assert watch.seconds_left == PATIENCE_S - 1
    clock.now += PATIENCE_S
    assert watch.seconds_left == 0
    assert watch.note(7) == (
        "2 of 3 Ray workers run. The others start as soon as the cluster has room for them; each needs 1 CPU."
    )
    assert watch.seconds_left == math.inf
    watch.see(3)
    assert watch.seconds_left == 0
    assert watch.note(7) == "All 3 Ray workers run."
    assert watch.seconds_left == math.inf


def test_workers_that_all_start_are_not_noted() -> None:
    watch = PlacementWatch(2, WorkerResources(cpus=1), Clock())
    watch.see(1)
    watch.see(2)
    assert watch.seconds_left == math.inf


def test_a_cluster_without_any_worker_is_noted() -> None:
    clock = Clock()
    watch = PlacementWatch(1, WorkerResources(cpus=2, gpus=0.5, memory=2 * 10**9), clock)
    watch.see(1)
    watch.see(0)
    clock.now += PATIENCE_S
    assert watch.seconds_left == 0
    assert watch.note(7) == (
        "Trial 7 waits until the Ray cluster has room for a worker, which needs 2 CPU, 0.5 GPU and 2.0 GB of memory."
    )


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        (WorkerResources(cpus=0.3333, gpus=0.0), "0.3333 CPU"),
        (WorkerResources(cpus=1, memory=5 * 10**8), "1 CPU and 500.0 MB of memory"),
        (WorkerResources(cpus=0.0, gpus=0.0), "no resources"),
    ],
)
def test_resources_are_described(resources: WorkerResources, text: str) -> None:
    assert describe(resources) == text
