"""Pareto front of a study with several objectives, and the hypervolume over the search."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaopt.report.analysis.hypervolume import hypervolume_trajectory
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import format_count, metric_label
from metaopt.report.plots.score_axis import ScoreAxis, set_logarithmic
from metaopt.report.plots.style import BLUE, INK, ORANGE, SKY, add_title, write_or_explain
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, knee_record

_MOST_PAIRS = 3  # panels of two objectives each


def front_figure(study: StudyData, path: Path) -> None:
    """Draw each pair of objectives with the Pareto front, and the hypervolume over the trials.

    With more than two objectives, a pair shows the front of all as dots: a line would belong to two of them only.

    Args:
        study: a study with several objectives.
        path: the image file.

    Raises:
        ResultsNotWritable: The file cannot be written.
    """
    own = study.without_imported()
    pairs = list(combinations(range(len(study.objectives)), 2))[:_MOST_PAIRS]
    width = 4.3 * (len(pairs) + 1)

    def draw(figure: Figure) -> None:
        *panels, last = figure.subplots(1, len(pairs) + 1, squeeze=False)[0]
        for axes, (vertical, horizontal) in zip(panels, pairs, strict=True):
            _draw_pair(axes, own, horizontal, vertical)
        _draw_hypervolume(last, own)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6) or 1)
        detail = (
            f"Each trial at its best epoch by {metric_label(study.objective.name)}. Hypervolume: share of the box"
            " between the best and the worst feasible result of this study in each objective, counts by logarithm."
        )
        add_title(figure, "Pareto front", detail, study.caption)

    write_or_explain(own.records, path, (width, 4.6), draw, caption=study.caption)


def _draw_pair(axes: Axes, study: StudyData, horizontal: int, vertical: int) -> None:
    records, front = study.with_loss, study.front
    knee = knee_record(front)
    ends = [(study.objectives[horizontal], horizontal), (study.objectives[vertical], vertical)]
    feasible = [record for record in records if record.is_feasible]
    violating = [record for record in records if not record.is_feasible]
    dots: dict[str, Any] = {"s": 22 if len(records) <= 150 else 9, "zorder": 3}
    dense: dict[str, Any] = {"color": SKY, "alpha": 0.6, "linewidths": 0, "label": "trial"}
    _scatter(axes, feasible, ends, {**dense, **dots})
    if violating:
        hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": SKY, "linewidths": 0.9, "label": "infeasible"}
        _scatter(axes, violating, ends, {**hollow, **dots})
    x, y = _values(front, ends)
    line: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 4, "zorder": 4, "label": "Pareto front"}
    if len(study.objectives) == 2:
        order = np.argsort(x * (-1 if ends[0][0].maximised else 1), kind="stable")
        axes.step(x[order], y[order], where="post", linewidth=1.5, **line)
    else:
        axes.plot(x, y, linestyle="none", **line)
    if knee is not None:
        star: dict[str, Any] = {"marker": "*", "s": 130, "color": ORANGE, "edgecolors": INK, "linewidths": 0.7}
        star |= {"zorder": 6, "label": "knee"}
        _scatter(axes, [knee], ends, star)
    for side, (objective, column), values in zip("xy", ends, _values(records, ends), strict=True):
        del column
        _set_up_side(axes, side, objective, values)


def _scatter(axes: Axes, records: list[Record], ends: list[tuple[Objective, int]], style: dict[str, Any]) -> None:
    x, y = _values(records, ends)
    axes.scatter(x, y, **style)


def _values(records: list[Record], ends: list[tuple[Objective, int]]) -> tuple[np.ndarray, ...]:
    """Return the values of both sides in the user's sense, each (n,)."""
    return tuple(np.array([each.value(record.result.values[column]) for record in records]) for each, column in ends)


def _set_up_side(axes: Axes, side: str, objective: Objective, values: np.ndarray) -> None:
    label = metric_label(objective.name)
    if objective.is_count and len(values) and values.min() > 0:
        margin = (values.max() / values.min()) ** 0.06 * 1.02
        limits = values.min() / margin, values.max() * margin
        set_logarithmic(axes, side, limits, max_ticks=6, text=format_count)
        axes.set(**{f"{side}lim": limits, f"{side}label": label})
    else:
        ScoreAxis.of(objective, values).apply(axes, side)


def _draw_hypervolume(axes: Axes, study: StudyData) -> None:
    trajectory = hypervolume_trajectory(study)
    at = [point.n_trials for point in trajectory]
    axes.step(at, [point.share for point in trajectory], where="post", color=INK, linewidth=1.4)
    axes.set(xlabel="trials", ylabel="hypervolume of the front so far", ylim=(0, 1.02))
