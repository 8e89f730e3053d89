"""Size against the objective, with limits and Pareto front; with several objectives, each pair of them."""

from itertools import combinations
from typing import Any

import numpy as np
import plotly.graph_objects as go

from metaopt.report.analysis.hypervolume import hypervolume_trajectory
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import format_count, metric_label
from metaopt.report.page.figures.marks import Values, trial_marks
from metaopt.report.page.panel import HOVER, Panel, first_upper, limit_line, make_figure
from metaopt.report.plots.score_axis import ScoreAxis, logarithmic_ticks
from metaopt.report.plots.series import Series
from metaopt.report.plots.style import INK
from metaopt.report.plots.trade_off import Axis, find_limits, find_trade_offs, pareto_front
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, knee_record

_MOST_PAIRS = 3


def trade_off_panels(study: StudyData) -> list[Panel]:
    """Return the panels; none where the trials do not differ in size."""
    own = study.without_imported()
    if not own.with_loss:
        return []
    panels = []
    if study.further_objectives:
        pairs = list(combinations(study.objectives, 2))[:_MOST_PAIRS]
        panels += [_front(own, horizontal, vertical) for vertical, horizontal in pairs]
        panels.append(_hypervolume(own))
    return panels + [_trade_off(own, x, y) for x, y in find_trade_offs([Series("", [own])])]


def _trade_off(study: StudyData, horizontal: Axis, vertical: Axis) -> Panel:
    records = study.with_loss
    x, y = _read(horizontal, records), _read(vertical, records)
    eligible = np.array([record.is_eligible for record in records]) & ~np.isnan(x) & ~np.isnan(y)
    signs = [-1.0 if axis.maximised else 1.0 for axis in (horizontal, vertical)]
    front = np.flatnonzero(eligible)[pareto_front(signs[0] * x[eligible], signs[1] * y[eligible])]
    traces = trial_marks(records, x, y, study.best, HOVER)
    traces.append(_step_line(x[front], y[front], "Pareto front"))
    axes, shapes, labels = {}, [], []
    for along, axis, values in (("x", horizontal, x), ("y", vertical, y)):
        low, high, is_logarithmic = find_limits(axis, values[np.isfinite(values)], study.constraints)
        axes[along] = _axis(axis.label, low, high, is_logarithmic=is_logarithmic)
        for limit in study.constraints:
            if limit.metric == axis.name and low <= limit.bound <= high:
                text = f"{limit.metric} {'≤' if limit.upper else '≥'} {format_count(limit.bound)}"
                line, shade, label = limit_line(
                    along, limit.bound, text, upper=limit.upper, is_logarithmic=is_logarithmic
                )
                shapes += [line, shade]
                labels.append(label)
    figure = make_figure(traces, axes["x"], axes["y"], shapes=shapes, annotations=labels)
    note = "Each trial at its best epoch. Line: Pareto front of the feasible trials."
    note += " Shaded: violates a limit." if shapes else ""
    title = first_upper(f"{vertical.label} against {horizontal.label}")
    return Panel(f"trade-off-{horizontal.name}-{vertical.name}", title, note, figure)


def _front(study: StudyData, horizontal: Objective, vertical: Objective) -> Panel:
    records, front = study.with_loss, study.front
    x, y = _values(study, records, horizontal), _values(study, records, vertical)
    traces = trial_marks(records, x, y, knee_record(front), HOVER)
    for trace in traces:
        if trace.name == "best":
            trace.name = "knee"
    at_x, at_y = _values(study, front, horizontal), _values(study, front, vertical)
    order = np.argsort(-at_x if horizontal.maximised else at_x, kind="stable")
    line = _step_line(at_x[order], at_y[order], "Pareto front")
    if len(study.objectives) > 2:  # a line would belong to two of the objectives only
        line.update(mode="markers", marker={"color": INK, "symbol": "diamond-open", "size": 9})
    title = f"Pareto front: {metric_label(vertical.name)} and {metric_label(horizontal.name)}"
    figure = make_figure([*traces, line], _objective_axis(horizontal, x), _objective_axis(vertical, y))
    note = "Trials that no other one dominates. Star: the knee, the best compromise."
    return Panel(f"front-{horizontal.name}-{vertical.name}", title, note, figure)


def _hypervolume(study: StudyData) -> Panel:
    trajectory = hypervolume_trajectory(study)
    at = np.array([point.n_trials for point in trajectory], float)
    share = np.array([point.share for point in trajectory])
    line = _step_line(at, share, "hypervolume").update(mode="lines")
    figure = make_figure([line], {"title": "trials"}, {"title": "hypervolume", "range": [0, 1.02]})
    note = "Share of the box between the best and the worst feasible result in each objective."
    return Panel("hypervolume", "Hypervolume of the front so far", note, figure)


def _step_line(x: Values, y: Values, name: str) -> Any:
    """Return steps, as no trial has more of the one at less of the other."""
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        name=name,
        marker={"size": 4},
        line={"color": INK, "width": 1.8, "shape": "hv"},
        hovertemplate=f"{name}<br>%{{x:.6~g}}<br>%{{y:.6~g}}<extra></extra>",
    )


def _read(axis: Axis, records: list[Record]) -> Values:
    values = [axis.read(record) for record in records]
    return np.array([np.nan if value is None else value for value in values], float)


def _values(study: StudyData, records: list[Record], objective: Objective) -> Values:
    column = study.objectives.index(objective)
    return np.array([objective.value(record.result.values[column]) for record in records])


def _objective_axis(objective: Objective, values: Values) -> dict[str, Any]:
    label = metric_label(objective.name)
    if objective.is_count and len(values) and values.min() > 0:
        margin = (values.max() / values.min()) ** 0.06 * 1.02
        return _axis(label, float(values.min() / margin), float(values.max() * margin), is_logarithmic=True)
    axis = ScoreAxis.of(objective, values)
    return _axis(label, *axis.limits, is_logarithmic=axis.is_logarithmic)


def _axis(label: str, low: float, high: float, *, is_logarithmic: bool) -> dict[str, Any]:
    if not is_logarithmic:
        return {"title": label, "range": [low, high]}
    ticks = logarithmic_ticks(low, high)
    limits = [float(np.log10(low)), float(np.log10(high))]
    return {
        "title": label,
        "type": "log",
        "range": limits,
        "tickvals": ticks,
        "ticktext": [format_count(tick) if tick >= 1000 else f"{tick:.4g}" for tick in ticks],
    }
