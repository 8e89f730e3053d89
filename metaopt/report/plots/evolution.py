"""Figure and animation of an evolution while training: losses of all members, cycle borders, changes that won."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from metaopt.files.atomic_files import write_bytes
from metaopt.report.analysis.evolution import EvolutionHistory, Segment
from metaopt.report.plots.literal_text import show_literally
from metaopt.report.plots.style import BLUE, GREEN, GREY, INK, ORANGE, STYLE, VERMILLION, add_title, write_figure

_SIZE = (11.0, 5.2)
_MOST_FRAMES = 80
_FRAMES_PER_SECOND = 4
_LAST_FRAMES = 8  # in which the whole history stays
_DPI = 90
_LONGEST = 46  # letters of a change in the figure
_COLOURS = {"run-up": INK, "member": BLUE, "fixing": GREEN, "crossover": ORANGE, "final": INK}
_LABELS = {
    "run-up": "run-up and final training",
    "member": "member of a population",
    "fixing": "fixing training of the fittest",
    "crossover": "crossover",
}


def draw_evolution(history: EvolutionHistory, path: Path, caption: str = "") -> None:
    """Draw the whole history.

    Args:
        history: the history.
        path: the image file; an SVG is beside it.
        caption: the study, its data and its strategy.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    write_figure(path, _SIZE, lambda figure: _draw(figure, history, history, caption))


def animate_evolution(history: EvolutionHistory, path: Path, caption: str = "") -> None:
    """Write the animation of a history: a frame for each epoch of each trial, in the order in which they were trained.

    Args:
        history: the history.
        path: the GIF file.
        caption: see ``draw_evolution``.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    frames = _frames(history)
    with matplotlib.rc_context(STYLE), tempfile.TemporaryDirectory() as folder:
        figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        writer = PillowWriter(fps=_FRAMES_PER_SECOND)
        written = Path(folder, "evolution.gif")
        with writer.saving(figure, str(written), _DPI):
            for frame in frames:
                figure.clear()
                _draw(figure, frame, history, caption)
                show_literally(figure)
                writer.grab_frame()
            for _ in range(_LAST_FRAMES):
                writer.grab_frame()
        content = written.read_bytes()
    write_bytes(path, content)


def _frames(history: EvolutionHistory) -> list[EvolutionHistory]:
    """Return the history as it was after each of its steps, of which there are at most ``_MOST_FRAMES``."""
    steps: list[EvolutionHistory] = []
    done: list[Segment] = []
    for segment in history.segments:
        start = 1 if segment.role == "run-up" else 2
        for count in range(min(start, len(segment.epochs)), len(segment.epochs) + 1):
            part = replace(segment, epochs=segment.epochs[:count], losses=segment.losses[:count])
            known = _decided(segment)
            shown = [each if known(each) else replace(each, is_kept=False) for each in (*done, part)]
            borders = tuple(each for each in history.borders if each <= max(part.epochs))
            before = np.inf if segment.cycle is None else segment.cycle
            wins = tuple(win for win, cycle in _wins(history) if cycle < before)
            steps.append(replace(history, segments=tuple(shown), borders=borders, wins=wins))
        done.append(segment)
    steps.append(history)
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST_FRAMES)).round().astype(int))
    return [steps[number] for number in chosen]


def _wins(history: EvolutionHistory) -> list[tuple[tuple[int, str], int]]:
    """Return each win with the number of its cycle."""
    cycles = sorted({each.cycle for each in history.segments if each.cycle} - set(history.undone))
    return list(zip(history.wins, cycles, strict=False))


def _decided(current: Segment) -> Callable[[Segment], bool]:
    """Return a function that tells whether it was known, in the current step, which network went on from a segment."""

    def known(segment: Segment) -> bool:
        if segment.role in ("run-up", "final") or current.role == "final":
            return True
        if segment.cycle is None or current.cycle is None or segment.cycle != current.cycle:
            return True
        return segment.role == "member" and current.role != "member"

    return known


def _draw(figure: Figure, history: EvolutionHistory, whole: EvolutionHistory, caption: str) -> None:
    """Draw a history, on the axes of the whole one."""
    axes = figure.subplots()
    last = max((max(each.epochs) for each in whole.segments if each.epochs), default=1)
    losses = [loss for each in whole.segments for loss in each.losses]
    axes.set_xlim(0.6, last + 0.4)
    axes.set(xlabel="epoch of the network", ylabel="validation loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _scale(axes, losses)
    for border in history.borders:
        axes.axvline(border, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for segment in history.segments:
        _draw_segment(axes, segment)
    _annotate(axes, history)
    used = [role for role in _LABELS if any(each.role == role for each in whole.segments)]
    handles = [Line2D([], [], color=_COLOURS[role], linewidth=2, label=_LABELS[role]) for role in used]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    kept = [each for each in history.segments if each.is_kept and each.losses]
    detail = f"{len(history.segments)} trainings; thick: the network that went on"
    if kept:
        detail += f" · validation loss {kept[-1].losses[-1]:.4g} after epoch {kept[-1].epochs[-1]}"
    if history.undone:
        detail += f" · undone: cycle {', '.join(map(str, history.undone))}"
    add_title(figure, "Evolution while training", detail, caption)


def _scale(axes: Axes, losses: Sequence[float]) -> None:
    """Set the range of losses; a logarithmic axis where they spread over more than a factor of ten."""
    finite = [loss for loss in losses if np.isfinite(loss)]
    if not finite:
        return
    low, high = min(finite), max(finite)
    if low > 0 and high / low > 10:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.15, high * (high / low) ** 0.25)
    else:
        room = (high - low) or abs(high) or 1.0
        axes.set_ylim(low - 0.06 * room, high + 0.35 * room)  # room for the changes above


def _draw_segment(axes: Axes, segment: Segment) -> None:
    colour = _COLOURS[segment.role]
    style = {"linewidth": 2.4, "zorder": 4} if segment.is_kept else {"linewidth": 1.0, "alpha": 0.55, "zorder": 2}
    axes.plot(segment.epochs, segment.losses, color=colour, marker="o", markersize=3.2, **style)  # type: ignore[arg-type]


def _annotate(axes: Axes, history: EvolutionHistory) -> None:
    """Write the change that won each cycle at its border."""
    for number, (epoch, change) in enumerate(history.wins):
        text = change if len(change) <= _LONGEST else f"{change[: _LONGEST - 1]}…"
        colour = GREY if change == "unchanged" else VERMILLION
        axes.annotate(
            text,
            (epoch, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(3, -4 - 11 * (number % 6)),
            textcoords="offset points",
            fontsize=7.5,
            color=colour,
            va="top",
            zorder=5,
        )
