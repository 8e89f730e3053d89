"""Callback that runs a tracker in a thread of its own, so that the search never waits for it."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch
from metaopt.storage.state import StudyState
from metaopt.trackers.tracker import StartedTrial, Tracker
from metaopt.trials.record import Record
from metaopt.values.safe_text import class_name, first_line

MOST_WAITING = 10_000  # messages; those of epochs are about a kilobyte each
LONGEST_MESSAGE_S = 30.0  # seconds for one message, after which the end of a run waits for the tracker no longer
LONGEST_CLOSE_S = 300.0  # seconds that the end of a run waits for all that is left
LONGEST_ABORT_S = 2.0  # the same after an interruption or an error
_GLANCE_S = 0.1

Message = Callable[[], None]


class Background(Callback):
    """Passes what happens on to a tracker, through a bounded queue.

    A tracker that raises an exception, or falls so far behind that the queue is full, is told nothing more, and the
    user is told so once.

    Args:
        name: name of the tracker, for users.
        make: makes the tracker, once the search begins and its settings are known.
        state: the study's trials, for the hyperparameters of those that start.
        note: tells the user.
        most_waiting: number of messages that may wait.
        longest_message_s: seconds that the end of a run waits for one message.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Tracker],
        state: StudyState,
        note: Callable[[str], None],
        *,
        most_waiting: int = MOST_WAITING,
        longest_message_s: float = LONGEST_MESSAGE_S,
    ) -> None:
        self._name = name
        self._make = make
        self._tracker: Tracker | None = None
        self._state = state
        self._tell = note
        self._longest_message_s = longest_message_s
        self._done = 0  # messages, counted by the thread
        self._waiting: queue.Queue[Message | None] = queue.Queue(most_waiting)
        self._fault: str | None = None  # set by the thread
        self._is_told = False
        self._thread = threading.Thread(target=self._work, name=f"metaopt tracker {name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is left, for a moment only."""
        self._close(LONGEST_CLOSE_S if kind is None else LONGEST_ABORT_S)

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:  # noqa: ARG002
        """See ``Callback.begin``."""
        self._tracker = self._make()
        self._put(self._tracker.open, records)

    def trial_started(self, trial: int, target: int | None, params: int | None, macs: int | None) -> None:  # noqa: ARG002
        """See ``Callback.trial_started``."""
        self._pass("start", StartedTrial.of(self._state.trials[trial], params, macs))

    def epoch(self, report: Epoch) -> None:
        """See ``Callback.epoch``."""
        self._pass("epoch", report.trial, report.epoch, report.metrics, report.seconds)

    def trial_ended(self, record: Record, best: Record | None) -> None:  # noqa: ARG002
        """See ``Callback.trial_ended``."""
        self._pass("end", record)

    def trial_rejected(self, trial: int, detail: str) -> None:  # noqa: ARG002
        """See ``Callback.trial_rejected``."""
        self._pass("reject", trial)

    def end(self, message: str) -> None:  # noqa: ARG002
        """See ``Callback.end``."""
        self._pass("close", self._state.finished)

    def _pass(self, method: str, *arguments: Any) -> None:
        if self._tracker is not None:
            self._put(getattr(self._tracker, method), *arguments)

    def _put(self, method: Callable[..., None], *arguments: Any) -> None:
        if self._fault is None:
            try:
                self._waiting.put_nowait(partial(method, *arguments))
            except queue.Full:
                self._fault = f"it does not answer, and {self._waiting.maxsize:,} messages wait for it"
        self._tell_fault()

    def _tell_fault(self) -> None:
        if self._fault is not None and not self._is_told:
            self._is_told = True
            self._tell(
                f"The tracker {self._name} is told nothing more: {self._fault}. The search continues without it."
            )

    def _work(self) -> None:
        """Pass messages on until the end, or a fault."""
        while (message := self._waiting.get()) is not None and self._fault is None:
            try:
                message()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - of a library, which may raise anything
                self._fault = f"{class_name(error)}: {first_line(error)[:300]}".rstrip(".: ")
            self._done += 1

    def _close(self, longest_s: float) -> None:
        """Wait for what is left, as long as the tracker gets on with it."""
        end = time.monotonic() + longest_s
        done, since = self._done, time.monotonic()
        is_asked = False
        while self._thread.is_alive() and self._fault is None:
            if not is_asked:
                with contextlib.suppress(queue.Full):
                    self._waiting.put_nowait(None)
                    is_asked = True
            self._thread.join(_GLANCE_S)
            now = time.monotonic()
            if self._done > done:
                done, since = self._done, now
            if now >= min(end, since + self._longest_message_s):
                break
        if self._thread.is_alive() and self._fault is None:
            self._fault = f"it did not answer within {time.monotonic() - since:.0f} s at the end of the run"
        self._tell_fault()
