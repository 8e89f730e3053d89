"""Detection of workers that hang: no epoch for far longer than the earlier epochs of the same training took."""

import math
import statistics
import time
from collections.abc import Callable

import psutil

from metaopt.engine.jobs import Epoch, Message, Remark

FACTOR = 10  # times the median epoch after which a silent worker is noted ...
LEAST_S = 60.0  # ... but not before so many seconds


class SilenceWatch:
    """Watches one job for an epoch that does not end.

    After the first epoch, a worker that has sent no message for ``max(10 × median epoch, 60 s)`` is noted once for each
    silence. Progress within an epoch counts as a message. The watch ends nothing: a time limit does.

    Args:
        clock: seconds, steadily growing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._epochs_s: list[float] = []
        self._since = 0.0
        self._is_noted = False

    def begin(self) -> None:
        """Watch a new job."""
        self._epochs_s = []
        self._is_noted = False

    def heard(self, message: Message) -> None:
        """Register a message, after the driver answered it."""
        if isinstance(message, Epoch):
            self._epochs_s.append(message.seconds)
        self._since = self._clock()
        self._is_noted = False

    @property
    def limit_s(self) -> float:
        """Seconds of silence that are noted; infinite before the end of the first epoch."""
        return max(FACTOR * statistics.median(self._epochs_s), LEAST_S) if self._epochs_s else math.inf

    @property
    def seconds_left(self) -> float:
        """Seconds until a silence is noted; infinite where none will be."""
        return math.inf if self._is_noted else max(0.0, self._since + self.limit_s - self._clock())

    def note(self, trial: int, pid: int, has_time_limit: bool) -> Remark:
        """Return what the user is told of the silence, which is then noted.

        Args:
            trial: number of the trial.
            pid: id of the worker process.
            has_time_limit: whether the training has a time limit.
        """
        self._is_noted = True
        silent, median = self._clock() - self._since, statistics.median(self._epochs_s)
        if _is_stopped(pid):
            state = f"Its worker (process {pid}) is stopped; kill -CONT {pid} continues it."
        else:
            state = f"Its worker (process {pid}) may hang."
        remedy = (
            "The trial's time limit will end it."
            if has_time_limit
            else f"The trial has no time limit, so the search waits; kill -9 {pid} fails the trial."
        )
        return Remark(
            trial,
            f"Trial {trial} has ended no epoch for {silent:,.0f} s, while an epoch took {median:.2g} s (median)."
            f" {state} {remedy}",
        )


def _is_stopped(pid: int) -> bool:
    """Return whether a process is stopped, e.g. by SIGSTOP."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
