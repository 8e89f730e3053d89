"""Decisions of a search: one line a trial, with its training, where it was left and where it resumed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from metaopt.quantities import plural
from metaopt.report.analysis.decisions import CHANCE, Course, find_courses, find_savings, is_in_epochs, trained
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.plots.style import (
    GREY,
    INK,
    ORANGE,
    SEQUENTIAL,
    VERMILLION,
    add_title,
    write_or_explain,
)
from metaopt.trials.trial_decision import TrialDecision

_LEAST_CHANCE = 0.01  # of the colours, which are logarithmic
_UNKNOWN = "#b3b3b3"
_MAX_LABELS = 45  # trials, beyond which their outcomes are not written
_INCHES_PER_TRIAL, _LEAST_INCHES, _MOST_INCHES = 0.21, 1.8, 7.0


def decisions_figure(study: StudyData, path: Path) -> None:
    """Draw the course of each trial over that of the search, coloured by its chance to become the best.

    Args:
        study: a study whose strategy gave the figures of its decisions; imported trials are ignored.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    own = study.without_imported()
    height = float(np.clip(_INCHES_PER_TRIAL * len(own.records), _LEAST_INCHES, _MOST_INCHES))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        courses = find_courses(own)
        width = float(np.clip(0.5 * 72 * height / max(1, len(courses)), 1.5, 7.0))
        _draw_waiting(axes, courses)
        _draw_training(axes, courses, width)
        _draw_marks(axes, courses, width)
        best = own.best
        for course in courses:
            if best is course.record and course.stretches:
                _draw_star(axes, course)
        if len(courses) <= _MAX_LABELS:
            _write_outcomes(axes, courses, own)
        _set_up_axes(axes, courses, own)
        _add_colour_bar(figure, axes)
        _add_legend(figure, courses, has_best=best is not None)
        add_title(figure, "Decisions", _explain(own), own.caption)

    write_or_explain(own.records, path, (9.5, height + 1.9), draw, caption=own.caption)


def _colour_map() -> Colormap:
    """Return the part of the sequential colours that is visible on white, dark for a large chance."""
    return ListedColormap(matplotlib.colormaps[SEQUENTIAL](np.linspace(0.92, 0.0, 256)))


def _colour(decision: TrialDecision | None) -> Any:
    if decision is None or CHANCE not in decision.reason:
        return _UNKNOWN
    norm = LogNorm(_LEAST_CHANCE, 1, clip=True)
    return _colour_map()(norm(max(decision.reason[CHANCE], _LEAST_CHANCE)))


def _draw_waiting(axes: Axes, courses: Sequence[Course]) -> None:
    """Draw a thin line from the first to the last training of each trial."""
    lines = [
        [(course.stretches[0].begin, course.record.trial), (course.stretches[-1].end, course.record.trial)]
        for course in courses
        if course.stretches
    ]
    axes.add_collection(LineCollection(lines, colors=[_UNKNOWN], linewidths=0.8, linestyles="dotted", zorder=2))


def _draw_training(axes: Axes, courses: Sequence[Course], width: float) -> None:
    stretches = [(course.record.trial, stretch) for course in courses for stretch in course.stretches]
    lines = [[(stretch.begin, trial), (stretch.end, trial)] for trial, stretch in stretches]
    colours = [_colour(stretch.decision) for _, stretch in stretches]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=width, capstyle="butt", zorder=3))


def _draw_marks(axes: Axes, courses: Sequence[Course], width: float) -> None:
    """Draw where each trial was left, resumed, fully trained, or failed."""
    size = (width + 1.5) ** 2
    common: dict[str, Any] = {"zorder": 4, "linewidths": 0.8}
    left = [(at, course.record.trial, _colour(decision)) for course in courses for at, decision in course.left]
    if left:
        x, y, colours = zip(*left, strict=True)
        axes.scatter(x, y, s=size, color=colours, edgecolors=INK, **common)
    resumed = [
        (stretch.begin, course.record.trial, _colour(stretch.decision))
        for course in courses
        for stretch in course.stretches
        if stretch.is_resumption
    ]
    if resumed:
        x, y, colours = zip(*resumed, strict=True)
        axes.scatter(x, y, s=1.3 * size, color=colours, edgecolors=INK, marker=">", **common)
    for marker, colour, chosen in (
        ("|", INK, [one for one in courses if one.record.complete and one.record.status == "ok"]),
        ("x", VERMILLION, [one for one in courses if one.record.status == "fail"]),
    ):
        ends = [(one.stretches[-1].end, one.record.trial) for one in chosen if one.stretches]
        if ends:
            x, y = zip(*ends, strict=True)
            axes.scatter(
                x,
                y,
                s=(2 if width > 3 else 1) * size,
                color=colour,
                marker=marker,
                linewidths=min(1.3, 0.6 * width),
                zorder=4,
            )


