"""Live display of a search on a terminal."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.report.console.progress_lines import begin_line, best_text, ended_line, search_text, trial_text
from metaopt.report.console.progress_state import ProgressState
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import wrap
from metaopt.trials.record import Record

_REFRESHES_PER_SECOND = 4
# More running trials than this would push the other lines off the screen.
_MAX_RUNNING = 8


class RichProgress(Callback):
    """Callback that prints a line for each trial that ended, above a live display of the trials in training.

    Args:
        console: the terminal; writing to it must not fail, see ``metaopt.terminal.output.terminal``.
        clock: seconds, steadily growing.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic):
        self._console = console
        self._state = ProgressState(clock)
        self._live = Live(
            get_renderable=self.render,
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the terminal."""
        self._live.stop()

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Print the state of the search and start the live display."""
        self._state.begin(goal, records, seconds)
        self._print(f"[bold]{begin_line(self._state)}[/]")
        self._live.start()

    def trial_started(self, trial: int, target: int | None, params: int | None, macs: int | None) -> None:  # noqa: ARG002
        """Show the trial."""
        self._state.start(trial, target, params)

    def trial_resumed(self, trial: int, epochs: int) -> None:
        """Show the epochs that it has."""
        self._state.resume(trial, epochs)

    def epoch(self, report: Epoch) -> None:
        """Show the epoch."""
        self._state.epoch(report)

    def epoch_progress(self, report: EpochProgress) -> None:
        """Show how far the epoch is."""
        self._state.epoch_progress(report)

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """Print the result of the trial above the display."""
        self._state.end(record, best)
        colour = "red" if not record.has_loss else "yellow" if not record.is_feasible else "default"
        mark = "[bold green]★[/] " if record is best else "  "
        self._print(f"{mark}[{colour}]{_escaped(ended_line(self._state, record))}[/]")

    def trial_rejected(self, trial: int, detail: str) -> None:  # noqa: ARG002 - the counts at the end suffice
        """Remove the trial from the display."""
        self._state.reject(trial)

    def note(self, message: str) -> None:
        """Print the note above the display."""
        self._print(f"[yellow]note:[/] {_escaped(message)}")

    def end(self, message: str) -> None:
        """Remove the display and print why the search ends."""
        self._live.stop()
        self._print(f"[bold]the search ends:[/] {_escaped(message)}")

    def render(self) -> RenderableType:
        """Return the live part: the search, the trials in training, the best so far."""
        table = Table.grid(padding=(0, 2))
        # On a narrow terminal the bars shrink, then the text beside them is cut; the names always stay.
        bar_width = min(24, self._console.width // 6)
        table.add_column(no_wrap=True, min_width=10)
        table.add_column(min_width=bar_width, width=bar_width)
        # Without its sign an ellipsis would be three dots, and the line too long.
        table.add_column(no_wrap=True, overflow="crop" if self._console.options.ascii_only else "ellipsis")
        n_ended, goal = len(self._state.ended), self._state.goal
        if goal is None:
            bar = ProgressBar(pulse=True, width=bar_width)
        else:
            bar = ProgressBar(max(goal, 1), n_ended, width=bar_width)
        table.add_row("search", bar, Text(search_text(self._state)))
        running = list(self._state.running.values())
        for trial in running[:_MAX_RUNNING]:
            trained = trial.epoch + trial.fraction
            pulse = trained == 0 or trial.target is None
            bar = ProgressBar(max(trial.target or 1, 1), trained, width=bar_width, pulse=pulse)
            table.add_row(f"trial {trial.trial}", bar, Text(trial_text(self._state, trial)))
        more = len(running) - _MAX_RUNNING
        if more > 0:
            table.add_row("", "", Text(f"and {more} more"))
        table.add_row("best", "", Text(best_text(self._state)))
        return Group(Text(), table)

    def _print(self, markup: str) -> None:
        text = Text.from_markup(markup)
        text.plain = wrap(text.plain, self._console.width)  # of the same length, so that the styles stay in place
        self._console.print(text, soft_wrap=True)


def _escaped(text: str) -> str:
    """Return text that is neither markup nor moves the cursor."""
    return escape(printable(text))
