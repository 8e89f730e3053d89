"""The search on the screen: a live display on a terminal, plain lines where the output is piped or a file."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metaopt.engine.jobs import Epoch
from metaopt.report.analysis.scores import feasible, succeeded
from metaopt.report.console.progress_state import Running, Tally, count, duration
from metaopt.trials.record import Record

# Seconds between two lines about a trial that is still training, where lines are all there is.
_QUIET_SECONDS = 30.0
_REFRESHES_PER_SECOND = 4
# More trials side by side than this would push the rest off the screen.
_MOST_RUNNING = 8


def make_progress(stream: TextIO | None = None) -> "PlainProgress | RichProgress":
    """The display that suits a stream; a context manager that leaves the terminal as it was.

    Args:
        stream: standard output by default.
    """
    stream = sys.stdout if stream is None else stream
    if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        return RichProgress(Console(file=stream, highlight=False))
    return PlainProgress(stream)


def ended_line(tally: Tally, record: Record) -> str:
    """One line about a trial that ended."""
    head = f"trial {record['trial']}"
    if not succeeded(record):
        return f"{head}  failed after {duration(record.get('seconds') or 0)}: {record.get('error', 'no loss')}"
    name, value = tally.objective.name, tally.objective.value(record["loss"])
    parts = [f"{head}  {name} {value:.4f}"]
    if record.get("epochs"):
        parts.append(_trained(record))
    parts.append(duration(record.get("seconds") or 0))
    if record.get("params"):
        parts.append(f"{count(record['params'])} parameters")
    if not feasible(record):
        broken = [limit for limit, distance in record.get("constraints", {}).items() if distance > 0]
        parts.append(f"breaks {', '.join(broken) or 'a limit'}")
    if record is tally.best:
        parts.append("the best so far")
    return " · ".join(parts)


def _trained(record: Record) -> str:
    """How far a trial was trained, and where it was best."""
    epochs, best = record["epochs"], record.get("best_epoch")
    if record.get("paused"):
        at = f", best at epoch {best}" if best and epochs > 1 else ""
        return f"paused after {epochs} epoch{'s' if epochs > 1 else ''}{at}"
    return f"best at epoch {best} of {epochs}" if best else f"{epochs}"


def opening_line(tally: Tally) -> str:
    """One line about where the search stands when it begins."""
    done = len(tally.ended)
    aim = "until its time is over" if tally.goal is None else f"for {tally.goal} trials"
    if tally.seconds is not None and tally.goal is not None:
        aim += f", {duration(tally.seconds)} at most"
    if done == 0:
        return f"searching {aim}"
    paused = f", {tally.paused} paused" if tally.paused else ""
    return f"going on with the search {aim}: {done} done, {tally.failed} of them failed{paused}"


class PlainProgress:
    """A line for each trial that ends, and now and then one for a trial that trains; each flushed at once."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._stream: TextIO | None = stream
        self._tally = Tally(clock)
        self._clock = clock
        self._said = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put back."""

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Says where the search stands."""
        self._tally.begin(goal, records, seconds)
        self._say(opening_line(self._tally))

    def trial_started(self, trial: int, to: int | None, params: int | None, macs: int | None) -> None:  # noqa: ARG002
        """Says nothing yet."""
        self._tally.start(trial, to, params)

    def epoch(self, report: Epoch) -> None:
        """Says where the trial stands, if nothing was said for a while."""
        self._tally.epoch(report)
        running = self._tally.running.get(report.trial)
        if running is not None and self._clock() - self._said >= _QUIET_SECONDS:
            shown = self._tally.shown_metric(report.metrics)
            value = f", {shown[0]} {shown[1]:.4f}" if shown else ""
            self._say(f"trial {report.trial}  {running.place}{value}")

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """Says how the trial ended or pauses, and how far the search is."""
        self._tally.end(record, best)
        line = ended_line(self._tally, record)
        done, goal, left = len(self._tally.ended), self._tally.goal, self._tally.time_left
        far = f"{done} done" if goal is None else f"{done} of {goal}"
        if left and (goal is None or done < goal):
            far += f", {left}"
        if best is not None and best is not record:
            value = self._tally.objective.value(best["loss"])
            far += f"; best {value:.4f}, trial {best['trial']}"
        self._say(f"{line} [{far}]")

    def trial_rejected(self, trial: int, detail: str) -> None:  # noqa: ARG002 - the counts at the end say enough
        """Takes the trial away again."""
        self._tally.running.pop(trial, None)

    def note(self, message: str) -> None:
        """Says it."""
        self._say(f"note: {message}")

    def end(self, message: str) -> None:
        """Says why the search ends."""
        self._say(f"the search ends: {message}")

    def _say(self, line: str) -> None:
        self._said = self._clock()
        if self._stream is None:
            return
        encoding = self._stream.encoding or "utf-8"
        try:
            # A terminal's encoding may lack a sign of an error message.
            self._stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more (a closed pipe, a full disk under a log): the search goes on unseen.
            self._stream = None


