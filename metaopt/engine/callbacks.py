"""Search callbacks: told what a search does, e.g. the progress display, trackers and tests."""

from collections.abc import Iterable

from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.trials.record import Record


class Callback:
    """Is told what happens, in order; it never changes the search. Every method does nothing by default."""

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """The search starts or resumes.

        Args:
            goal: number of trials aimed at, or None if only time ends it.
            records: records of the trials so far.
            seconds: after which the search ends in any case, or None.
        """

    def trial_started(self, trial: int, target: int | None, params: int | None, macs: int | None) -> None:
        """A trial starts or resumes.

        Args:
            trial: its number.
            target: epoch that it trains to; None where the budget is in seconds.
            params: number of parameters, or None where it is not known yet.
            macs: multiply-accumulates of one image, likewise.
        """

    def trial_resumed(self, trial: int, epochs: int) -> None:
        """The trial that was just started was trained for some epochs before its pause or an interruption."""

    def epoch(self, report: Epoch) -> None:
        """An epoch is trained, and its line in the journal is on disk."""

    def epoch_progress(self, report: EpochProgress) -> None:
        """An epoch that takes longer than about ten seconds is in training; called every few seconds."""

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """A trial ended or pauses; ``best`` is the best feasible record so far."""

    def trial_rejected(self, trial: int, detail: str) -> None:
        """The worker's guard rejected the network of a proposal, which was never a trial."""

    def note(self, message: str) -> None:
        """The user should know something, one sentence."""

    def end(self, message: str) -> None:
        """The search ends, and why."""


class CallbackList(Callback):
    """Tells several callbacks, in their order.

    Args:
        callbacks: those that are told.
    """

    def __init__(self, callbacks: Iterable[Callback] = ()) -> None:
        self.callbacks = list(callbacks)

    def append(self, callback: Callback) -> None:
        """Add a callback."""
        self.callbacks.append(callback)

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """See ``Callback.begin``."""
        for each in self.callbacks:
            each.begin(goal, records, seconds)

    def trial_started(self, trial: int, target: int | None, params: int | None, macs: int | None) -> None:
        """See ``Callback.trial_started``."""
        for each in self.callbacks:
            each.trial_started(trial, target, params, macs)

    def trial_resumed(self, trial: int, epochs: int) -> None:
        """See ``Callback.trial_resumed``."""
        for each in self.callbacks:
            each.trial_resumed(trial, epochs)

    def epoch(self, report: Epoch) -> None:
        """See ``Callback.epoch``."""
        for each in self.callbacks:
            each.epoch(report)

    def epoch_progress(self, report: EpochProgress) -> None:
        """See ``Callback.epoch_progress``."""
        for each in self.callbacks:
            each.epoch_progress(report)

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """See ``Callback.trial_ended``."""
        for each in self.callbacks:
            each.trial_ended(record, best)

    def trial_rejected(self, trial: int, detail: str) -> None:
        """See ``Callback.trial_rejected``."""
        for each in self.callbacks:
            each.trial_rejected(trial, detail)

    def note(self, message: str) -> None:
        """See ``Callback.note``."""
        for each in self.callbacks:
            each.note(message)

    def end(self, message: str) -> None:
        """See ``Callback.end``."""
        for each in self.callbacks:
            each.end(message)
