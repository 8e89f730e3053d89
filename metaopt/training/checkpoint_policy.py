"""Policy of when to write a checkpoint: after every epoch, unless writing takes too much of the time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_TIME_SHARE = 0.05
"""Largest share of the training time that writing may take before checkpoints become less frequent."""

MAX_INTERVAL_S = 30.0
"""Seconds after the last checkpoint after which the next one is due in any case."""


class CheckpointPolicy:
    """Decides after each epoch whether a checkpoint is due.

    Args:
        clock: returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_s = self._last_write_s = clock()
        self._writing_s = 0.0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure the time of a write inside the context."""
        started_s = self._clock()
        yield
        self._last_write_s = self._clock()
        self._writing_s += self._last_write_s - started_s

    def is_due(self) -> bool:
        """Return whether writing took a small share of the time so far, or the last write was long ago."""
        now_s = self._clock()
        training_s = now_s - self._started_s - self._writing_s
        return self._writing_s <= MAX_TIME_SHARE * training_s or now_s - self._last_write_s >= MAX_INTERVAL_S
