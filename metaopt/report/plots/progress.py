"""Progress of a search: the score of every trial by number and by time, and the best so far."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.rungs import has_rungs
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trajectory import anytime_trajectory, best_so_far
from metaopt.report.formatting import metric_label
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SKY,
    VERMILLION,
    add_title,
    write_or_explain,
)
from metaopt.trials.choice import score_standard_error
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record


def progress_figure(study: StudyData, path: Path) -> None:
    """Draw the score of every trial by trial number and by search time.

    A band shows one standard error around the best score, if it is known.

    Args:
        study: the study.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """

    def draw(figure: Figure) -> None:
        objective = study.objective
        by_number = sorted(study.records, key=lambda record: record.trial)
        timed = [(record.ended, record) for record in by_number if record.ended is not None and not record.imported]
        timed.sort(key=lambda pair: pair[0])
        panels = figure.subplots(1, 2 if timed else 1, sharey=True, squeeze=False)[0]
        panels[0].set_xlim(by_number[0].trial - 0.8, by_number[-1].trial + 0.8)
        numbers = np.array([record.trial for record in by_number], float)
        _draw_panel(panels[0], study.of_records(by_number), numbers)
        if not timed or not has_rungs(study.records):
            # A trial that resumes is not better from its number on, but from its next rung.
            _draw_best_so_far(panels[0], numbers, best_so_far(by_number), objective)
        panels[0].set_xlabel("trial")
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        if timed:
            seconds, unit = time_unit(timed[-1][0])
            panels[1].set_xlim(0, 1.03 * timed[-1][0] / seconds)
            ended = np.array([clock for clock, _ in timed], float) / seconds
            _draw_panel(panels[1], study.of_records(record for _, record in timed), ended, by_time=True)
            trajectory = anytime_trajectory(study.records)  # with the results at pauses
            clocks = np.array([point.clock for point in trajectory], float) / seconds
            _draw_best_so_far(panels[1], clocks, [point.best_loss for point in trajectory], objective)
            panels[1].set_xlabel(f"search time ({unit})")
        scores = [objective.value(record.loss) for record in study.with_loss if record.loss is not None]
        axis = ScoreAxis.of(objective, scores)
        axis.apply(panels[0])
        axis.note_outside(panels[0])
        _add_legend(figure, panels)
        add_title(figure, "Progress", _summarise(study), study.caption)

    write_or_explain(study.records, path, (11, 4.6), draw, caption=study.caption)


def _draw_panel(axes: Axes, study: StudyData, at: np.ndarray, *, by_time: bool = False) -> None:
    """Draw one panel; ``at`` are the horizontal positions of the records, ascending."""
    records = study.records
    # A trial of the start that resumed ends among those of the model; the search has not started anew there.
    _shade_without_model(axes, records, at, start_only=by_time and has_rungs(records))
    scores = _scores(records, study.objective)
    imported = np.array([record.imported for record in records])
    feasible = np.array([record.is_feasible for record in records])
    incomplete = np.array([not record.complete for record in records])
    failed = np.isnan(scores)
    size = 26 if len(records) <= 150 else 10
    own = ~failed & feasible & ~imported
    kinds: tuple[tuple[str, np.ndarray, dict[str, Any]], ...] = (
        ("trial", own & ~incomplete, {"color": BLUE, "alpha": 0.75, "linewidths": 0}),
        ("not fully trained", own & incomplete, {"color": SKY, "alpha": 0.65, "linewidths": 0}),
        ("infeasible", ~failed & ~feasible, {"marker": "o", "facecolors": "none", "edgecolors": BLUE}),
        ("imported", ~failed & feasible & imported, {"marker": "D", "color": GREY, "alpha": 0.6, "linewidths": 0}),
    )
    for label, chosen, style in kinds:
        if chosen.any():
            axes.scatter(at[chosen], scores[chosen], s=size, label=label, zorder=3, **style)
    if failed.any():
        # At the bottom of the panel, as a failed trial has no score.
        bottom = np.full(failed.sum(), 0.02)
        cross: dict[str, Any] = {"marker": "x", "color": VERMILLION, "linewidths": 1.3, "zorder": 4}
        axes.scatter(at[failed], bottom, s=size, label="failed", transform=axes.get_xaxis_transform(), **cross)
    _draw_best(axes, study, at)


def _scores(records: Sequence[Record], objective: Objective) -> np.ndarray:
    """Return the (n,) scores; NaN for a failed trial."""
    losses = [record.loss if record.has_loss else None for record in records]
    return np.array([np.nan if loss is None else objective.value(loss) for loss in losses])


def _draw_best_so_far(axes: Axes, at: np.ndarray, losses: Sequence[float | None], objective: Objective) -> None:
    values = [np.nan if loss is None else objective.value(loss) for loss in losses]
    axes.step(at, values, where="post", color=INK, linewidth=1.4, label="best so far", zorder=2)


def _draw_best(axes: Axes, study: StudyData, at: np.ndarray) -> None:
    """Draw the best trial, and the standard error of its score."""
    best = study.best
    if best is None or best.loss is None:
        return
    value = study.objective.value(best.loss)
    x = next(x for x, record in zip(at, study.records, strict=True) if record is best)
    star: dict[str, Any] = {"marker": "*", "s": 150, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
    axes.scatter([x], [value], label="best", zorder=5, **star)
    error = score_standard_error(best, study.n_validation)
    if error is not None:
        low, high = value - error, value + error
        axes.axhspan(low, high, color=ORANGE, alpha=0.16, linewidth=0, zorder=0, label="± 1 standard error")


def _shade_without_model(axes: Axes, records: Sequence[Record], at: np.ndarray, *, start_only: bool) -> None:
    """Shade the trials that no model proposed: random draws, and points that were known before."""
    label: str | None = "without a model"
    own = [(x, record) for x, record in zip(at, records, strict=True) if not record.imported]
    if not any(record.model_based for _, record in own):
        return  # a random search, not the start of another one
    if start_only and own[0][1].model_based:
        return
    edges = [axes.get_xlim()[0], *((a + b) / 2 for (a, _), (b, _) in pairwise(own)), axes.get_xlim()[1]]
    start: float | None = None
    for index, (_, record) in enumerate(own):
        if not record.model_based and start is None:
            start = edges[index]
        is_last = index + 1 == len(own)
        if start is not None and (is_last or own[index + 1][1].model_based):
            axes.axvspan(start, edges[index + 1], color="#f1f1f1", linewidth=0, zorder=-1, label=label)
            start, label = None, None
            if start_only:
                return


def _add_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    entries: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=len(entries))


def _summarise(study: StudyData) -> str:
    records, best = study.records, study.best
    counts = {
        "not fully trained": sum(not record.complete and record.has_loss for record in records),
        "failed": sum(record.status != "ok" for record in records),
        "infeasible": sum(record.has_loss and not record.is_feasible for record in records),
        "imported": sum(record.imported for record in records),
    }
    parts = [
        f"{len(records)} trial{'s' if len(records) > 1 else ''}",
        *(f"{count} {name}" for name, count in counts.items() if count),
    ]
    if best is not None and best.loss is not None:
        value = study.objective.value(best.loss)
        parts.append(f"best {metric_label(study.objective.name)} {value:.4f} by trial {best.trial}")
    return " · ".join(parts)


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit for an axis that reaches so many seconds: its length in seconds, and its name."""
    if seconds < 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")
