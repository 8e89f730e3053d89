"""End of a run before its search is done: its time is over, or its command was interrupted."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metaopt.terminal.interruption import Interruption, first_interrupt_noted

INTERRUPTED = (
    "Interrupted: the trials in training reach the end of their epoch, then the search ends. A second"
    " Ctrl-C ends it at once."
)
_LOOK_EVERY_S = 1.0  # seconds after which a waiting search looks for an interruption


class EarlyEnd:
    """Knows whether a run ends before its search is done.

    Args:
        seconds: time limit of the run from now on, or None.
        clock: seconds, steadily growing.
        note: tells the user a sentence.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float], note: Callable[[str], None]) -> None:
        self._clock = clock
        self._note = note
        self._deadline = math.inf if seconds is None else clock() + seconds
        self._interruption: Interruption | None = None
        self._is_noted = False

    @contextmanager
    def at_first_interrupt(self) -> Iterator[None]:
        """In a command, let the first signal that interrupts it end the run within the context.

        Raises:
            KeyboardInterrupt: There was one; raised at the end of the context, or by the second signal.
        """
        with first_interrupt_noted() as self._interruption:
            yield
            if self._interruption is not None and self.is_interrupted:
                self._interruption.finish()

    @property
    def has_come(self) -> bool:
        """Whether the run ends now."""
        return self.is_time_over or self.is_interrupted

    @property
    def is_time_over(self) -> bool:
        """Whether the time limit has passed."""
        return self._clock() >= self._deadline

    @property
    def is_interrupted(self) -> bool:
        """Whether the command was interrupted."""
        return self._interruption is not None and self._interruption.happened

    @property
    def longest_wait_s(self) -> float | None:
        """Seconds that the run may wait for a report before it looks again, or None for no limit."""
        left = None if math.isinf(self._deadline) else max(0.0, self._deadline - self._clock())
        if self._interruption is None:
            return left
        return _LOOK_EVERY_S if left is None else min(left, _LOOK_EVERY_S)

    def note_interruption(self) -> None:
        """Tell the user, once, that the run ends after the epochs in training."""
        if self.is_interrupted and not self._is_noted:
            self._is_noted = True
            self._note(INTERRUPTED)
