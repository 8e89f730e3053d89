"""Interruption of a command by Ctrl-C, SIGTERM or SIGHUP: one way out, whichever the moment and however often it comes.

While the modules of a command are imported there is nothing to save, and the process ends at once. While the command
works, the first signal raises ``KeyboardInterrupt``, which lets it close its files and workers; further ones do
nothing. If that takes too long, e.g. because a library ignores the exception, a thread ends the process. While trials
are in training, the first signal is noted only, and the second one raises.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

TYPE_CHECKING = False  # as in typing, whose import takes longer than all others before Ctrl-C is handled
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, ClassVar

INTERRUPTED = 130  # exit code
REPEAT_S = 1.0  # seconds after which a second SIGTERM counts as one
GRACE_S = 1.2  # seconds to close files and workers; everything that counts was on disk before
# SIGHUP comes when a terminal or an SSH session is closed. Windows has none.
SIGNALS = tuple(int(getattr(signal, name)) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_SHOW_CURSOR = b"\x1b[?25h"  # a progress display hides it


def end_on_interrupts() -> None:
    """End the process at Ctrl-C with exit code 130; called by a script before it imports what takes seconds.

    A Ctrl-C that the shell has the process ignore stays ignored.
    """
    Interruption.owns_process = True
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: _end_now("interrupted."))


class Interruption:
    """State of an interruptible command.

    Args:
        message: shown if the process does not end by itself.

    Attributes:
        owns_process: whether the process runs nothing but this command, so that it may be ended.
        current: the one that is in force in this process, or None.
        happened: whether a signal has interrupted it.
        has_raised: whether it has raised ``KeyboardInterrupt``.
        notes_first: whether the first signal is noted only.
    """

    owns_process: ClassVar[bool] = False
    current: ClassVar[Interruption | None] = None

    def __init__(self, message: str) -> None:
        self.happened = False
        self.has_raised = False
        self.notes_first = False
        self._first_s: dict[str, float] = {}  # when the handler, or the thread, saw the first signal
        self._message = message
        self._before: dict[int, Any] = {}
        self._pipe: tuple[int, int] | None = None

    def begin(self) -> None:
        """Raise ``KeyboardInterrupt`` at the first signal from now on.

        Signals that are ignored stay ignored: Ctrl-C in the background of a shell, and SIGHUP under nohup.
        """
        Interruption.current = self
        if os.name == "posix":  # elsewhere the descriptor of signals has to be a socket
            self._pipe = os.pipe()
            os.set_blocking(self._pipe[1], False)
            signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
            threading.Thread(target=self._end_if_late, args=(self._pipe[0],), daemon=True).start()
        for number in SIGNALS:
            if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._interrupt)

    def end(self) -> None:
        """Restore what signals did before; the process of an interrupted script still has to end in time."""
        Interruption.current = None
        is_ending = self.happened and self.owns_process
        for number, handler in self._before.items():  # while it ends, Python itself restores any other handler
            signal.signal(number, signal.SIG_IGN if is_ending else handler)
        if self._pipe is not None and not is_ending:
            signal.set_wakeup_fd(-1)
            os.close(self._pipe[1])  # ends the thread

    def finish(self) -> None:
        """Raise ``KeyboardInterrupt`` after the work that the first signal left to be done.

        Raises:
            KeyboardInterrupt: Always.
        """
        self.notes_first = False
        if self._pipe is not None:
            os.write(self._pipe[1], bytes([signal.SIGINT]))  # from now on the process has to end in time
        self.has_raised = True
        raise KeyboardInterrupt

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        self.happened = True
        if self._is_to_end(number, "handler") and not self.has_raised:
            self.has_raised = True
            raise KeyboardInterrupt

    def _is_to_end(self, number: int, observer: str) -> bool:
        """Return whether a signal ends the work, seen by one of two observers.

        While the first signal is noted only, one that repeats it by itself is no second one: the kernel and the shell
        both send SIGHUP for a closed terminal, systemd sends SIGHUP right after SIGTERM to the processes of a session,
        and a batch system may send SIGTERM to each process and to the group.
        """
        if not self.notes_first:
            return True
        now = time.monotonic()
        first = self._first_s.setdefault(observer, now)
        is_repeated = now > first
        return is_repeated and (number == signal.SIGINT or (number == signal.SIGTERM and now - first >= REPEAT_S))

    def _end_if_late(self, descriptor: int) -> None:
        """Wait for a signal, and end the process if it does not end by itself; a thread of its own.

        It learns of a signal although the main thread is in a library and handles none.
        """
        try:
            while received := os.read(descriptor, 64):
                if any(self._is_to_end(number, "thread") for number in received if number in SIGNALS):
                    time.sleep(GRACE_S)
                    if self.owns_process:
                        _end_now(self._message)
                    return
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)


@contextlib.contextmanager
def interruptible(interruption: Interruption) -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at the first signal within the context that interrupts, and ignore further ones."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
        yield
        return
    interruption.begin()
    try:
        yield
    finally:
        interruption.end()


@contextlib.contextmanager
def first_interrupt_noted() -> Iterator[Interruption | None]:
    """Note the first signal that interrupts a command within the context; the second one raises.

    Yields:
        The interruption of the command, to be asked whether it ``happened``. None outside of a command, or if it was
        interrupted before: signals then do what they did.
    """
    interruption = Interruption.current
    in_main = threading.current_thread() is threading.main_thread()
    if interruption is None or interruption.happened or not in_main:
        yield None
        return
    before, interruption.notes_first = interruption.notes_first, True  # a training may itself search
    try:
        yield interruption
    finally:
        interruption.notes_first = before


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Handle a signal that arrives within the context at its end, so that nothing is left half started or ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[tuple[Callable[[int, FrameType | None], Any], int]] = []
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def note(number: int, _: FrameType | None) -> None:
        pending.append((before[number], number))

    for number in SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for handler, number in pending:
            handler(number, None)


@contextlib.contextmanager
def interrupts_noted() -> Iterator[list[int]]:
    """Note the signals that interrupt the process within the context, besides handling them as before.

    Code of a user's may raise ``KeyboardInterrupt``, too: only with a signal does it come from the user's Ctrl-C. What
    signals did before is restored at the end, also if code within the context has changed it.

    Yields:
        Numbers of the signals that have arrived. In other threads than the main one, which handle none, it stays empty.
    """
    arrived: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return

    def noting(handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def note(number: int, frame: FrameType | None) -> None:
            arrived.append(number)
            handler(number, frame)

        return note

    handlers = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}
    try:
        for number, handler in handlers.items():
            signal.signal(number, noting(handler))
        yield arrived
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def end_if_interrupted(exit_code: int) -> None:
    """End the process of an interrupted script without what libraries do at the end of Python, which may take seconds.

    Args:
        exit_code: that of the command.
    """
    if exit_code == INTERRUPTED and Interruption.owns_process:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()  # type: ignore[union-attr]
        os._exit(exit_code)


def _end_now(message: str) -> None:
    """End the process; the workers of a search end with it."""
    with contextlib.suppress(OSError):
        if os.isatty(2):
            os.write(2, _SHOW_CURSOR)
        os.write(2, f"\n{message}\n".encode("utf-8", "backslashreplace"))
    os._exit(INTERRUPTED)
