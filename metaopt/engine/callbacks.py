"""What the search loop tells whoever looks on: the progress display, trackers, tests."""

from typing import Any, Protocol

from metaopt.engine.jobs import Epoch

Record = dict[str, Any]


class Watcher(Protocol):
    """Is told what happens, in order; a watcher never changes the search."""

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """The search starts or goes on: trials aimed at (None if only time ends it), records of the trials done, and
        seconds after which it ends in any case (None if none are set).
        """

    def trial_started(self, trial: int, to: int | None, params: int | None, macs: int | None) -> None:
        """A trial starts (or goes on) to train until epoch ``to``; None where seconds say how long."""

    def epoch(self, report: Epoch) -> None:
        """An epoch is trained and its line in the journal is on disk."""

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """A trial ended, in whatever way, or pauses; ``best`` is the best feasible record so far."""

    def trial_rejected(self, trial: int, detail: str) -> None:
        """The worker found that the network may not be trained: the proposal was never a trial, and why."""

    def note(self, message: str) -> None:
        """Something to say aloud, one sentence."""

    def end(self, message: str) -> None:
        """The search ends, and why, one sentence."""


class Silent:
    """A watcher that shows nothing."""

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Shows nothing."""

    def trial_started(self, trial: int, to: int | None, params: int | None, macs: int | None) -> None:
        """Shows nothing."""

    def epoch(self, report: Epoch) -> None:
        """Shows nothing."""

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """Shows nothing."""

    def trial_rejected(self, trial: int, detail: str) -> None:
        """Shows nothing."""

    def note(self, message: str) -> None:
        """Shows nothing."""

    def end(self, message: str) -> None:
        """Shows nothing."""
