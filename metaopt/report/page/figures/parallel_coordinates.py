"""Parallel coordinates: each trial is a line through its hyperparameters and its score."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from metaopt.report.analysis.features import NONE_POSITION, Feature
from metaopt.report.analysis.ranked_features import RankedFeatures, explain_no_features
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.page.panel import COLOUR_SCALE, Panel, make_figure
from metaopt.report.page.text import plot_text
from metaopt.report.plots.feature_axis import axis_ticks
from metaopt.report.plots.hyperparameters import cut_name
from metaopt.report.plots.score_axis import ScoreAxis, logarithmic_ticks

MAX_AXES = 12
_INACTIVE = "inactive"


def parallel_coordinates_panel(study: StudyData, ranked: RankedFeatures) -> Panel:
    """Return the panel; the hyperparameters with the largest effects come first.

    Args:
        study: the study, as ``truncate_study`` returns it.
        ranked: its hyperparameters.
    """
    title = "Parallel coordinates"
    if not ranked.features:
        message = explain_no_features(ranked) if ranked.records else "No trial succeeded."
        return Panel("parallel", title, message=message, width="wide")
    scores = np.array([study.objective.value(loss) for loss in ranked.losses])
    axis = ScoreAxis.of(study.objective, scores)
    score = _score_dimension(study.objective.name, axis, scores)
    dimensions = [score, *(_dimension(feature) for feature, _ in ranked.features[:MAX_AXES])]
    # The best trials are dark on a light page, and light on a dark one.
    line = {
        "color": score["values"],
        "colorscale": COLOUR_SCALE,
        "cmin": score["range"][0],
        "cmax": score["range"][1],
        "reversescale": axis.maximised,
    }
    trace = go.Parcoords(dimensions=dimensions, line=line, labelside="top", unselected={"line": {"opacity": 0.03}})
    figure = make_figure([trace], {}, {}, margin={"l": 70, "r": 50, "t": 50, "b": 20})
    note = "Drag along an axis to select trials, click it to clear. Lines end at “inactive” where another option was"
    note += " drawn."
    if len(ranked.features) > MAX_AXES:
        note += f" Axes: the {MAX_AXES} largest effects of {len(ranked.features)} hyperparameters."
    return Panel("parallel", title, note, figure, width="wide", height=420)


def _score_dimension(name: str, axis: ScoreAxis, scores: np.ndarray) -> dict[str, Any]:
    low, high = axis.limits
    clipped = np.clip(scores, low, high)
    if not axis.is_logarithmic:
        return {"label": plot_text(name), "values": clipped, "range": [low, high]}
    ticks = logarithmic_ticks(low, high)
    return {
        "label": plot_text(name),
        "values": np.log10(clipped),
        "range": [float(np.log10(low)), float(np.log10(high))],
        "tickvals": [float(np.log10(tick)) for tick in ticks],
        "ticktext": [f"{tick:.4g}" for tick in ticks],
    }


def _dimension(feature: Feature) -> dict[str, Any]:
    """Return the axis of a hyperparameter; its lowest place is that of trials without it."""
    positions = feature.positions()
    ticks, texts = axis_ticks(feature)
    low = min([*ticks, 0.0, NONE_POSITION if feature.has_none else 0.0])
    high = len(feature.levels) - 1.0 if feature.levels else 1.0
    if np.isnan(positions).any():
        low -= 0.12 * max(high - low, 1.0)
        positions = np.where(np.isnan(positions), low, positions)
        ticks, texts = [low, *ticks], [_INACTIVE, *texts]
    return {
        "label": plot_text(cut_name(feature.name, 14)),
        "values": positions,
        "range": [low, max(high, low + 1e-9)],
        "tickvals": ticks,
        "ticktext": list(map(plot_text, texts)),
    }