def _draw_star(axes: Axes, course: Course) -> None:
    star: dict[str, Any] = {"marker": "*", "s": 130, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
    axes.scatter(course.stretches[-1].end, course.record.trial, zorder=6, **star)


def _write_outcomes(axes: Axes, courses: Sequence[Course], study: StudyData) -> None:
    """Write what each trial was trained to, and its score, to the right of its line."""
    for course in courses:
        record = course.record
        if not course.stretches:
            continue
        score = f", {study.objective.value(record.loss):.4g}" if record.loss is not None else ""
        text = "failed" if record.status == "fail" else f"{trained(record, study)}{score}"
        axes.annotate(
            text,
            (course.stretches[-1].end, record.trial),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=GREY,
        )


def _set_up_axes(axes: Axes, courses: Sequence[Course], study: StudyData) -> None:
    end = max((stretch.end for course in courses for stretch in course.stretches), default=1.0)
    axes.set_xlim(-0.01 * end, 1.09 * end)
    numbers = [course.record.trial for course in courses]
    axes.set_ylim(max(numbers) + 0.8, min(numbers) - 0.8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=20, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("epochs trained, of all trials" if is_in_epochs(study) else "seconds of search")
    axes.set_ylabel("trial")


def _add_colour_bar(figure: Figure, axes: Axes) -> None:
    mappable = ScalarMappable(LogNorm(_LEAST_CHANCE, 1), _colour_map())
    bar = figure.colorbar(mappable, ax=axes, fraction=0.03, pad=0.01, aspect=30)
    bar.set_label("chance to become the best")
    ticks = (_LEAST_CHANCE, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    bar.set_ticks(ticks, labels=[f"{'≤ ' if tick == _LEAST_CHANCE else ''}{100 * tick:g} %" for tick in ticks])
    bar.ax.yaxis.set_minor_locator(NullLocator())


def _add_legend(figure: Figure, courses: Sequence[Course], has_best: bool) -> None:
    dot: dict[str, Any] = {"color": "none", "markeredgecolor": INK, "markerfacecolor": "white", "markersize": 6}
    handles = [Line2D([], [], color=_colour_map()(0.85), linewidth=5, label="training")]
    if any(_colour(stretch.decision) == _UNKNOWN for course in courses for stretch in course.stretches):
        handles.append(Line2D([], [], color=_UNKNOWN, linewidth=5, label="without a model"))
    if any(course.left for course in courses):
        handles.append(Line2D([], [], marker="o", label="left at a rung", **dot))
    if any(course.is_resumed for course in courses):
        handles.append(Line2D([], [], marker=">", label="resumed", **dot))
    if any(course.record.complete and course.record.status == "ok" for course in courses):
        tick = {**dot, "markersize": 9, "markeredgewidth": 1.3}
        handles.append(Line2D([], [], marker="|", label="fully trained", **tick))
    if any(course.record.status == "fail" for course in courses):
        handles.append(Line2D([], [], marker="x", label="failed", **{**dot, "markeredgecolor": VERMILLION}))
    if has_best:
        handles.append(Line2D([], [], marker="*", label="best", **{**dot, "markerfacecolor": ORANGE, "markersize": 11}))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _explain(study: StudyData) -> str:
    saved, unit = find_savings(study), study.budget_unit
    text = (
        f"One line a trial. {saved.trained:,} {unit} trained; full trainings of {plural(saved.n_trials, 'trial')} take"
        f" {saved.full:,}. {saved.n_full} fully trained, {saved.n_resumed} resumed after a pause."
    )
    if len(study.records) <= _MAX_LABELS:
        text += f" Beside each line: {unit} trained, and the score."
    return text
