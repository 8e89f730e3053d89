"""Progress of a search: the score of every trial and the best so far, by number, by seconds and by epochs."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trajectory import TrajectoryPoint, anytime_trajectory, best_so_far
from metaopt.report.formatting import metric_label
from metaopt.report.page.figures.marks import Values, trial_marks
from metaopt.report.page.panel import Panel, legend_note, make_figure, scatter, score_axis
from metaopt.report.plots.progress import time_unit
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import BLUE, INK, ORANGE
from metaopt.trials.choice import score_standard_error
from metaopt.trials.record import Record


def progress_panels(study: StudyData) -> list[Panel]:
    """Return the panels of the best score so far."""
    records = sorted(study.records, key=lambda record: record.trial)
    axis = ScoreAxis.of(study.objective, _scores(study, records))
    panels = [_by_number(study, records, axis)]
    trajectory = anytime_trajectory(records)
    clocks = np.array([point.clock for point in trajectory])
    epochs = np.array([point.total_epochs for point in trajectory], float)
    if len(clocks) and clocks.max() > 0:
        seconds, unit = time_unit(float(clocks.max()))
        title = f"search time ({unit})"
        panels.append(_by_effort(study, trajectory, clocks / seconds, axis, "progress-time", "By time", title))
    if len(epochs) and epochs.max() > 0:
        title = "epochs trained, of all trials"
        panels.append(_by_effort(study, trajectory, epochs, axis, "progress-epochs", "By epochs", title))
    return panels


def _by_number(study: StudyData, records: list[Record], axis: ScoreAxis) -> Panel:
    numbers = np.array([record.trial for record in records], float)
    scores = _scores(study, records)
    # A failed trial has no score: its mark is at the bad end of the axis.
    worst = axis.limits[0] if axis.maximised else axis.limits[1]
    hover = f"trial %{{customdata}}<br>{metric_label(study.objective.name)} %{{y:.5~g}}<extra></extra>"
    traces = trial_marks(records, numbers, np.where(np.isnan(scores), worst, scores), study.best, hover)
    losses = best_so_far(records)
    values = np.array([np.nan if loss is None else study.objective.value(loss) for loss in losses])
    traces.insert(0, _steps(numbers, values))
    note = "Line: the best feasible trial so far. A failed trial is at the bad end of the axis."
    if trial_error := _error_band(study):
        note += " Shade: one standard error of the best score."
    figure = make_figure(traces, {"title": "trial"}, score_axis(axis), shapes=trial_error)
    return Panel("progress", "By trial", note + legend_note(axis), figure, width="wide")


def _by_effort(
    study: StudyData, points: list[TrajectoryPoint], at: Values, axis: ScoreAxis, name: str, title: str, label: str
) -> Panel:
    """Return the panel of the scores at each pause or end, against a measure of effort."""
    scores = np.array([_value(study, point.result.loss) for point in points])
    best = np.array([_value(study, point.best_loss) for point in points])
    known = ~np.isnan(scores)
    dots = scatter(len(points))(
        x=at[known],
        y=scores[known],
        customdata=np.array([point.trial for point in points])[known],
        mode="markers",
        name="trial",
        hovertemplate=f"trial %{{customdata}}<br>{metric_label(study.objective.name)} %{{y:.5~g}}<extra></extra>",
        marker={"color": BLUE, "size": 5, "opacity": 0.6},
    )
    note = "A trial counts each time that it pauses or ends."
    return Panel(name, title, note, make_figure([dots, _steps(at, best)], {"title": label}, score_axis(axis)))


def _steps(at: Values, best: Values) -> Any:
    """Return the line of the best so far, with the points at which it changes."""
    changes = np.append(True, best[1:] != best[:-1]) if len(best) else np.zeros(0, bool)
    changes[-1:] = True
    chosen = changes & ~np.isnan(best)
    return go.Scatter(
        x=at[chosen],
        y=best[chosen],
        mode="lines",
        name="best so far",
        line={"color": INK, "width": 2, "shape": "hv"},
        hovertemplate="best so far %{y:.5~g}<extra></extra>",
    )


def _error_band(study: StudyData) -> list[dict[str, Any]]:
    """Return the shade of one standard error around the best score; none where it is unknown."""
    best = study.best
    error = None if best is None else score_standard_error(best, study.n_validation)
    if best is None or best.loss is None or not error:
        return []
    value = study.objective.value(best.loss)
    across = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below", "line": {"width": 0}}
    return [{"type": "rect", "y0": value - error, "y1": value + error, "fillcolor": ORANGE, "opacity": 0.18, **across}]


def _scores(study: StudyData, records: list[Record]) -> Values:
    """Return the (n,) scores; NaN for a failed trial."""
    return np.array([_value(study, record.loss if record.has_loss else None) for record in records])


def _value(study: StudyData, loss: float | None) -> float:
    return np.nan if loss is None else study.objective.value(loss)
