"""Time limit of a training in this process."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

_SHORTEST_S, _LONGEST_S = 0.01, 1e8  # of an alarm; a shorter one could ring before the context is entered


class TimeIsOver(BaseException):
    """Raised in a training that takes longer than it may; no ``Exception``, so that the training does not catch it."""


class TimeLimit:
    """Raises ``TimeIsOver`` within its context once the time is over.

    An alarm of the system interrupts Python code in the main thread. Elsewhere the exception is raised at the next
    pause. The handler of a caller's own alarm is restored afterwards.

    Args:
        seconds: the limit, or None.

    Attributes:
        is_over: whether it has raised the exception, which a training may have caught.
    """

    def __init__(self, seconds: float | None) -> None:
        self._limit = math.inf if seconds is None else seconds
        self._since = time.monotonic()
        self._handler: Any = None
        self.is_over = False
        self._has_alarm = (
            seconds is not None
            and hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
        )

    @property
    def seconds(self) -> float:
        """Seconds since it began, without pauses."""
        return time.monotonic() - self._since

    def __enter__(self) -> "TimeLimit":
        """Begin."""
        self._since = time.monotonic()
        if self._has_alarm:
            self._handler = signal.signal(signal.SIGALRM, self._raise)
            self._set_alarm()
        return self

    def __exit__(self, *exc: object) -> None:
        """End."""
        if self._has_alarm:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
            finally:  # it may just have rung
                signal.signal(signal.SIGALRM, self._handler)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock within a context.

        Raises:
            TimeIsOver: The time was over before.
        """
        if self._has_alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.is_over or self.seconds > self._limit:
            self._raise()
        before = time.monotonic()
        yield
        self._since += time.monotonic() - before
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._has_alarm:
            signal.setitimer(signal.ITIMER_REAL, min(max(_SHORTEST_S, self._limit - self.seconds), _LONGEST_S))

    def _raise(self, *_: object) -> None:
        self.is_over = True
        raise TimeIsOver
