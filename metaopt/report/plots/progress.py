"""How the search went: every trial's score by its number and by the time, and the best so far."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metaopt.report.analysis.scores import best_so_far, describe_metric, feasible, objective_of, succeeded
from metaopt.report.analysis.statistics import score_standard_error
from metaopt.report.analysis.trajectory import moments
from metaopt.report.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SKY,
    VERMILLION,
    clip_note,
    score_limits,
    title,
    write_or_explain,
)
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record


def progress_figure(records: Sequence[Record], path: Path, n_validation: int | None = None) -> None:
    """Draws every trial's score by trial number and by search time.

    Args:
        records: in any order.
        path: of the picture.
        n_validation: images in the validation set; if known, a band shows one standard error around the best.

    Raises:
        ResultsNotWritable: the picture cannot be written there.
    """

    def draw(figure: Figure) -> None:
        objective = objective_of(records)
        by_number = sorted(records, key=lambda record: record["trial"])
        timed = [record for record in records if record.get("ended") is not None and not record.get("imported")]
        timed.sort(key=lambda record: record["ended"])
        panels = figure.subplots(1, 2 if timed else 1, sharey=True, squeeze=False)[0]
        panels[0].set_xlim(by_number[0]["trial"] - 0.8, by_number[-1]["trial"] + 0.8)
        numbers = np.array([record["trial"] for record in by_number], float)
        _draw_panel(panels[0], by_number, numbers, objective, n_validation)
        _draw_best(panels[0], numbers, best_so_far(by_number), objective)
        panels[0].set_xlabel("trial")
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        panels[0].set_ylabel(describe_metric(objective.name))
        if timed:
            seconds, unit = time_unit(timed[-1]["ended"])
            panels[1].set_xlim(0, 1.03 * timed[-1]["ended"] / seconds)
            ended = np.array([record["ended"] for record in timed], float) / seconds
            _draw_panel(panels[1], timed, ended, objective, n_validation)
            course = moments(timed)  # what a trial was worth at a pause counts from then
            places = np.array([moment.seconds for moment in course], float) / seconds
            _draw_best(panels[1], places, [moment.best for moment in course], objective)
            panels[1].set_xlabel(f"search time ({unit})")
        scores = [objective.value(record["loss"]) for record in records if succeeded(record)]
        limits = score_limits(scores, objective.maximised)
        panels[0].set_ylim(limits)
        clip_note(panels[0], sum(not limits[0] <= score <= limits[1] for score in scores), objective.maximised)
        _legend(figure, panels)
        title(figure, "Progress", _summary(records, objective))

    write_or_explain(records, path, (11, 4.4), draw)


def _draw_panel(
    axes: Axes, records: list[Record], at: np.ndarray, objective: Objective, n_validation: int | None
) -> None:
    """One panel; ``at`` are the records' horizontal positions, ascending."""
    _shade_random(axes, records, at)
    scores = np.array([objective.value(r["loss"]) if succeeded(r) else np.nan for r in records])
    imported = np.array([bool(record.get("imported")) for record in records])
    keeps = np.array([feasible(record) for record in records])
    short = np.array([record.get("complete") is False for record in records])
    failed = np.isnan(scores)
    size = 26 if len(records) <= 150 else 10
    kinds: tuple[tuple[str, np.ndarray, dict[str, Any]], ...] = (
        ("trial", ~failed & keeps & ~imported & ~short, {"color": BLUE, "alpha": 0.75, "linewidths": 0}),
        ("not fully trained", ~failed & keeps & ~imported & short, {"color": SKY, "alpha": 0.65, "linewidths": 0}),
        ("breaks a limit", ~failed & ~keeps, {"marker": "o", "facecolors": "none", "edgecolors": BLUE}),
        ("imported", ~failed & keeps & imported, {"marker": "D", "color": GREY, "alpha": 0.6, "linewidths": 0}),
    )
    for label, chosen, look in kinds:
        if chosen.any():
            axes.scatter(at[chosen], scores[chosen], s=size, label=label, zorder=3, **look)
    if failed.any():
        # At the foot of the panel, as a failed trial has no score.
        axes.scatter(
            at[failed],
            np.full(failed.sum(), 0.02),
            s=size,
            marker="x",
            color=VERMILLION,
            linewidths=1.3,
            label="failed",
            transform=axes.get_xaxis_transform(),
            zorder=4,
        )
    _draw_star(axes, records, at, objective, n_validation)


def _draw_best(axes: Axes, at: np.ndarray, losses: Sequence[float | None], objective: Objective) -> None:
    values = [np.nan if loss is None else objective.value(loss) for loss in losses]
    axes.step(at, values, where="post", color=INK, linewidth=1.4, label="best so far", zorder=2)


def _draw_star(
    axes: Axes, records: list[Record], at: np.ndarray, objective: Objective, n_validation: int | None
) -> None:
    """The best trial, and how well its score is known."""
    best = best_record(records)
    if best is None:
        return
    value = objective.value(best["loss"])
    place = next(x for x, record in zip(at, records, strict=True) if record is best)
    star: dict[str, Any] = {"marker": "*", "s": 150, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
    axes.scatter([place], [value], label="best", zorder=5, **star)
    error = score_standard_error(best, n_validation)
    if error is not None:
        low, high = value - error, value + error
        axes.axhspan(low, high, color=ORANGE, alpha=0.16, linewidth=0, zorder=0, label="± 1 standard error")


def _shade_random(axes: Axes, records: list[Record], places: np.ndarray) -> None:
    """Shades where trials were drawn at random, before the sampler had a model."""
    label: str | None = "random start-up"
    own = [(x, record) for x, record in zip(places, records, strict=True) if not record.get("imported")]
    if all(record.get("model_based") is False for _, record in own):
        return  # a search at random, not its start
    edges = [axes.get_xlim()[0], *((a + b) / 2 for (a, _), (b, _) in pairwise(own)), axes.get_xlim()[1]]
    start: float | None = None
    for index, (_, record) in enumerate(own):
        random = record.get("model_based") is False
        if random and start is None:
            start = edges[index]
        last = index + 1 == len(own)
        if start is not None and (last or own[index + 1][1].get("model_based") is not False):
            axes.axvspan(start, edges[index + 1], color="#f1f1f1", linewidth=0, zorder=-1, label=label)
            start, label = None, None


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    entries: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=len(entries))


def _summary(records: Sequence[Record], objective: Objective) -> str:
    best = best_record(records)
    imported = sum(bool(record.get("imported")) for record in records)
    failed = sum(record.get("status") != "ok" for record in records)
    short = sum(record.get("complete") is False and succeeded(record) for record in records)
    broken = sum(succeeded(record) and not feasible(record) for record in records)
    counts = ((short, "not fully trained"), (failed, "failed"), (broken, "over a limit"), (imported, "imported"))
    parts = [
        f"{len(records)} trial{'s' if len(records) > 1 else ''}",
        *(f"{count} {what}" for count, what in counts if count),
    ]
    if best is not None:
        value = objective.value(best["loss"])
        parts.append(f"best {describe_metric(objective.name)} {value:.4f} by trial {best['trial']}")
    return " · ".join(parts)


def time_unit(seconds: float) -> tuple[float, str]:
    """The unit for an axis that reaches so many seconds: its length in seconds and its name."""
    if seconds < 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")