class RichProgress:
    """A line for each trial that ended, and below them a live display of those that train."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic):
        self._console = console
        self._tally = Tally(clock)
        self._clock = clock
        self._live = Live(
            get_renderable=self.render,
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        )
        self._lost = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Puts the terminal back as it was."""
        self._stop()

    def begin(self, goal: int | None, records: list[Record], seconds: float | None = None) -> None:
        """Says where the search stands and starts the live display."""
        self._tally.begin(goal, records, seconds)
        self._say(f"[bold]{opening_line(self._tally)}[/]")
        self._live.start()

    def trial_started(self, trial: int, to: int | None, params: int | None, macs: int | None) -> None:  # noqa: ARG002
        """Shows the trial."""
        self._tally.start(trial, to, params)

    def epoch(self, report: Epoch) -> None:
        """Shows the epoch."""
        self._tally.epoch(report)

    def trial_ended(self, record: Record, best: Record | None) -> None:
        """Leaves a line about the trial above the display."""
        self._tally.end(record, best)
        colour = "red" if not succeeded(record) else "yellow" if not feasible(record) else "default"
        mark = "[bold green]★[/] " if record is best else "  "
        self._say(f"{mark}[{colour}]{escape(ended_line(self._tally, record))}[/]")

    def trial_rejected(self, trial: int, detail: str) -> None:  # noqa: ARG002 - the counts at the end say enough
        """Takes the trial away again."""
        self._tally.running.pop(trial, None)

    def note(self, message: str) -> None:
        """Leaves the note above the display."""
        self._say(f"[yellow]note:[/] {escape(message)}")

    def end(self, message: str) -> None:
        """Takes the display away and says why the search ends."""
        self._stop()
        self._say(f"[bold]the search ends:[/] {escape(message)}")

    def render(self) -> RenderableType:
        """The live part: the search, the trials that train, the best so far."""
        table = Table.grid(padding=(0, 2))
        # On a narrow terminal the bars shrink, then the text beside them is cut; the names always stay.
        bar_width = min(24, self._console.width // 6)
        table.add_column(no_wrap=True, min_width=10)
        table.add_column(min_width=bar_width, width=bar_width)
        table.add_column(no_wrap=True, overflow="ellipsis")
        tally, done = self._tally, len(self._tally.ended)
        if tally.goal is None:
            table.add_row("search", ProgressBar(pulse=True, width=bar_width), Text(self._far(done)))
        else:
            table.add_row("search", ProgressBar(max(tally.goal, 1), done, width=bar_width), Text(self._far(done)))
        running = list(tally.running.values())
        for trial in running[:_MOST_RUNNING]:
            pulse = trial.epoch == 0 or trial.to is None
            bar = ProgressBar(max(trial.to or 1, 1), trial.epoch, width=bar_width, pulse=pulse)
            table.add_row(f"trial {trial.trial}", bar, Text(self._training(trial)))
        more = len(running) - _MOST_RUNNING
        if more > 0:
            table.add_row("", "", Text(f"and {more} more"))
        table.add_row("best", "", Text(self._best()))
        return Group(Text(), table)

    def _far(self, done: int) -> str:
        tally = self._tally
        parts = [f"{done} done" if tally.goal is None else f"{done} of {tally.goal} trials"]
        parts += [f"{tally.failed} failed"] if tally.failed else []
        parts += [f"{tally.infeasible} over a limit"] if tally.infeasible else []
        parts += [left] if (left := tally.time_left) else []
        parts.append(f"{duration(self._clock() - tally.begun)} so far")
        return " · ".join(parts)

    def _training(self, running: Running) -> str:
        if running.metrics:
            parts = [running.place]
        elif running.before:
            parts = [f"going on after epoch {running.before}" + (f" of {running.to}" if running.to else "")]
        else:
            parts = ["building" + (f" · {running.to} epochs" if running.to else "")]
        shown = self._tally.shown_metric(running.metrics)
        if shown is not None:
            parts.append(f"{shown[0]} {shown[1]:.4f}")
        if running.params is not None:
            parts.append(f"{count(running.params)} parameters")
        return " · ".join(parts)

    def _best(self) -> str:
        best = self._tally.best
        if best is None:
            return "none yet"
        return f"{self._tally.objective.name} {self._tally.objective.value(best['loss']):.4f} by trial {best['trial']}"

    def _say(self, markup: str) -> None:
        if self._lost:
            return
        try:
            self._console.print(markup)
        except OSError:
            # The terminal is gone: the search goes on unseen.
            self._lost = True

    def _stop(self) -> None:
        try:
            self._live.stop()
        except OSError:
            self._lost = True
