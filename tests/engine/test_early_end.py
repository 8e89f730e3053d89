"""End of a run before its search is done."""

import signal

import pytest

from metaopt.engine.early_end import INTERRUPTED, EarlyEnd
from metaopt.terminal.interruption import Interruption, interruptible


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_run_without_a_time_limit_waits_for_ever(clock: Clock) -> None:
    end = EarlyEnd(None, clock, print)
    clock.now += 1e9
    assert not end.has_come
    assert end.longest_wait_s is None


def test_a_time_limit_ends_a_run(clock: Clock) -> None:
    end = EarlyEnd(60.0, clock, print)
    clock.now += 59
    assert (end.has_come, end.longest_wait_s) == (False, 1.0)
    clock.now += 2
    assert (end.has_come, end.is_time_over, end.longest_wait_s) == (True, True, 0.0)


def test_a_command_looks_for_an_interruption_every_second(clock: Clock) -> None:
    unlimited, limited = EarlyEnd(None, clock, print), EarlyEnd(0.5, clock, print)
    with interruptible(Interruption("interrupted.")), unlimited.at_first_interrupt(), limited.at_first_interrupt():
        assert unlimited.longest_wait_s == 1.0
        assert limited.longest_wait_s == 0.5


def test_the_first_interrupt_of_a_command_is_said_once_and_raised_at_the_end(clock: Clock) -> None:
    notes: list[str] = []
    end = EarlyEnd(None, clock, notes.append)
    found: list[tuple[bool, bool]] = []

    def work() -> None:
        with interruptible(Interruption("interrupted.")), end.at_first_interrupt():
            signal.raise_signal(signal.SIGINT)
            for _ in range(2):
                end.note_interruption()
            found.append((end.has_come, end.is_time_over))

    with pytest.raises(KeyboardInterrupt):
        work()
    assert found == [(True, False)]
    assert notes == [INTERRUPTED]
