"""Learning curves of the trials: validation and training over the epochs."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import metric_label
from metaopt.report.page.panel import SCALE, Panel, first_upper, make_figure, score_axis
from metaopt.report.plots.curves import TRAINING_LOSSES, shown_metric
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import VERMILLION
from metaopt.trials.objective import is_maximised
from metaopt.trials.record import Record, best_record

MAX_CURVES = 300
"""Most curves of one figure: of more trials the best third of them, and others evenly spaced by rank."""


def learning_curve_panels(study: StudyData) -> list[Panel]:
    """Return a panel for the validation metric and one for the training loss."""
    records = [record for record in study.with_loss if shown_metric(record, study.objective)]
    if not records:
        message = "The trials report no epochs, so there are no learning curves." if study.with_loss else ""
        message = message or "No trial succeeded."
        return [Panel("curves", "Learning curves", message=message, width="wide")]
    best = best_record(records) or min(records, key=lambda record: record.result.values)
    metric = shown_metric(best, study.objective) or "loss"
    training = next((name for name in TRAINING_LOSSES if name != metric and best.history.get(name)), None)
    panels = [_panel("curves-validation", records, best, metric, metric_label(metric))]
    if training is not None:
        panels.append(_panel("curves-training", records, best, training, "training loss"))
    return panels


def _panel(name: str, records: list[Record], best: Record, metric: str, label: str) -> Panel:
    known = sorted((record for record in records if record.history.get(metric)), key=lambda one: one.result.values)
    drawn = _chosen(known)
    traces: list[Any] = []
    # Trials of about equal rank are one trace: a trace for each trial would take seconds. The worst are drawn first.
    for colour, ranks in reversed(list(zip(SCALE, np.array_split(np.arange(len(drawn)), len(SCALE)), strict=True))):
        if len(ranks):
            traces.append(_curves([drawn[rank] for rank in ranks], metric, {"color": colour, "width": 1}))
    line = {"color": VERMILLION, "width": 2.5}
    traces.append(_curves([best], metric, line).update(name=f"best, trial {best.trial}", showlegend=True))
    values = [value for record in drawn for value in record.history[metric] if value is not None]
    axis = ScoreAxis.of_metric(label, values, maximised=is_maximised(metric))
    figure = make_figure(traces, {"title": "epoch"}, score_axis(axis))
    count = f"{len(drawn)} of {len(known)} trials" if len(drawn) < len(known) else f"{len(known)} trials"
    return Panel(name, first_upper(label), f"{count}. Darker is better, in dark mode lighter.", figure)


def _chosen(ranked: list[Record]) -> list[Record]:
    if len(ranked) <= MAX_CURVES:
        return ranked
    n_best = MAX_CURVES // 3
    others = np.linspace(n_best, len(ranked) - 1, MAX_CURVES - n_best).round().astype(int)
    return [*ranked[:n_best], *(ranked[index] for index in others)]


def _curves(records: list[Record], metric: str, line: dict[str, Any]) -> Any:
    """Return the curves of several trials as one trace, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for record in records:
        values = record.history[metric]
        x += [*range(1, len(values) + 1), None]
        y += [*values, None]
        trials += [record.trial] * (len(values) + 1)
    return go.Scatter(
        x=x,
        y=y,
        customdata=trials,
        mode="lines+markers" if max(len(record.history[metric]) for record in records) == 1 else "lines",
        line=line,
        opacity=0.75,
        showlegend=False,
        hovertemplate="trial %{customdata}<br>epoch %{x}<br>%{y:.5~g}<extra></extra>",
    )
