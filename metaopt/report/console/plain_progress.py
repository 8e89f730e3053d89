"""Plain lines about a search, for a pipe or a file."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.report.console.progress_lines import begin_line, ended_line, progress_text
from metaopt.report.console.progress_state import ProgressState
from metaopt.terminal.output import OutputStream
from metaopt.terminal.printable import printable
from metaopt.trials.record import Record

# Seconds without a line after which the next epoch prints one.
_QUIET_S = 30.0


class PlainProgress(Callback):
    """Callback that prints a line for each trial that ends, and now and then one for a trial in training.

    Args:
        stream: where the lines are written; each is flushed at once. The search continues if it cannot be written.
        clock: seconds, steadily growing.
    """

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic):
        self._stream = OutputStream(stream)
        self._state = ProgressState(clock)
        self._clock = clock
        self._last_line = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is no terminal to restore."""

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Print the state of the search."""
        self._state.begin(goal, records, seconds)
        self._print(begin_line(self._state))

    def trial_started(self, trial: int, target: int | None, params: int | None, macs: int | None) -> None:  # noqa: ARG002
        """Update the state only."""
        self._state.start(trial, target, params)

    def trial_resumed(self, trial: int, epochs: int) -> None:
        """Update the state only."""
        self._state.resume(trial, epochs)

    def epoch(self, report: Epoch) -> None:
        """Print the epoch of the trial, if nothing was printed for a while."""
        self._state.epoch(report)
        self._print_epoch(report.trial)

    def epoch_progress(self, report: EpochProgress) -> None:
        """Print how far the epoch is, if nothing was printed for a while."""
        self._state.epoch_progress(report)
        self._print_epoch(report.trial)

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """Print the result of the trial and the progress of the search."""
        self._state.end(record, best)
        n_ended, goal, left = len(self._state.ended), self._state.goal, self._state.time_left
        progress = progress_text(self._state)
        if left and (goal is None or n_ended < goal):
            progress += f", {left}"
        if best is not None and best is not record:
            progress += f"; best {self._state.score_text(best)}, trial {best.trial}"
        self._print(f"{ended_line(self._state, record)} [{progress}]")

    def trial_rejected(self, trial: int, detail: str) -> None:  # noqa: ARG002 - the counts at the end suffice
        """Update the state only."""
        self._state.reject(trial)

    def note(self, message: str) -> None:
        """Print the note."""
        self._print(f"note: {message}")

    def end(self, message: str) -> None:
        """Print why the search ends."""
        self._print(f"the search ends: {message}")

    def _print_epoch(self, trial: int) -> None:
        running = self._state.running.get(trial)
        if running is not None and self._clock() - self._last_line >= _QUIET_S:
            shown = None if running.fraction else self._state.shown_metric(running.metrics)
            value = f", {shown[0]} {shown[1]:.4f}" if shown else ""
            self._print(f"trial {trial}  {running.epoch_text}{value}")

    def _print(self, line: str) -> None:
        self._last_line = self._clock()
        self._stream.write(f"{printable(line)}\n")
        self._stream.flush()
