"""Population of an evolution: means of its survivors over the search, of the objective and of each measured limit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaopt.files.atomic_files import write_bytes
from metaopt.report.analysis.population import Population, find_population, write_table
from metaopt.report.analysis.study_data import StudyData, metric_at_best_epoch
from metaopt.report.formatting import metric_label
from metaopt.report.plots.comparison import on_common_grid
from metaopt.report.plots.constraints import draw_constraints
from metaopt.report.plots.progress import time_unit
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.series import Series, all_constraints, all_records, caption, line_style
from metaopt.report.plots.style import GREY, add_title, write_or_explain
from metaopt.trials.objective import is_maximised

Values = npt.NDArray[np.float64]

# A line needs at least so many steps.
_MIN_STEPS = 2


def draw_population(series: Sequence[Series], path: Path) -> list[Path]:
    """Draw the means of the survivors over the search time, and write them as CSV.

    With several seeds the line is the mean of their means, and the band reaches from the lowest to the highest.

    Args:
        series: series of one data set and objective.
        path: the image file; the CSV is beside it.

    Returns:
        The image and the CSV; nothing where no search had a population.

    Raises:
        ResultsNotWritable: A file cannot be written.
    """
    found = [(each, run, find_population(run)) for each in series for run in each.runs]
    populations = [
        (each, run, population)
        for each, run, population in found
        if population is not None and len(population.steps) >= _MIN_STEPS
    ]
    if not populations:
        return []
    metrics = list(dict.fromkeys(name for *_, population in populations for name in population.metrics))
    drawn = [Series(each.label, [run for one, run, _ in populations if one is each]) for each in series]
    by_label = {each.label: [population for one, _, population in populations if one is each] for each in series}
    seconds, unit = time_unit(max(population.seconds[-1] for *_, population in populations))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, name in zip(panels, metrics, strict=True):
            values: list[float] = []
            for index, (label, members) in enumerate(by_label.items()):
                having = [population for population in members if name in population.metrics]
                if not having:
                    continue
                if len(series) == 1:
                    values += _draw_trials(axes, drawn[0].runs[0], name, seconds)
                    best = having[0].best[name]
                    style: dict[str, Any] = {"color": GREY, "linewidth": 1.3, "linestyle": (0, (4, 1.5))}
                    axes.step(having[0].seconds / seconds, best, where="post", label="best survivor", **style)
                    values += list(best)
                values += _draw_means(axes, having, name, seconds, label or "mean of the survivors", index)
            _set_up_axes(axes, series, name, values, unit)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5) or 1)
        add_title(figure, "Population", _explain(drawn), caption([each for each in drawn if each.runs]))

    size = (5.2 * max(len(metrics), 1.4), 4.4)
    write_or_explain(all_records(series), path, size, draw, caption=caption(series))
    table = path.with_suffix(".csv")
    write_bytes(
        table,
        write_table([(run.name, population) for _, run, population in populations]).encode("utf-8", "backslashreplace"),
    )
    return [path, table]


def _draw_trials(axes: Axes, run: StudyData, metric: str, seconds: float) -> list[float]:
    """Draw the fully trained trials at the time of their end, and return their values."""
    trials = [record for record in run.records if record.has_loss and record.complete and record.ended is not None]
    points = [
        (record.ended / seconds, value)  # type: ignore[operator]
        for record in trials
        if not record.imported and (value := _metric(run, record, metric)) is not None
    ]
    if points:
        x, y = zip(*points, strict=True)
        axes.scatter(x, y, s=9, color=GREY, alpha=0.45, linewidths=0, zorder=2, label="fully trained trial")
    return [value for _, value in points]


def _metric(run: StudyData, record: Any, metric: str) -> float | None:
    if metric == run.objective.name and record.loss is not None:
        return run.objective.value(record.loss)
    value = metric_at_best_epoch(record, metric)
    return record.returned.get(metric) if value is None else value


def _draw_means(
    axes: Axes, populations: Sequence[Population], metric: str, seconds: float, label: str, index: int
) -> list[float]:
    """Draw the mean of the survivors of some seeds, and return the values."""
    at = [population.seconds / seconds for population in populations]
    grid, means = on_common_grid(at, [population.mean[metric] for population in populations])
    style = line_style(index)
    if len(means):
        axes.step(grid, means.mean(axis=0), where="post", linewidth=1.8, label=label, zorder=3, **style)
    if len(means) > 1:
        low, high = means.min(axis=0), means.max(axis=0)
        axes.fill_between(grid, low, high, step="post", color=style["color"], alpha=0.16, linewidth=0, zorder=2)
    return list(means.ravel())


def _set_up_axes(axes: Axes, series: Sequence[Series], metric: str, values: Sequence[float], unit: str) -> None:
    axes.set_xlabel(f"search time ({unit})")
    axes.set_xlim(left=0)
    limits = [limit for limit in all_constraints(series) if limit.metric == metric]
    maximised = (
        is_maximised(metric.partition("@")[0])
        if metric.startswith("val_")
        else not any(limit.upper for limit in limits)
    )
    bounds = [limit.bound for limit in limits]
    axis = ScoreAxis.of_metric(metric_label(metric), [*values, *bounds], maximised=maximised)
    axis.apply(axes)
    axis.note_outside(axes)
    draw_constraints(axes, limits, y=metric)


def _explain(series: Sequence[Series]) -> str:
    runs = [run for each in series for run in each.runs]
    sizes = list(dict.fromkeys(str(run.settings.get("mu")) for run in runs))
    text = f"The survivors that parents are chosen from at each moment (μ = {', '.join(sizes)}), at their best epochs."
    if any(len(each.runs) > 1 for each in series):
        text += " Line: mean over seeds of their means; band: from the lowest to the highest seed."
    return text
