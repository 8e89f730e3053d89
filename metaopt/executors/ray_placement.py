"""Detection of Ray workers that the cluster has no room for."""

import math
import time
from collections.abc import Callable

from metaopt.executors.ray_cluster import WorkerResources
from metaopt.quantities import size_text

PATIENCE_S = 30.0  # for a worker to start; on a busy machine that takes 20 s


class PlacementWatch:
    """Watches how many of the workers run in the cluster.

    After ``PATIENCE_S`` without a change, missing workers are noted once; so is the moment at which none is missing any
    more. The watch ends nothing: a cluster may grow at any time.

    Args:
        count: number of workers.
        resources: what each of them reserves.
        clock: seconds, steadily growing.
    """

    def __init__(self, count: int, resources: WorkerResources, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._needs = describe(resources)
        self._clock = clock
        self._since = clock()
        self._running = 0
        self._noted: int | None = None  # number of running workers that the user was told last

    def see(self, running: int) -> None:
        """Register how many workers run."""
        if running != self._running:
            self._running, self._since = running, self._clock()

    @property
    def seconds_left(self) -> float:
        """Seconds until there is something to note; infinite as long as the number of workers does not change."""
        if self._noted == self._running or (self._noted is None and self._running == self._count):
            return math.inf
        if self._running == self._count:
            return 0.0
        return max(0.0, self._since + PATIENCE_S - self._clock())

    def note(self, trial: int) -> str:
        """Return what the user is told, which is then noted.

        Args:
            trial: number of a trial that waits, where no worker runs.
        """
        self._noted = self._running
        if self._running == self._count:
            return f"All {self._count} Ray workers run."
        if not self._running:
            return f"Trial {trial} waits until the Ray cluster has room for a worker, which needs {self._needs}."
        return (
            f"{self._running} of {self._count} Ray workers run. The others start as soon as the cluster has room for"
            f" them; each needs {self._needs}."
        )


def describe(resources: WorkerResources) -> str:
    """Return what a worker reserves, e.g. ``1 CPU, 0.5 GPU and 2.0 GB of memory``."""
    parts = [f"{amount:g} {unit}" for amount, unit in ((resources.cpus, "CPU"), (resources.gpus, "GPU")) if amount]
    if resources.memory is not None:
        parts.append(f"{size_text(resources.memory)} of memory")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "no resources"
