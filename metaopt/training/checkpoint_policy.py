"""How often a checkpoint is written: every epoch, unless that takes too much of the time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LARGEST_SHARE = 0.05
"""Of the time that was trained so far; beyond it checkpoints are written less often …"""

LONGEST_WAIT = 30.0
"""… but at least every so many seconds."""


class Pace:
    """Tells after an epoch whether a checkpoint is due.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self._written = 0.0  # seconds

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measures what is written within."""
        began = self._clock()
        yield
        self._last = self._clock()
        self._written += self._last - began

    def is_due(self) -> bool:
        """Whether writing took a small share of the time so far, or was long ago."""
        now = self._clock()
        trained = now - self._began - self._written
        return self._written <= LARGEST_SHARE * trained or now - self._last >= LONGEST_WAIT
