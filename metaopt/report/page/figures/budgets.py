"""Rungs of a search: the score of each trial at its budgets, and the rank correlation between them."""

import math
from typing import Any

import plotly.graph_objects as go

from metaopt.report.analysis.fidelity_correlation import MIN_TRIALS, correlate_fidelities, spearman_interval
from metaopt.report.analysis.rungs import has_rungs, rung_levels, rung_results
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.report.page.panel import MANY, Panel, legend_note, make_figure, score_axis
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.series import line_style
from metaopt.report.plots.style import BLUE, ORANGE
from metaopt.trials.record import Record

_MAX_COLOURS = 7  # of brackets


def budget_panels(study: StudyData) -> list[Panel]:
    """Return the panels of the rungs and of their rank correlation; none where no trial resumed after a pause."""
    own = study.without_imported()
    if not has_rungs(own.records):
        return []
    return [_rungs(own), _correlation(own)]


def _rungs(study: StudyData) -> Panel:
    records = [record for record in study.records if rung_results(record)]
    levels = rung_levels(records)
    axis = ScoreAxis.of(
        study.objective,
        [study.objective.value(result.values[0]) for record in records for result in rung_results(record)],
    )
    names = sorted({record.bracket for record in records}, key=lambda bracket: -1 if bracket is None else bracket)
    if 1 < len(names) <= _MAX_COLOURS:
        traces = [
            _lines([record for record in records if record.bracket == name], study, line_style(index)["color"]).update(
                name="no bracket" if name is None else f"bracket {name}", showlegend=True
            )
            for index, name in enumerate(names)
        ]
    else:
        traces = [_lines(records, study, BLUE).update(showlegend=False)]
    if study.best is not None and rung_results(study.best):
        marker = {"color": ORANGE, "symbol": "star", "size": 15}
        last = rung_results(study.best)[-1]
        traces.append(
            go.Scatter(
                x=[last.resource],
                y=[study.objective.value(last.values[0])],
                customdata=[study.best.trial],
                mode="markers",
                name="best",
                marker=marker,
                hovertemplate="best, trial %{customdata}<br>%{y:.5~g}<extra></extra>",
            )
        )
    resources = [{result.resource for result in rung_results(record)} for record in records]
    reached = [sum(level in known for known in resources) for level in levels]
    note = f"One line a trial. Trials at {', '.join(map(str, levels))} {study.budget_unit}: "
    note += f"{', '.join(map(str, reached))}."
    x = {"title": study.budget_unit, "type": "log", "tickvals": levels, "ticktext": list(map(str, levels))}
    figure = make_figure(traces, x, score_axis(axis))
    return Panel("rungs", "Rungs", note + legend_note(axis), figure)


def _lines(records: list[Record], study: StudyData, colour: Any) -> Any:
    x: list[float | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for record in records:
        for result in rung_results(record):
            x.append(result.resource)
            y.append(study.objective.value(result.values[0]))
            trials.append(record.trial)
        x.append(None)
        y.append(None)
        trials.append(None)
    trace = go.Scattergl if len(x) > MANY else go.Scatter
    return trace(
        x=x,
        y=y,
        customdata=trials,
        mode="lines+markers",
        line={"color": colour, "width": 1},
        marker={"size": 5},
        opacity=0.7,
        hovertemplate="trial %{customdata}<br>%{x}: %{y:.5~g}<extra></extra>",
    )


def _correlation(study: StudyData) -> Panel:
    found = correlate_fidelities(study)
    n = len(found.budgets)
    values: list[list[float | None]] = [[None] * n for _ in range(n)]
    texts = [[""] * n for _ in range(n)]
    hovers = [[""] * n for _ in range(n)]
    for row in range(n):
        for column in range(row):
            rho, count = float(found.correlation[row, column]), int(found.n_trials[row, column])
            pair = f"{found.budgets[column]} and {found.budgets[row]} {study.budget_unit}"
            hovers[row][column] = f"{pair}<br>{count} trials"
            if not math.isnan(rho):
                low, high = spearman_interval(rho, count)
                values[row][column], texts[row][column] = rho, f"{rho:.2f}"
                hovers[row][column] += f"<br>ρ = {rho:.2f}, 95 % interval {low:.2f} to {high:.2f}"
    title = "Rank correlation between budgets"
    if not any(value is not None for row in values for value in row):
        message = f"No two budgets were reached by {MIN_TRIALS} trials, which a correlation needs."
        return Panel("correlation", title, message=message)
    labels = [str(budget) for budget in found.budgets]
    cells = go.Heatmap(
        z=values,
        x=labels,
        y=labels,
        text=texts,
        customdata=hovers,
        texttemplate="%{text}",
        zmin=-1,
        zmax=1,
        colorscale="RdBu",
        hovertemplate="%{customdata}<extra></extra>",
        colorbar={"title": {"text": "ρ"}, "thickness": 12},
    )
    note = (
        f"Spearman's ρ of the {metric_label(study.objective.name)} over the trials that reached both budgets, from"
        f" {MIN_TRIALS} trials on. Only the better trials are promoted, which lowers ρ."
    )
    x = {"title": study.budget_unit, "type": "category", "categoryorder": "array", "categoryarray": labels}
    figure = make_figure([cells], x, {**x, "autorange": "reversed"})
    return Panel("correlation", title, note, figure)
