"""Live display of a search in a notebook: HTML that replaces itself, without widgets."""

import sys
import time
from collections import deque
from collections.abc import Callable
from html import escape
from types import TracebackType
from typing import Any, Protocol, Self

from metaopt.engine.callbacks import Callback
from metaopt.engine.jobs import Epoch, EpochProgress
from metaopt.report.console.progress_lines import begin_line, best_text, ended_line, search_text, trial_text
from metaopt.report.console.progress_state import ProgressState
from metaopt.terminal.printable import printable
from metaopt.trials.record import Record

_MOST_LINES = 10  # of trials that ended
_MOST_RUNNING = 8
_REFRESH_S = 0.5


class Handle(Protocol):
    """Place in the output of a cell, as ``IPython.display.display(…, display_id=True)`` returns it."""

    def update(self, shown: Any) -> None:
        """Replace what is shown."""


class NotebookProgress(Callback):
    """Callback that shows the search in the output of a cell.

    Args:
        show: shows HTML in a new place of the output.
        clock: seconds, steadily growing.
    """

    def __init__(self, show: Callable[["Html"], Handle], clock: Callable[[], float] = time.monotonic) -> None:
        self._show = show
        self._clock = clock
        self._state = ProgressState(clock)
        self._handle: Handle | None = None
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._notes: list[str] = []
        self._ended: str | None = None
        self._shown_at = -_REFRESH_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the last state."""
        if self._ended is None and self._state.running and self._handle is not None:
            self._ended = "interrupted; run again to resume"
        self._refresh(at_once=True)

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Show the state of the search."""
        self._state.begin(goal, records, seconds)
        self._lines.append(begin_line(self._state))
        self._refresh(at_once=True)

    def trial_started(self, trial: int, target: int | None, params: int | None, macs: int | None) -> None:  # noqa: ARG002
        """Show the trial."""
        self._state.start(trial, target, params)
        self._refresh()

    def trial_resumed(self, trial: int, epochs: int) -> None:
        """Show the epochs that it has."""
        self._state.resume(trial, epochs)
        self._refresh()

    def epoch(self, report: Epoch) -> None:
        """Show the epoch."""
        self._state.epoch(report)
        self._refresh()

    def epoch_progress(self, report: EpochProgress) -> None:
        """Show how far the epoch is."""
        self._state.epoch_progress(report)
        self._refresh()

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """Add a line on the trial."""
        self._state.end(record, best)
        self._lines.append(ended_line(self._state, record))
        self._refresh()

    def trial_rejected(self, trial: int, detail: str) -> None:  # noqa: ARG002 - the counts at the end suffice
        """Remove the trial."""
        self._state.reject(trial)
        self._refresh()

    def note(self, message: str) -> None:
        """Show the note for good."""
        self._notes.append(message)
        self._refresh(at_once=True)

    def end(self, message: str) -> None:
        """Show why the search ends."""
        self._ended = message
        self._refresh(at_once=True)

    def _refresh(self, at_once: bool = False) -> None:
        now = self._clock()
        if not at_once and now - self._shown_at < _REFRESH_S:
            return
        self._shown_at = now
        html = Html(self.render())
        if self._handle is None:
            self._handle = self._show(html)
        else:
            self._handle.update(html)

    def render(self) -> str:
        """Return the HTML of the search, its running trials, the best and the latest lines."""
        state = self._state
        parts = [_row("search", len(state.ended), state.goal, search_text(state))] if self._lines else []
        running = list(state.running.values()) if self._ended is None else []
        for trial in running[:_MOST_RUNNING]:
            done = trial.epoch + trial.fraction
            parts.append(_row(f"trial {trial.trial}", done, trial.target, trial_text(state, trial)))
        if len(running) > _MOST_RUNNING:
            parts.append(_row("", None, None, f"and {len(running) - _MOST_RUNNING} more"))
        parts += [_row("best", None, None, best_text(state))] if self._lines else []
        notes = "".join(f"<div>note: {_escaped(note)}</div>" for note in self._notes)
        lines = "".join(f"<div>{_escaped(line)}</div>" for line in self._lines)
        ended = "" if self._ended is None else f"<div><b>the search ends:</b> {_escaped(self._ended)}</div>"
        return (
            f'<div style="font-family:monospace;font-size:90%">{notes}<table>{"".join(parts)}</table>'
            f'<div style="opacity:0.7">{lines}</div>{ended}</div>'
        )


class Html:
    """HTML that a notebook shows as it is; in a console it is its text."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return "<progress of a search>"


def find_notebook() -> Callable[[Html], Handle] | None:
    """Return what shows HTML in the notebook in which this process runs; None outside of one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):  # a terminal has no kernel
        return None
    from IPython.display import display

    return lambda html: display(html, display_id=True)


def _row(name: str, done: float | None, goal: int | None, text: str) -> str:
    bar = "" if done is None else f'<progress value="{min(done, goal or 0):g}" max="{max(goal or 1, 1)}"></progress>'
    if done is not None and goal is None:
        bar = "<progress></progress>"
    cells = (f"<b>{_escaped(name)}</b>", bar, _escaped(text))
    return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"


def _escaped(text: str) -> str:
    return escape(printable(text))
