"""Every hyperparameter against the objective, with its marginal effect."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from metaopt import randomness
from metaopt.report.analysis.features import NONE_POSITION, Feature
from metaopt.report.analysis.ranked_features import RankedFeatures, explain_no_features
from metaopt.report.analysis.statistics import MIN_TRIALS, Effect
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.trends import quartiles, running_quartiles
from metaopt.report.page.figures.marks import Values
from metaopt.report.page.panel import COLOUR_SCALE, Panel, make_figure, score_axis
from metaopt.report.page.text import plot_text
from metaopt.report.plots.feature_axis import axis_limits, axis_ticks, jitter
from metaopt.report.plots.score_axis import ScoreAxis
from metaopt.report.plots.style import GREY, ORANGE, VERMILLION
from metaopt.trials.record import best_record

MAX_PANELS = 60
MAX_DOTS = 800
"""Most dots of one panel: of more trials a random sample is drawn, with the best tenth of it. Trends count all."""


def hyperparameter_panels(study: StudyData, ranked: RankedFeatures) -> list[Panel]:
    """Return a panel for each hyperparameter, the largest effect first.

    Args:
        study: the study, as ``truncate_study`` returns it.
        ranked: its hyperparameters.
    """
    if not ranked.features:
        message = explain_no_features(ranked) if ranked.records else "No trial succeeded."
        return [Panel("hyperparameters", "Hyperparameters against the objective", message=message, width="wide")]
    scores = np.array([study.objective.value(loss) for loss in ranked.losses])
    axis = ScoreAxis.of(study.objective, scores)
    shown = _shown(scores, maximised=study.objective.maximised)
    return [
        _panel(f"effect-{number}", feature, effect, ranked, scores, axis, shown)
        for number, (feature, effect) in enumerate(ranked.features[:MAX_PANELS])
    ]


def explain_effects(ranked: RankedFeatures) -> str:
    """Return how to read the panels."""
    if ranked.n_missing:
        text = f"Effects need {MIN_TRIALS} trials that succeeded, {ranked.n_missing} more than there are."
    else:
        text = (
            "Per cent: share of the variance of the scores' ranks that the hyperparameter explains alone (adjusted R²)."
            " Unclear: p ≥ 0.05 after Holm's correction. Line and shade: median and quartiles."
        )
    if len(ranked.records) > MAX_DOTS:
        text += f" Dots: {MAX_DOTS} of {len(ranked.records)} trials, the best among them; lines: all trials."
    if len(ranked.features) > MAX_PANELS:
        text += f" Drawn: {MAX_PANELS} of {len(ranked.features)} hyperparameters."
    return text + ranked.explain_left_out()


def _panel(
    name: str,
    feature: Feature,
    effect: Effect,
    ranked: RankedFeatures,
    scores: Values,
    axis: ScoreAxis,
    shown: np.ndarray,
) -> Panel:
    positions = feature.positions()
    colour = VERMILLION if effect.is_significant else GREY
    traces = [_dots(feature, positions, ranked, scores, shown), *_best_mark(feature, positions, ranked, scores)]
    if not effect.n_missing:
        traces = [*_trend(feature, positions, scores, colour), *traces]
    ticks, texts = axis_ticks(feature)
    x = {
        "range": list(axis_limits(feature)),
        "tickvals": ticks,
        "ticktext": list(map(plot_text, texts)),
        "showgrid": False,
    }
    figure = make_figure(
        traces, x, {**score_axis(axis), "title": ""}, showlegend=False, margin={"l": 44, "r": 8, "t": 8, "b": 30}
    )
    return Panel(name, feature.name, _note(effect, len(ranked.records)), figure, width="small", height=230)


def _note(effect: Effect, n_records: int) -> str:
    share = "" if np.isnan(effect.share) else f"{effect.share:.0%}" if effect.is_significant else "unclear"
    active = "" if effect.n_trials == n_records else f"active in {effect.n_trials} of {n_records} trials"
    return ", ".join(filter(None, (share, active)))


def _shown(scores: Values, *, maximised: bool) -> np.ndarray:
    """Return the indices of the trials that are drawn."""
    if len(scores) <= MAX_DOTS:
        return np.arange(len(scores))
    best = np.argsort(-scores if maximised else scores)[: MAX_DOTS // 10]
    others = np.setdiff1d(np.arange(len(scores)), best)
    drawn = randomness.make_generator(0, 0, "dots").choice(others, MAX_DOTS - len(best), replace=False)
    return np.sort(np.concatenate([best, drawn]))


def _dots(feature: Feature, positions: Values, ranked: RankedFeatures, scores: Values, shown: np.ndarray) -> Any:
    """Return the trials in which the hyperparameter is active, coloured by their number."""
    chosen = shown[~np.isnan(positions[shown])]
    numbers = np.array([record.trial for record in ranked.records])
    return go.Scatter(
        x=jitter(feature, positions)[chosen],
        y=scores[chosen],
        customdata=numbers[chosen],
        text=[plot_text(feature.values[index]) for index in chosen],
        mode="markers",
        hovertemplate="trial %{customdata}<br>%{text}<br>%{y:.5~g}<extra></extra>",
        marker={
            "color": numbers[chosen],
            "colorscale": COLOUR_SCALE,
            "cmin": int(numbers.min()),
            "cmax": int(numbers.max()) + 1,
            "size": 6 if len(shown) < MAX_DOTS else 4,
            "opacity": 0.75,
            "symbol": ["circle" if ranked.records[index].is_feasible else "circle-open" for index in chosen],
        },
    )


def _best_mark(feature: Feature, positions: Values, ranked: RankedFeatures, scores: Values) -> list[Any]:
    best = best_record(ranked.records)
    at = [n for n, record in enumerate(ranked.records) if record is best and not np.isnan(positions[n])]
    marker = {"color": ORANGE, "symbol": "star", "size": 13}
    hover = "best, trial %{customdata}<br>%{y:.5~g}<extra></extra>"
    return [
        go.Scatter(
            x=jitter(feature, positions)[at],
            y=scores[at],
            customdata=[ranked.records[n].trial for n in at],
            mode="markers",
            marker=marker,
            cliponaxis=False,
            hovertemplate=hover,
        )
        for _ in at[:1]
    ]


def _trend(feature: Feature, positions: Values, scores: Values, colour: str) -> list[Any]:
    """Return the running median of a number, and the quartiles of each option."""
    traces: list[Any] = []
    if feature.is_continuous:
        on_axis = positions >= 0
        trend = running_quartiles(positions[on_axis], scores[on_axis])
        if trend is not None:
            band = np.concatenate([trend.high, trend.low[::-1]])
            around = np.concatenate([trend.at, trend.at[::-1]])
            traces.append(_area(around, band, colour))
            traces.append(_line(trend.at, trend.median, colour))
    options = [(float(level), 0.33) for level in range(len(feature.levels))]
    if feature.has_none:
        options.append((NONE_POSITION, 0.055))
    for position, half in options:
        found = quartiles(scores[positions == position])
        if found is not None:
            low, median, high = found
            left, right = position - half, position + half
            traces.append(_area(np.array([left, right, right, left]), np.array([low, low, high, high]), colour))
            traces.append(_line(np.array([left, right]), np.array([median, median]), colour))
    return traces


def _area(x: Values, y: Values, colour: str) -> Any:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    fill = f"rgba({red},{green},{blue},0.18)"
    return go.Scatter(x=x, y=y, mode="lines", fill="toself", fillcolor=fill, line={"width": 0}, hoverinfo="skip")


def _line(x: Values, y: Values, colour: str) -> Any:
    return go.Scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 2.5}, hoverinfo="skip")
